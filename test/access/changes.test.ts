/** What changes of tuples, of the tree, of the registry and of the clock do to answers given before. */
import { describe, expect, test } from 'vitest';
import type { Change } from '../../src/access/types.ts';
import { caller, World } from './world.ts';

/** / 1, /a 2, /a/b 3, /a/b/f 4, /c 6, /c/h 7. */
async function world(options: Parameters<typeof World.open>[0] = {}): Promise<World> {
  const made = await World.open(options);
  made.tree.add(2, [1], { directory: true }).add(3, [2], { directory: true }).add(4, [3]);
  made.tree.add(6, [1], { directory: true }).add(7, [6]);
  await made.users('ada', 'bob');
  return made;
}

function heard(w: World): Change[] {
  const changes: Change[] = [];
  w.access.subscribe((change) => void changes.push(change));
  return changes;
}

describe('tuples', () => {
  test('a write resolves after its listeners; they hear whom it concerns (PERM-5)', async () => {
    await using w = await world();
    await w.registry.registerAgent('default', 'bot', { user: 'ada' });
    for (const who of ['user:ada', 'user:bob', 'agent:bot']) await w.may(who, 'read', 4);
    let done = false;
    const changes = heard(w);
    w.access.subscribe(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      done = true;
    });
    await w.grant('file:3#viewer@user:ada');
    expect(done).toBe(true);
    expect(changes).toHaveLength(1);
    expect(changes[0]?.affects('user:ada', 'default')).toBe(true);
    expect(changes[0]?.affects('agent:bot', 'default')).toBe(true);
    expect(changes[0]?.affects('user:bob', 'default')).toBe(false);
    expect(changes[0]?.affects('user:root', 'default')).toBe(false);
    expect(changes[0]?.affects('user:ada', 'other')).toBe(false);
  });

  test('a membership concerns who may be in the group (PERM-5)', async () => {
    await using w = await world();
    await w.grant('group:eng#member@user:ada');
    for (const who of ['user:ada', 'user:bob']) await w.may(who, 'read', 4);
    const changes = heard(w);
    await w.grant('group:all#member@group:eng#member');
    expect(changes[0]?.affects('user:ada', 'default')).toBe(true);
    expect(changes[0]?.affects('user:bob', 'default')).toBe(false);
  });

  test('the revision moves with each change, and with nothing else (PERM-5)', async () => {
    await using w = await world();
    const start = w.access.revision;
    await w.rights('user:ada', 4);
    expect(w.access.revision).toBe(start);
    await w.grant('file:3#viewer@user:ada');
    const granted = w.access.revision;
    expect(granted).toBeGreaterThan(start);
    await w.access.moved(4);
    expect(w.access.revision).toBeGreaterThan(granted);
    const moved = w.access.revision;
    await w.registry.createUser('default', 'eve');
    expect(w.access.revision).toBeGreaterThan(moved);
  });

  test('an answer given while a tuple is taken away is not remembered (PERM-5)', async () => {
    await using w = await world();
    await w.grant('file:2#viewer@user:ada');
    w.tree.slow = () => true;
    const asked = w.may('user:ada', 'read', 4);
    await w.revoke('file:2#viewer@user:ada');
    await asked;
    expect(await w.may('user:ada', 'read', 4)).toBe(false);
  });

  test('leaving a group and then the group losing its grant, with no question between them (PERM-5)', async () => {
    await using w = await world();
    await w.grant('group:eng#member@user:ada');
    await w.grant('file:3#viewer@group:eng#member');
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    await w.revoke('group:eng#member@user:ada');
    await w.revoke('file:3#viewer@group:eng#member');
    expect(await w.rights('user:ada', 4)).toBe('----');
  });

  test('being the owner as the tree knows it is not counted as granted when tuples are read anew (PERM-4)', async () => {
    await using w = await world();
    w.tree.add(8, [3], { owner: 'user:ada' });
    expect(await w.rights('user:ada', 3)).toBe('----');
    await w.grant('file:8#owner@user:ada', { expires: 1 });
    expect(await w.rights('user:ada', 3)).toBe('----');
    expect(await w.rights('user:ada', 8)).toBe('srwo');
  });

  test('a listener that fails keeps nobody else from hearing; the change stays (PERM-5)', async () => {
    await using w = await world();
    await w.may('user:ada', 'read', 4);
    w.access.subscribe(() => {
      throw new Error('no');
    });
    const changes = heard(w);
    await expect(w.grant('file:3#viewer@user:ada')).rejects.toThrow('EIO');
    expect(changes).toHaveLength(1);
    expect(await w.may('user:ada', 'read', 4)).toBe(true);
  });

  test('another model counts from the next check on (PERM-1)', async () => {
    await using w = await world();
    await w.grant('file:2#viewer@user:ada');
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    const changes = heard(w);
    await (await w.store()).setModel(`model
  schema 1.1
type user
type file
  relations
    define parent: [file]
    define viewer: [user]
    define can_read: viewer
    define can_write: viewer
    define can_own: viewer`);
    expect(changes[0]?.affects('user:ada', 'default')).toBe(true);
    expect(await w.rights('user:ada', 4)).toBe('----');
    expect(await w.rights('user:ada', 2)).toBe('srwo');
  });
});

describe('time', () => {
  test('a tuple ends at its moment, however late the timer is (PERM-8)', async () => {
    let now = 1000;
    await using w = await world({ now: () => now });
    await w.grant('file:3#viewer@user:ada', { expires: 2000 });
    await w.grant('group:eng#member@user:bob', { expires: 3000 });
    await w.grant('file:3#viewer@group:eng#member');
    await w.grant('file:3#blocked@user:bob', { expires: 2500 });
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    expect(await w.rights('user:bob', 4)).toBe('----');
    const { revision } = w.access;
    const changes = heard(w);
    now = 1999;
    expect(w.access.allows(caller('user:ada'), 'read', 4)).toBe(true);
    expect(w.access.revision).toBe(revision);
    now = 2000;
    expect(w.access.revision).toBeGreaterThan(revision);
    expect(await w.rights('user:ada', 4)).toBe('----');
    expect(changes[0]?.affects('user:ada', 'default')).toBe(true);
    now = 2500;
    expect(await w.rights('user:bob', 4)).toBe('sr--');
    now = 3000;
    expect(await w.rights('user:bob', 4)).toBe('----');
  });

  test('the end comes by itself where nobody asks; a later end replaces an earlier one (PERM-8)', async () => {
    await using w = await world();
    const soon = Date.now() + 60;
    await w.grant('file:3#viewer@user:ada', { expires: soon });
    await w.grant('file:3#viewer@user:bob', { expires: soon });
    await w.grant('file:3#viewer@user:bob', { expires: soon + 3_600_000 * 24 * 60 });
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    await new Promise<void>((resolve) => {
      w.access.subscribe(() => {
        resolve();
      });
    });
    expect(await w.rights('user:ada', 4)).toBe('----');
    expect(await w.rights('user:bob', 4)).toBe('sr--');
  });

  test('what has ended already gives nothing, and is found at open (PERM-8)', async () => {
    let now = 1000;
    await using w = await world({ now: () => now });
    await w.grant('file:3#viewer@user:ada', { expires: 999 });
    expect(await w.rights('user:ada', 4)).toBe('----');
    await w.grant('file:3#viewer@user:ada', { expires: 5000 });
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    now = 5000;
    expect(await w.rights('user:ada', 4)).toBe('----');
  });
});

describe('the tree', () => {
  test('what is moved inherits from where it is (PERM-10)', async () => {
    await using w = await world();
    await w.grant('file:2#viewer@user:ada');
    await w.grant('file:6#editor@user:bob');
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    expect(await w.rights('user:bob', 4)).toBe('----');
    w.tree.add(3, [6], { directory: true });
    await w.access.moved(3);
    expect(await w.rights('user:ada', 4)).toBe('----');
    expect(await w.rights('user:bob', 4)).toBe('srw-');
  });

  test('an answer on its way while something is moved is not remembered (PERM-10)', async () => {
    for (let turns = 0; turns < 8; turns++) {
      await using w = await world();
      await w.grant('file:2#viewer@user:ada');
      await w.may('user:ada', 'read', 7);
      w.tree.slow = () => true;
      const asked = w.may('user:ada', 'read', 4);
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
      w.tree.add(3, [6], { directory: true });
      await w.access.moved(3);
      await asked;
      expect(await w.may('user:ada', 'read', 3)).toBe(false);
      expect(await w.may('user:ada', 'read', 4)).toBe(false);
    }
  });

  test('a grant follows its node, and so does the way to it (PERM-10)', async () => {
    await using w = await world();
    await w.grant('file:4#viewer@user:ada');
    expect(await w.rights('user:ada', 2)).toBe('s---');
    expect(await w.rights('user:ada', 6)).toBe('----');
    w.tree.add(3, [6], { directory: true });
    await w.access.moved(3);
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    expect(await w.rights('user:ada', 2)).toBe('----');
    expect(await w.rights('user:ada', 6)).toBe('s---');
  });

  test('a move between places that hand down the same concerns nobody (PERM-5)', async () => {
    await using w = await world();
    await w.grant('file:2#viewer@user:ada');
    for (const who of ['user:ada', 'user:bob']) await w.may(who, 'see', 4);
    const changes = heard(w);
    w.tree.add(4, [6]);
    await w.access.moved(4, 3);
    expect(changes[0]?.affects('user:ada', 'default')).toBe(true);
    expect(changes[0]?.affects('user:bob', 'default')).toBe(false);
    await w.access.moved(4);
    expect(changes[1]?.affects('user:bob', 'default')).toBe(true);
  });

  test('tuples die with the node; who has it open keeps what it inherited (PERM-10)', async () => {
    await using w = await world();
    const store = await w.store();
    await w.grant('file:3#viewer@user:ada');
    await w.grant('file:4#editor@user:ada');
    expect(await w.rights('user:ada', 4)).toBe('srw-');
    w.tree.add(4, []);
    await w.access.removed(4, 3);
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    expect((await store.read({ object: { type: 'file', id: '4' } }, { limit: 10 })).tuples).toEqual([]);
    await w.revoke('file:3#viewer@user:ada');
    expect(await w.rights('user:ada', 4)).toBe('----');
  });

  test('removing what somebody is blocked on gives nothing back to who has it open (PERM-5, PERM-10)', async () => {
    await using w = await world();
    w.tree.add(4, [3], { owner: 'user:bob' });
    await w.grant('file:2#viewer@user:ada');
    await w.grant('file:4#blocked@user:ada');
    await w.grant('file:4#blocked@user:bob');
    expect(await w.rights('user:ada', 4)).toBe('----');
    w.tree.add(4, [], { owner: 'user:bob' });
    await w.access.removed(4, 3);
    expect(await w.rights('user:ada', 4)).toBe('----');
    expect(await w.rights('user:bob', 4)).toBe('----');
    expect(await w.rights('user:ada', 3)).toBe('sr--');
  });

  test('removing a directory that somebody is blocked on gives nothing back below it (PERM-5, PERM-10)', async () => {
    await using w = await world();
    await w.grant('file:2#viewer@user:ada');
    await w.grant('file:3#blocked@user:ada');
    expect(await w.rights('user:ada', 4)).toBe('----');
    w.tree.add(4, []);
    await w.access.removed(4, 3);
    w.tree.nodes.delete(3);
    await w.access.removed(3, 2);
    expect(await w.rights('user:ada', 4)).toBe('----');
  });

  test('removing what no tuple names asks the store nothing (PERM-10)', async () => {
    await using w = await world();
    await w.grant('file:4#editor@user:ada');
    const store = await w.store();
    const before = store.revision;
    const deleted: string[] = [];
    const original = store.deleteObject.bind(store);
    store.deleteObject = (object) => {
      deleted.push(object.id);
      return original(object);
    };
    await w.access.removed(7, 6);
    expect(deleted).toEqual([]);
    await w.access.removed(4, 3);
    expect(deleted).toEqual(['4']);
    expect(store.revision).toBe(before + 1);
  });

  test('a wider place is one that somebody has something in, or that is less blocked (PERM-10)', async () => {
    await using w = await world();
    w.tree.add(8, [2], { directory: true, owner: 'user:ada' }).add(9, [8]);
    expect(await w.access.widens(4, 3, 6)).toBe(false);
    expect(await w.access.widens(4, 3, 3)).toBe(false);
    expect(await w.access.widens(4, 3, 8)).toBe(true);
    expect(await w.access.widens(9, 8, 3)).toBe(false);
    await w.grant('file:6#viewer@user:ada');
    expect(await w.access.widens(4, 3, 6)).toBe(true);
    await w.grant('file:6#viewer@user:ada', { expires: 1 });
    expect(await w.access.widens(4, 3, 6)).toBe(false);
    await w.grant('file:2#viewer@user:ada');
    expect(await w.access.widens(9, 8, 3)).toBe(false);
    await w.grant('file:3#blocked@user:bob');
    expect(await w.access.widens(4, 3, 6)).toBe(true);
    await w.revoke('file:2#viewer@user:ada');
    expect(await w.access.widens(7, 6, 3)).toBe(false);
  });
});
