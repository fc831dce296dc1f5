import { describe, expect, it } from 'vitest';
import { Registry } from '../../src/identity/registry.ts';
import type { EntityChange } from '../../src/identity/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { contentOf } from '../kv/snapshot.ts';

const open = (kv: KvStore = new MemoryKv()): Promise<Registry> => Registry.open({ kv });

const line = ({ kind, entity }: EntityChange): string =>
  `${kind} ${entity.kind} ${entity.zone}/${entity.name}`;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('deleting', () => {
  const filled = async (kv: KvStore = new MemoryKv()): Promise<Registry> => {
    const registry = await open(kv);
    await registry.createZone('acme');
    await registry.createUser('acme', 'ada');
    await registry.createUser('acme', 'bob');
    await registry.createGroup('acme', 'eng');
    await registry.registerAgent('acme', 'builder', { user: 'ada' });
    await registry.registerAgent('acme', 'critic', { user: 'ada' });
    await registry.registerAgent('acme', 'driver', { user: 'bob' });
    return registry;
  };

  it('refuses to delete a user with agents, deletes both with cascade and tells it at once (ID-2)', async () => {
    const kv = new MemoryKv();
    const registry = await filled(kv);
    const heard: string[][] = [];
    registry.subscribe((changes) => void heard.push(changes.map(line)));
    await expect(registry.deleteUser('acme', 'ada')).rejects.toMatchObject({
      code: 'ENOTEMPTY',
      message: expect.stringContaining('"builder", "critic"') as string,
    });
    expect(heard).toEqual([]);
    await registry.deleteUser('acme', 'ada', { cascade: true });
    expect(heard).toEqual([
      ['deleted agent acme/builder', 'deleted agent acme/critic', 'deleted user acme/ada'],
    ]);
    for (const one of [registry, await open(kv)]) {
      expect(one.user('acme', 'ada')).toBeUndefined();
      expect(one.agents('acme')).toMatchObject([{ name: 'driver' }]);
    }
  });

  it('deletes agents, groups and users one by one, and not what is not there (ID-2)', async () => {
    const kv = new MemoryKv();
    const registry = await filled(kv);
    await registry.deleteAgent('acme', 'driver');
    await registry.deleteUser('acme', 'bob');
    await registry.deleteGroup('acme', 'eng');
    for (const gone of [
      registry.deleteAgent('acme', 'driver'),
      registry.deleteUser('acme', 'bob'),
      registry.deleteGroup('acme', 'eng'),
      registry.deleteZone('nowhere'),
      registry.deleteUser('nowhere', 'ada'),
    ]) {
      await expect(gone).rejects.toMatchObject({ code: 'ENOENT' });
    }
    expect((await open(kv)).agents('acme')).toHaveLength(2);
  });

  it('refuses to delete a zone that is not empty, and the first one always (ID-2)', async () => {
    const kv = new MemoryKv();
    const registry = await filled(kv);
    await expect(registry.deleteZone('acme')).rejects.toMatchObject({
      code: 'ENOTEMPTY',
      message: expect.stringContaining('2 users, 3 agents and 1 groups') as string,
    });
    await expect(registry.deleteZone('default', { cascade: true })).rejects.toMatchObject({ code: 'EPERM' });
    await registry.deleteZone('acme', { cascade: true });
    expect(registry.zone('acme')).toBeUndefined();
    expect(registry.agent('acme', 'builder')).toBeUndefined();
    const again = await open(kv);
    expect(again.zones()).toMatchObject([{ name: 'default' }]);
    await again.createZone('acme');
    expect(again.users('acme')).toEqual([]);
    expect(Object.keys(await contentOf(kv))).toHaveLength(2);
  });

  it('waits for listeners; the name is free when they are done and not before (PERM-10)', async () => {
    const registry = await filled();
    const events: string[] = [];
    let release = (): void => undefined;
    registry.subscribe(async (changes) => {
      events.push(...changes.map(line));
      if (changes[0]!.kind === 'deleted') await new Promise<void>((resolve) => (release = resolve));
    });
    const deletion = registry.deleteAgent('acme', 'builder').then(() => events.push('deletion is over'));
    const creation = registry.registerAgent('acme', 'builder', { user: 'bob' });
    await turn();
    expect(registry.agent('acme', 'builder')).toBeUndefined();
    await registry.createGroup('acme', 'other');
    release();
    await Promise.all([deletion, creation]);
    expect(events).toEqual([
      'deleted agent acme/builder',
      'created group acme/other',
      'deletion is over',
      'created agent acme/builder',
    ]);
    expect(registry.agent('acme', 'builder')).toMatchObject({ user: 'bob' });
  });

  it('tells a deletion again when a listener failed, before the name is used again (PERM-10)', async () => {
    const kv = new MemoryKv();
    const registry = await filled(kv);
    let broken = true;
    const heard: string[] = [];
    registry.subscribe(async (changes) => {
      heard.push(...changes.map(line));
      await turn();
      if (broken) throw new Error('cannot delete its tuples');
    });
    await expect(registry.deleteAgent('acme', 'driver')).rejects.toMatchObject({
      code: 'EIO',
      cause: { message: 'cannot delete its tuples' },
    });
    expect(registry.agent('acme', 'driver')).toBeUndefined();
    await expect(registry.registerAgent('acme', 'driver', { user: 'bob' })).rejects.toMatchObject({
      code: 'EIO',
    });
    await expect(registry.deleteAgent('acme', 'driver')).rejects.toMatchObject({ code: 'EIO' });
    expect(heard).toEqual(Array(3).fill('deleted agent acme/driver'));
    broken = false;
    await registry.registerAgent('acme', 'driver', { user: 'bob' });
    expect(heard.slice(3)).toEqual(['deleted agent acme/driver', 'created agent acme/driver']);
    await registry.settle();
    expect(heard).toHaveLength(5);
  });

  it('frees a name only when its last telling is over (PERM-10)', async () => {
    const registry = await filled();
    const releases: (() => void)[] = [];
    const heard: string[] = [];
    registry.subscribe((changes) => {
      heard.push(...changes.map(line));
      if (changes[0]!.kind === 'created') return;
      return new Promise<void>((resolve) => releases.push(resolve));
    });
    const deletion = registry.deleteGroup('acme', 'eng');
    await turn();
    const settling = registry.settle();
    await turn();
    releases[0]!();
    await deletion;
    const creation = registry.createGroup('acme', 'eng');
    await turn();
    expect(registry.group('acme', 'eng')).toBeUndefined();
    releases[1]!();
    await Promise.all([settling, creation]);
    expect(heard).toEqual(['deleted group acme/eng', 'deleted group acme/eng', 'created group acme/eng']);
  });

  it('tells deletions again that a crash interrupted (PERM-10)', async () => {
    const kv = new MemoryKv();
    const registry = await filled(kv);
    registry.subscribe(() => new Promise<void>(() => undefined));
    void registry.deleteZone('acme', { cascade: true });
    await turn();
    const again = await open(kv);
    expect(again.zone('acme')).toBeUndefined();
    const heard: string[] = [];
    again.subscribe((changes) => void heard.push(...changes.map(line)));
    await again.settle();
    expect(heard.sort()).toEqual([
      'deleted agent acme/builder',
      'deleted agent acme/critic',
      'deleted agent acme/driver',
      'deleted group acme/eng',
      'deleted user acme/ada',
      'deleted user acme/bob',
      'deleted zone acme/acme',
    ]);
    await (await open(kv)).settle();
    expect(Object.keys(await contentOf(kv))).toHaveLength(1);
  });
});
