/** The operations on users, agents, groups and zones, and who may mount as whom. */
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { rightsWorld, tuple } from './rights-world.ts';
import type { RightsWorld } from './rights-world.ts';

let world: RightsWorld;
const kv = (): MemoryKv => new MemoryKv();

beforeEach(async () => {
  world = await rightsWorld();
  await world.run('users.create', { name: 'alice' });
  await world.run('users.create', { name: 'bob' });
  await world.run('agents.register', { name: 'bot', owner: 'alice' });
});

const alice = { subject: 'user:alice' };
const bob = { subject: 'user:bob' };

describe('the registry', () => {
  it('lists, page by page, and removes (ID-2)', async () => {
    expect(await world.run('users.list', {})).toEqual([{ name: 'alice' }, { name: 'bob' }]);
    expect(await world.run('users.list', { limit: 1, after: 'alice' })).toEqual([{ name: 'bob' }]);
    await world.run('agents.register', { name: 'looker', owner: 'bob', ceiling: 'reader' });
    expect(await world.run('agents.list', {})).toEqual([
      { name: 'bot', owner: 'alice' },
      { name: 'looker', owner: 'bob', ceiling: 'viewer' },
    ]);
    await world.run('agents.delete', { name: 'looker' });
    expect(await world.run('agents.list', {})).toEqual([{ name: 'bot', owner: 'alice' }]);
    await world.run('zones.create', { name: 'acme' });
    expect(await world.run('zones.list', {})).toEqual([{ name: 'acme' }, { name: 'default' }]);
    await world.run('zones.delete', { name: 'acme' });
    expect(await world.run('zones.list', {})).toEqual([{ name: 'default' }]);
  });

  it('says what is wrong with a name, or with what it belongs to (ID-2)', async () => {
    expect(await world.failure('users.create', { name: 'alice' })).toMatch(/^EEXIST: .*alice/);
    for (const name of ['a b', 'a/b', 'a:b', 'a#b', '*', 'a\u0000', 'x'.repeat(300)])
      expect(await world.failure('users.create', { name }), name).toMatch(/^EINVAL: /);
    expect(await world.failure('users.delete', { name: 'carol' })).toMatch(/^ENOENT: .*carol/);
    expect(await world.failure('agents.register', { name: 'x', owner: 'carol' })).toMatch(/^ENOENT: .*carol/);
    expect(await world.failure('agents.register', { name: 'x', owner: 'bob', ceiling: 'king' })).toMatch(
      /ceiling is one of none, viewer, editor, owner/,
    );
    expect(await world.failure('users.create', { name: 'x', zone: 'mars' })).toMatch(/^ENOENT: .*mars/);
    expect(await world.failure('users.delete', { name: 'alice' })).toMatch(/^ENOTEMPTY: .*bot/);
  });

  it('lets users have agents of their own, and only administrators the rest (ID-2)', async () => {
    await world.run('agents.register', { name: 'mine', owner: 'bob' }, bob);
    expect(await world.run('agents.list', {}, bob)).toEqual([{ name: 'mine', owner: 'bob' }]);
    expect(await world.failure('agents.register', { name: 'spy', owner: 'alice' }, bob)).toMatch(/^EACCES/);
    expect(await world.failure('agents.delete', { name: 'bot' }, bob)).toMatch(/^EACCES/);
    await world.run('agents.delete', { name: 'mine' }, bob);
    expect(await world.failure('users.create', { name: 'eve' }, bob)).toMatch(/^EACCES/);
    expect(await world.failure('users.list', {}, bob)).toMatch(/^EACCES/);
    expect(await world.failure('groups.create', { name: 'g' }, bob)).toMatch(/^EACCES/);
    expect(await world.failure('zones.create', { name: 'z' }, bob)).toMatch(/^EACCES/);
  });

  it('ends with a name what was granted to it, in every zone (PERM-10)', async () => {
    await world.run('zones.create', { name: 'acme' });
    await world.run('agents.register', { name: 'temp', owner: 'alice' });
    await world.run('rebac.grant', tuple('agent temp, editor, file /docs'));
    await world.run('rebac.grant', { ...tuple('agent default/temp, viewer, memory m'), zone: 'acme' });
    await world.run('agents.delete', { name: 'temp' });
    await world.run('agents.register', { name: 'temp', owner: 'bob' });
    const { allowed } = await world.run('rebac.check', tuple('agent temp, can_read, file /docs'));
    expect(allowed).toBe(false);
    expect((await world.run('rebac.list', {})).tuples).toEqual([]);
    expect((await world.run('rebac.list', { zone: 'acme' })).tuples).toEqual([]);
  });

  it('stays over a restart (ID-2)', async () => {
    const store = kv();
    const first = await rightsWorld(store);
    await first.run('users.create', { name: 'carol' });
    await first.run('rebac.grant', tuple('user carol, viewer, file /docs'));
    const second = await rightsWorld(store, first.tree);
    expect(await second.run('users.list', {})).toEqual([{ name: 'carol' }]);
    expect((await second.run('rebac.check', tuple('user carol, can_read, file /docs'))).allowed).toBe(true);
  });
});

describe('groups', () => {
  beforeEach(async () => {
    await world.run('groups.create', { name: 'eng' });
    await world.run('groups.create', { name: 'ops' });
  });

  it('have users, agents and groups as members (PERM-1)', async () => {
    await world.run('groups.addMember', { group: 'eng', subjects: ['user:alice', 'group:ops'] });
    await world.run('groups.addMember', { group: 'ops', subjects: ['agent:bot', 'user:bob'] });
    const members = await world.run('groups.members', { group: 'eng' });
    expect(members.map(({ subject }) => subject).sort()).toEqual(['group:ops#member', 'user:alice']);
    const member = tuple('user bob, member, group eng');
    expect((await world.run('rebac.check', member)).allowed).toBe(true);
    await world.run('groups.removeMember', { group: 'ops', subjects: ['user:bob'] });
    expect((await world.run('rebac.check', member)).allowed).toBe(false);
  });

  it('say who is missing (ID-2)', async () => {
    const add = (subject: string): Promise<string> =>
      world.failure('groups.addMember', { group: 'eng', subjects: [subject] });
    expect(await add('user:carol')).toContain('nexus user create carol');
    expect(await add('agent:x')).toContain('nexus agent register x --owner USER');
    expect(await add('group:x')).toContain('nexus group create x');
    expect(await world.failure('groups.members', { group: 'none' })).toContain('nexus group create none');
    const remove = { group: 'eng', subjects: ['user:bob'] };
    expect(await world.failure('groups.removeMember', remove)).toMatch(/^ENOENT: user:bob is no member/);
  });

  it('are changed by their administrators (PERM-2)', async () => {
    const add = { group: 'eng', subjects: ['user:bob'] };
    expect(await world.failure('groups.addMember', add, alice)).toMatch(/^EACCES/);
    await world.run('groups.addMember', { group: 'eng', subjects: ['user:alice'], relation: 'admin' });
    await world.run('groups.addMember', add, alice);
    expect(await world.failure('groups.addMember', { ...add, group: 'ops' }, alice)).toMatch(/^EACCES/);
  });
});

describe('who may mount as whom', () => {
  const request = { dir: '/m', zone: 'default', readOnly: false, passthrough: true };

  it('administrators as anybody who is registered (ID-1)', async () => {
    expect((await world.run('mounts.add', request)).as).toMatch(/^user:/);
    expect((await world.run('mounts.add', { ...request, as: 'agent:bot' })).as).toBe('agent:bot');
    expect(await world.failure('mounts.add', { ...request, as: 'agent:nobody' })).toBe(
      'ENOENT: agent:nobody is not registered: `nexus agent register nobody --owner USER` does it',
    );
    expect(await world.failure('mounts.add', { ...request, as: 'user:carol' })).toContain(
      'nexus user create carol',
    );
    expect(await world.failure('mounts.add', { ...request, as: 'group:eng' })).toMatch(/^E(INVAL|NOENT): /);
    expect(await world.failure('mounts.add', { ...request, zone: 'mars' })).toContain(
      'nexus zone create mars',
    );
  });

  it('others as themselves and their agents (ID-1)', async () => {
    for (const as of ['user:alice', 'agent:bot']) await world.run('mounts.add', { ...request, as }, alice);
    for (const as of ['user:alice', 'agent:bot'])
      expect(await world.failure('mounts.add', { ...request, as }, bob)).toMatch(
        /^EACCES: user:bob may not mount/,
      );
    await world.run('zones.create', { name: 'acme' });
    await world.run('users.create', { name: 'alice', zone: 'acme' });
    const elsewhere = { ...request, as: 'user:alice', zone: 'acme' };
    expect(await world.failure('mounts.add', elsewhere, alice)).toMatch(/^EACCES/);
  });

  it('every user of a shared mount must be one (ID-1)', async () => {
    const users = { '1000': 'user:alice', '1001': 'user:carol' };
    expect(await world.failure('mounts.add', { ...request, users })).toContain('nexus user create carol');
    await world.run('users.create', { name: 'carol' });
    expect((await world.run('mounts.add', { ...request, users })).users).toEqual(users);
    expect(await world.failure('mounts.add', { ...request, users }, alice)).toMatch(/^EACCES/);
    const odd = { ...request, users: { root: 'user:alice' } };
    expect(await world.failure('mounts.add', odd)).toContain('a user id is a number');
  });
});
