/** Agents with their users, ceilings, what keeps them out; subjects of other zones. */
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/access/types.ts';
import { World } from './world.ts';

/** / 1, /a 2, /a/b 3, /a/b/f 4, /c 6, /c/h 7; nodes from 100 on belong to the zone lab: /lab 100, /lab/x 101. */
async function world(): Promise<World> {
  const made = await World.open({ zoneOf: (node) => (node >= 100 ? 'lab' : 'default') });
  made.tree.add(2, [1], { directory: true }).add(3, [2], { directory: true }).add(4, [3]);
  made.tree.add(6, [1], { directory: true }).add(7, [6]);
  made.tree.add(100, [1], { directory: true }).add(101, [100]);
  await made.users('ada', 'bob');
  await made.registry.registerAgent('default', 'bot', { user: 'ada' });
  await made.registry.createZone('lab');
  await made.registry.createUser('lab', 'ada');
  return made;
}

describe('agents', () => {
  test('an agent has its own rights and those of its user, and loses them with the user (PERM-6)', async () => {
    await using w = await world();
    await w.grant('file:3#viewer@agent:bot');
    await w.grant('file:6#owner@user:ada');
    expect(await w.rights('agent:bot', 4)).toBe('sr--');
    expect(await w.rights('agent:bot', 7)).toBe('srwo');
    expect(await w.rights('user:ada', 4)).toBe('----');
    await w.revoke('file:6#owner@user:ada');
    expect(await w.rights('agent:bot', 7)).toBe('----');
    expect(await w.rights('agent:bot', 4)).toBe('sr--');
  });

  test.each([
    ['none', '----', '----'],
    ['viewer', 'sr--', 's---'],
    ['editor', 'srw-', 's---'],
    ['owner', 'srwo', 's---'],
  ] as const)(
    'the ceiling %s cuts what comes from the user, not what is its own (PERM-6)',
    async (ceiling, got, above) => {
      await using w = await world();
      await w.registry.registerAgent('default', 'low', { user: 'ada', ceiling });
      await w.grant('file:4#owner@user:ada');
      await w.grant('file:6#owner@agent:low');
      expect(await w.rights('agent:low', 4)).toBe(got);
      expect(await w.rights('agent:low', 3)).toBe(above);
      expect(await w.rights('agent:low', 7)).toBe('srwo');
    },
  );

  test('a ceiling that changes counts at once, and is told (PERM-6)', async () => {
    await using w = await world();
    await w.grant('file:3#editor@user:ada');
    expect(await w.rights('agent:bot', 4)).toBe('srw-');
    const changes: Change[] = [];
    w.access.subscribe((change) => void changes.push(change));
    await w.registry.setCeiling('default', 'bot', 'viewer');
    expect(await w.rights('agent:bot', 4)).toBe('sr--');
    expect(changes[0]?.affects('agent:bot', 'default')).toBe(true);
    expect(changes[0]?.affects('user:bob', 'default')).toBe(false);
  });

  test('a blocked agent has nothing, whatever its user has; nor does it see the way there (PERM-6)', async () => {
    await using w = await world();
    await w.grant('file:4#owner@user:ada');
    expect(await w.rights('agent:bot', 3)).toBe('s---');
    await w.grant('file:3#blocked@agent:bot');
    expect(await w.rights('agent:bot', 4)).toBe('----');
    expect(await w.rights('agent:bot', 3)).toBe('----');
    expect(await w.rights('agent:bot', 2)).toBe('----');
    expect(await w.rights('user:ada', 4)).toBe('srwo');
    await w.revoke('file:3#blocked@agent:bot');
    expect(await w.rights('agent:bot', 2)).toBe('s---');
    await w.grant('file:3#blocked@user:ada');
    expect(await w.rights('agent:bot', 4)).toBe('----');
    await w.grant('file:4#viewer@agent:bot');
    expect(await w.rights('agent:bot', 4)).toBe('sr--');
  });

  test('the way to what only the user was granted is seen by the agent too (PERM-4)', async () => {
    await using w = await world();
    await w.grant('file:4#viewer@user:ada');
    expect(await w.rights('agent:bot', 2)).toBe('s---');
    expect(await w.rights('agent:bot', 6)).toBe('----');
    await w.grant('file:7#viewer@agent:bot');
    expect(await w.rights('agent:bot', 6)).toBe('s---');
    expect(await w.rights('user:ada', 6)).toBe('----');
  });

  test('who is not registered has nothing, neither before nor after (PERM-6)', async () => {
    await using w = await world();
    await w.grant('file:3#viewer@agent:new');
    await w.grant('file:6#viewer@agent:*');
    expect(await w.rights('agent:new', 4)).toBe('----');
    expect(await w.rights('agent:new', 7)).toBe('----');
    expect(await w.rights('agent:new', 1)).toBe('----');
    await w.registry.registerAgent('default', 'new', { user: 'bob' });
    expect(await w.rights('agent:new', 4)).toBe('sr--');
    expect(await w.rights('agent:new', 7)).toBe('sr--');
    const changes: Change[] = [];
    w.access.subscribe((change) => void changes.push(change));
    await w.registry.deleteAgent('default', 'new');
    expect(changes[0]?.affects('agent:new', 'default')).toBe(true);
    expect(await w.rights('agent:new', 4)).toBe('----');
  });
});

describe('zones', () => {
  test('a subject of another zone has what tuples of the zone say about it, and is not among everybody (PERM-7)', async () => {
    await using w = await world();
    await w.grant('file:100#viewer@user:*', {}, 'lab');
    await w.grant('file:2#owner@user:ada');
    expect(await w.rights('user:ada', 101, 'lab')).toBe('sr--');
    expect(await w.rights('user:ada', 4, 'lab')).toBe('----');
    expect(await w.rights('user:ada', 101)).toBe('----');
    await w.grant('file:101#editor@user:default/ada', {}, 'lab');
    expect(await w.rights('user:ada', 101)).toBe('srw-');
    expect(await w.rights('agent:bot', 101)).toBe('srw-');
    expect(await w.rights('user:bob', 101)).toBe('----');
  });

  test('everybody in a group does not reach over zones either (PERM-7)', async () => {
    await using w = await world();
    await (await w.store('lab')).setModel(model.replace('[user]', '[user, user:*]'));
    await w.grant('group:g#member@user:*', {}, 'lab');
    await w.grant('file:101#viewer@group:g#member', {}, 'lab');
    expect(await w.rights('user:ada', 101, 'lab')).toBe('sr--');
    expect(await w.rights('user:ada', 101)).toBe('----');
    await w.grant('group:g#member@user:default/ada', {}, 'lab');
    expect(await w.rights('user:ada', 101)).toBe('sr--');
  });

  test('nothing is inherited over the border of a zone, and tuples on nodes of another zone say nothing (PERM-7)', async () => {
    await using w = await world();
    await w.grant('file:1#owner@user:ada');
    await w.grant('file:1#owner@user:ada', {}, 'lab');
    await w.grant('file:101#owner@user:bob');
    expect(await w.rights('user:ada', 7)).toBe('srwo');
    expect(await w.rights('user:ada', 101, 'lab')).toBe('----');
    expect(await w.rights('user:bob', 101)).toBe('----');
    expect(await w.rights('user:bob', 100)).toBe('----');
    // Owners are named as their own zone does; the same name of another zone is somebody else.
    w.tree.add(102, [100], { owner: 'user:default/bob' }).add(103, [100], { owner: 'user:bob' });
    expect(await w.rights('user:bob', 102)).toBe('srwo');
    expect(await w.rights('user:bob', 103)).toBe('----');
  });

  test('directories of another zone are seen where they lead to a grant in the own one (PERM-4)', async () => {
    await using w = await world();
    w.tree.add(110, [6], { directory: true }).add(111, [110]);
    expect(await w.rights('user:ada', 6, 'lab')).toBe('----');
    await w.grant('file:111#viewer@user:ada', {}, 'lab');
    expect(await w.rights('user:ada', 6, 'lab')).toBe('s---');
    expect(await w.rights('user:ada', 7, 'lab')).toBe('----');
  });
});

const model = `model
  schema 1.1
type user
type agent
type group
  relations
    define member: [user]
type file
  relations
    define parent: [file]
    define viewer: [user, agent, group#member] or viewer from parent
    define can_read: viewer
    define can_write: viewer but not viewer
    define can_own: can_write`;
