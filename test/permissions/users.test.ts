/** One mount for several users: each system call is made as the subject its user id stands for. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoMounts } from '../mount/harness.ts';
import { Probe, World } from './world.ts';

const isRoot = process.getuid?.() === 0;

describe.skipIf(whyNoMounts() !== undefined || !isRoot)('a mount of several users', () => {
  let world: World;
  let volume: string;
  const probes = new Map<string, Probe>();
  const as = (who: string, operation: string, ...args: readonly string[]) => {
    const probe = probes.get(who);
    if (probe === undefined) throw new Error(who);
    return probe.call(operation, ...args);
  };
  beforeAll(async () => {
    world = await World.open();
    await world.shell(`
mkdir -p a b both && echo a > a/file && echo b > b/file && echo both > both/file && head -c 20000 /dev/zero > both/big
chmod -R a+rwX .`);
    const { root } = world.mounted;
    await world.nexus('user', 'create', 'alice');
    await world.nexus('agent', 'register', 'bot', '--owner', 'alice', '--ceiling', 'none');
    await writeFile(join(root, 'users'), '# who is who\n61001 user:alice\n61002 agent:bot\n');
    const dir = join(root, 'several');
    await mkdir(dir);
    await world.nexus('mount', dir, '--users', join(root, 'users'));
    volume = join(dir, 'workspace');
    for (const [who, uid] of [
      ['alice', 61001],
      ['bot', 61002],
      ['nobody', 61003],
    ] as const)
      probes.set(who, new Probe(uid));
    for (const [type, name, path, relation] of [
      ['user', 'alice', 'a', 'owner'],
      ['agent', 'bot', 'b', 'editor'],
      ['user', 'alice', 'both', 'editor'],
      ['agent', 'bot', 'both', 'viewer'],
    ] as const) {
      await world.nexus('rebac', 'grant', type, name, 'file', `/workspace/${path}`, '--relation', relation);
    }
  });
  afterAll(async () => {
    for (const probe of probes.values()) probe[Symbol.dispose]();
    await world[Symbol.asyncDispose]();
  });

  it('shows each what it was granted, in any order of asking (ID-1, PERM-3)', async () => {
    for (let round = 0; round < 3; round++) {
      expect(await as('alice', 'names', volume)).toEqual(['a', 'both']);
      expect(await as('bot', 'names', volume)).toEqual(['b', 'both']);
      expect(await as('alice', 'content', `${volume}/a/file`)).toBe('a\n');
      expect(await as('bot', 'stat', `${volume}/a/file`)).toBe('ENOENT');
      expect(await as('alice', 'stat', `${volume}/b/file`)).toBe('ENOENT');
      expect(await as('alice', 'write', `${volume}/both/file`)).toBe('OK');
      expect(await as('bot', 'write', `${volume}/both/file`)).toBe('EACCES');
      expect(await as('bot', 'content', `${volume}/both/file`)).toBe('both\n');
    }
  });

  it('shows nothing to a user it does not know (ID-1)', async () => {
    expect(await as('nobody', 'list', volume)).toBe('EACCES');
    expect(await as('nobody', 'stat', `${volume}/both/file`)).toBe('EACCES');
  });

  it('takes away from one what the other keeps, open files included (ID-1, PERM-5)', async () => {
    for (const who of ['alice', 'bot']) {
      expect(await as(who, 'keep', 'big', `${volume}/both/big`)).toBe('OK');
      expect(await as(who, 'pread', 'big')).toBe('OK');
    }
    await world.nexus('rebac', 'revoke', 'agent', 'bot', 'file', '/workspace/both', '--relation', 'viewer');
    expect(await as('bot', 'pread', 'big')).toBe('EACCES');
    expect(await as('bot', 'stat', `${volume}/both/big`)).toBe('ENOENT');
    expect(await as('alice', 'pread', 'big')).toBe('OK');
    expect(await as('alice', 'stat', `${volume}/both/big`)).toBe('OK');
  });

  it('makes whoever creates a file its owner (ID-1, PERM-9)', async () => {
    expect(await as('bot', 'create', `${volume}/b/mine`)).toBe('OK');
    const check = await world.mounted.nexus([
      'rebac',
      'check',
      'agent',
      'bot',
      'file',
      '/workspace/b/mine',
      '--relation',
      'owner',
    ]);
    expect(check.stdout).toContain('yes');
  });

  it('says what is wrong with the list of users (ID-1)', async () => {
    const { root } = world.mounted;
    const dir = join(root, 'wrong');
    await mkdir(dir);
    for (const [text, complaint] of [
      ['61001 alice', /alice/],
      ['many user:alice', /bad-users:1: .*user id/],
      ['61001 user:stranger', /stranger/],
      ['61001 user:alice\n61001 agent:bot', /61001/],
    ] as const) {
      await writeFile(join(root, 'bad-users'), `${text}\n`);
      const { code, stderr } = await world.mounted.nexus(['mount', dir, '--users', join(root, 'bad-users')]);
      expect([text, code === 0]).toEqual([text, false]);
      expect(stderr).toMatch(complaint);
    }
  });
});
