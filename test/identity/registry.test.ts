import { describe, expect, it } from 'vitest';
import { Registry } from '../../src/identity/registry.ts';
import type { EntityChange } from '../../src/identity/types.ts';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { FailingKv } from '../fault/failing-kv.ts';
import { contentOf } from '../kv/snapshot.ts';
import { temporaryDirectory } from '../kv/temporary.ts';

const open = (kv: KvStore = new MemoryKv(), now = (): number => 7): Promise<Registry> =>
  Registry.open({ kv, now });

const line = ({ kind, entity }: EntityChange): string =>
  `${kind} ${entity.kind} ${entity.zone}/${entity.name}`;

describe('registering', () => {
  it('knows a zone from the beginning, and no users (ID-2)', async () => {
    const registry = await open();
    expect(registry.zone('default')).toEqual({
      kind: 'zone',
      zone: 'default',
      name: 'default',
      created: 7,
    });
    expect(registry.zones()).toHaveLength(1);
    expect(registry.users('default')).toEqual([]);
    expect(registry.user('default', 'ada')).toBeUndefined();
    expect(registry.agent('nowhere', 'ada')).toBeUndefined();
  });

  it('finds at once what was registered, with its owner, ceiling and time (ID-2)', async () => {
    const registry = await open();
    const user = await registry.createUser('default', 'ada');
    const agent = await registry.registerAgent('default', 'builder', { user: 'ada', ceiling: 'editor' });
    const other = await registry.registerAgent('default', 'ada', { user: 'ada' });
    const group = await registry.createGroup('default', 'ada');
    expect(user).toEqual({ kind: 'user', zone: 'default', name: 'ada', created: 7 });
    expect(agent).toEqual({
      kind: 'agent',
      zone: 'default',
      name: 'builder',
      created: 7,
      user: 'ada',
      ceiling: 'editor',
    });
    expect('ceiling' in other).toBe(false);
    expect(registry.user('default', 'ada')).toEqual(user);
    expect(registry.agent('default', 'builder')).toEqual(agent);
    expect(registry.group('default', 'ada')).toEqual(group);
    expect(registry.user('default', 'Ada')).toBeUndefined();
  });

  it('refuses an agent without an owner in its zone, a zone that is not there, a name that is taken (ID-2)', async () => {
    const registry = await open();
    await registry.createZone('acme');
    await registry.createUser('acme', 'ada');
    await expect(registry.registerAgent('default', 'builder', { user: 'ada' })).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('no user "ada" in zone "default"') as string,
    });
    await expect(registry.createUser('nowhere', 'ada')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(registry.createUser('acme', 'ada')).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(registry.createZone('acme')).rejects.toMatchObject({ code: 'EEXIST' });
    await registry.registerAgent('acme', 'builder', { user: 'ada' });
    await expect(registry.registerAgent('acme', 'builder', { user: 'ada' })).rejects.toMatchObject({
      code: 'EEXIST',
    });
    expect(() => registry.users('nowhere')).toThrow('there is no zone "nowhere"');
    expect(registry.agents('default')).toEqual([]);
  });

  it('gives a name to one of two who want it at the same time (ID-2)', async () => {
    const registry = await open();
    const outcomes = await Promise.allSettled([
      registry.createUser('default', 'a'),
      registry.createUser('default', 'a'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('changes a ceiling and takes it away again (PERM-6)', async () => {
    const kv = new MemoryKv();
    const registry = await open(kv);
    await registry.createUser('default', 'ada');
    await registry.registerAgent('default', 'builder', { user: 'ada' });
    const heard: string[] = [];
    registry.subscribe((changes) => void heard.push(...changes.map(line)));
    expect(await registry.setCeiling('default', 'builder', 'viewer')).toMatchObject({
      ceiling: 'viewer',
      user: 'ada',
    });
    expect(await registry.setCeiling('default', 'builder', 'viewer')).toMatchObject({ ceiling: 'viewer' });
    expect((await open(kv)).agent('default', 'builder')).toMatchObject({ ceiling: 'viewer' });
    expect('ceiling' in (await registry.setCeiling('default', 'builder', undefined))).toBe(false);
    expect('ceiling' in (await open(kv)).agent('default', 'builder')!).toBe(false);
    expect(heard).toEqual(['changed agent default/builder', 'changed agent default/builder']);
    await expect(registry.setCeiling('default', 'nobody', 'none')).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await expect(registry.setCeiling('default', 'builder', 'root' as 'owner')).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringContaining('none, viewer, editor, owner') as string,
    });
  });

  it.each([
    ['', 'is empty'],
    ['x'.repeat(257), 'has 257 bytes: at most 256'],
    ['é'.repeat(129), 'has 258 bytes'],
    ['x'.repeat(65_536), 'has 65536 bytes'],
    ['a/b', 'contains "/" at 1'],
    ['a:b', 'contains ":" at 1'],
    ['ab#member', 'contains "#" at 2'],
    ['a b', 'contains U+0020 at 1'],
    ['a\0', 'contains U+0000 at 1'],
    ['a\n', 'contains U+000A at 1'],
    ['a\x7f', 'contains U+007F at 1'],
    ['a\u0085', 'contains U+0085 at 1'],
    ['\u2028', 'contains U+2028 at 0'],
    ['\ud800', 'contains U+D800 at 0'],
    ['*', 'means everybody'],
    ['..', 'means a directory'],
  ])('refuses the name %j: it %s (ID-2)', async (name, text) => {
    const kv = new MemoryKv();
    const registry = await open(kv);
    await registry.createUser('default', 'ada');
    const before = await contentOf(kv);
    const refused = { code: 'EINVAL', message: expect.stringContaining(text) as string };
    await expect(registry.createUser('default', name)).rejects.toMatchObject(refused);
    await expect(registry.createZone(name)).rejects.toMatchObject(refused);
    await expect(registry.createGroup('default', name)).rejects.toMatchObject(refused);
    await expect(registry.registerAgent('default', name, { user: 'ada' })).rejects.toMatchObject(refused);
    expect(await contentOf(kv)).toEqual(before);
  });

  it('keeps names byte for byte, zones apart (ID-2)', async () => {
    const kv = new MemoryKv();
    const registry = await open(kv);
    const names = [
      'a',
      'A',
      'ad',
      'é',
      'e\u0301',
      '\u{1f600}',
      'a@b.c',
      '-x',
      '__proto__',
      'x'.repeat(256),
      '\uffee',
    ];
    for (const zone of names) {
      await registry.createZone(zone);
      for (const name of names) if (name !== zone) await registry.createUser(zone, name);
    }
    for (const one of [registry, await open(kv)]) {
      for (const zone of names) {
        expect(one.user(zone, zone)).toBeUndefined();
        expect(new Set(one.users(zone).map(({ name }) => name))).toEqual(
          new Set(names.filter((name) => name !== zone)),
        );
      }
    }
  });
});

describe('listing', () => {
  it('pages in the order of bytes, whatever is created or deleted between pages (ID-2)', async () => {
    const registry = await open();
    const names = ['b', 'a', 'Z', 'é', '\u{1f600}', '\uffee', 'aa', 'ä'];
    for (const name of names) await registry.createGroup('default', name);
    const order = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const paged: string[] = [];
    for (let page = registry.groups('default', { limit: 3 }); page.length > 0; ) {
      paged.push(...page.map(({ name }) => name));
      page = registry.groups('default', { limit: 3, after: paged.at(-1)! });
    }
    expect(paged).toEqual(order);
    await registry.deleteGroup('default', 'aa');
    expect(registry.groups('default').map(({ name }) => name)).toEqual(order.filter((name) => name !== 'aa'));
    await registry.createGroup('default', 'ab');
    expect(registry.groups('default', { after: 'aa', limit: 1 })).toMatchObject([{ name: 'ab' }]);
    expect(() => registry.groups('default', { limit: 0 })).toThrow('whole number from 1');
  });

  it('lists the agents of one user (ID-2)', async () => {
    const registry = await open();
    for (const user of ['ada', 'bob']) {
      await registry.createUser('default', user);
      for (const n of [1, 2, 3]) await registry.registerAgent('default', `${user}-${n}`, { user });
    }
    expect(registry.agents('default', { user: 'bob', limit: 2 })).toMatchObject([
      { name: 'bob-1' },
      { name: 'bob-2' },
    ]);
    expect(registry.agents('default', { user: 'bob', after: 'bob-2' })).toMatchObject([{ name: 'bob-3' }]);
    expect(registry.agents('default')).toHaveLength(6);
  });
});

describe('keeping', () => {
  it('opens as it was left (ID-2)', async () => {
    const directory = temporaryDirectory();
    {
      await using kv = await openLevelKv(directory);
      const registry = await open(kv);
      await registry.createUser('default', 'ada');
      await kv.checkpoint();
      for (let n = 0; n < 1500; n++)
        await registry.registerAgent('default', `a${n}`, { user: 'ada', ceiling: 'none' });
      await registry.deleteAgent('default', 'a7');
    }
    await using kv = await openLevelKv(directory);
    const registry = await open(kv, () => 8);
    expect(registry.zone('default')).toMatchObject({ created: 7 });
    expect(registry.agents('default', { limit: 5000 })).toHaveLength(1499);
    expect(registry.agent('default', 'a1499')).toEqual({
      kind: 'agent',
      zone: 'default',
      name: 'a1499',
      created: 7,
      user: 'ada',
      ceiling: 'none',
    });
  });

  it('changes all or nothing whichever call to the kv fails (ID-2)', async () => {
    for (let n = 1; ; n++) {
      const inner = new MemoryKv();
      const first = await open(inner);
      await first.createUser('default', 'ada');
      await first.registerAgent('default', 'builder', { user: 'ada' });
      const kv = new FailingKv(inner, n);
      const registry = await open(kv).catch(() => undefined);
      if (registry === undefined) continue;
      try {
        await registry.deleteUser('default', 'ada', { cascade: true });
      } catch (error) {
        expect(error).toMatchObject({ code: 'EIO' });
      }
      const after = await open(inner);
      const left = [after.user('default', 'ada'), after.agent('default', 'builder')].filter(
        (one) => one !== undefined,
      );
      expect([0, 2]).toContain(left.length);
      expect(
        [registry.user('default', 'ada'), registry.agent('default', 'builder')].filter(
          (one) => one !== undefined,
        ),
      ).toEqual(left);
      if (left.length === 0) {
        await after.settle();
        await after.createUser('default', 'ada');
      }
      if (!kv.failed) {
        expect(left).toEqual([]);
        expect(n).toBeGreaterThan(3);
        return;
      }
    }
  });

  it('refuses to open damaged records (ID-2)', async () => {
    for (const value of [
      '',
      '{',
      '{}',
      'null',
      '{"created":1}',
      '{"created":1,"user":"ada","ceiling":"root"}',
    ]) {
      const kv = new MemoryKv();
      const registry = await open(kv);
      await registry.createUser('default', 'ada');
      await registry.registerAgent('default', 'builder', { user: 'ada', ceiling: 'none' });
      const key = Object.keys(await contentOf(kv)).find((one) => one.endsWith('abuilder'))!;
      await kv.write((tx) => tx.put(key, Buffer.from(value)));
      await expect(open(kv)).rejects.toMatchObject({ code: 'EIO' });
    }
  });
});
