/** What a subject may do, and what it can see on the way to it. */
import { describe, expect, test } from 'vitest';
import { caller, World } from './world.ts';

/** / 1, /a 2, /a/b 3, /a/b/f 4, /a/g 5, /c 6, /c/h 7. */
async function world(options = {}): Promise<World> {
  const made = await World.open(options);
  made.tree.add(2, [1], { directory: true }).add(3, [2], { directory: true }).add(4, [3]).add(5, [2]);
  made.tree.add(6, [1], { directory: true }).add(7, [6]);
  await made.users('ada', 'bob');
  return made;
}

describe('rights', () => {
  test('a directory grant holds for everything below, and for nothing beside (PERM-4)', async () => {
    await using w = await world();
    await w.grant('file:3#viewer@user:ada');
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    expect(await w.rights('user:ada', 3)).toBe('sr--');
    expect(await w.rights('user:ada', 5)).toBe('----');
    expect(await w.rights('user:ada', 6)).toBe('----');
    expect(await w.rights('user:bob', 4)).toBe('----');
  });

  test('the path to a deep grant can be seen, not read; when the grant goes, so does the path (PERM-4)', async () => {
    await using w = await world();
    await w.grant('file:4#editor@user:ada');
    expect(await w.rights('user:ada', 2)).toBe('s---');
    expect(await w.rights('user:ada', 3)).toBe('s---');
    expect(await w.rights('user:ada', 4)).toBe('srw-');
    expect(await w.rights('user:bob', 2)).toBe('----');
    await w.revoke('file:4#editor@user:ada');
    expect(await w.rights('user:ada', 3)).toBe('----');
    expect(await w.rights('user:ada', 4)).toBe('----');
    expect(await w.rights('user:ada', 1)).toBe('s---');
  });

  test('after the first question answers need no turn of the loop (PERM-9)', async () => {
    await using w = await world();
    await w.grant('file:3#viewer@user:ada');
    await w.may('user:ada', 'see', 7);
    for (const node of [1, 2, 3, 4, 5, 6, 7])
      expect(w.access.allows(caller('user:ada'), 'see', node)).toBeTypeOf('boolean');
    await w.grant('file:6#viewer@user:ada');
    expect(w.access.allows(caller('user:ada'), 'read', 7)).toBe(true);
  });

  test('groups, nested ones, admins of groups and everybody (PERM-1)', async () => {
    await using w = await world();
    await w.grant('file:6#editor@group:top#member');
    expect(await w.rights('user:ada', 7)).toBe('----');
    await w.grant('group:top#member@group:low#member');
    await w.grant('group:low#admin@user:ada');
    expect(await w.rights('user:ada', 7)).toBe('srw-');
    await w.revoke('group:top#member@group:low#member');
    expect(await w.rights('user:ada', 7)).toBe('----');
    await w.grant('file:7#viewer@user:*');
    expect(await w.rights('user:bob', 7)).toBe('sr--');
    expect(await w.rights('user:bob', 6)).toBe('s---');
    expect(await w.rights('user:nobody', 7)).toBe('----');
  });

  test('what two tuples give is lost with the second one (PERM-5)', async () => {
    await using w = await world();
    await w.grant('group:eng#member@user:ada');
    await w.grant('file:2#viewer@user:ada');
    await w.grant('file:2#viewer@group:eng#member');
    expect(await w.rights('user:ada', 5)).toBe('sr--');
    await w.revoke('file:2#viewer@user:ada');
    expect(await w.rights('user:ada', 5)).toBe('sr--');
    await w.revoke('group:eng#member@user:ada');
    expect(await w.rights('user:ada', 5)).toBe('----');
  });

  test('who made a directory owns what is below; nothing was written (PERM-9)', async () => {
    await using w = await world();
    w.tree.add(8, [6], { directory: true, owner: 'user:ada' }).add(9, [8], { owner: 'user:bob' });
    expect(await w.rights('user:ada', 9)).toBe('srwo');
    expect(await w.rights('user:bob', 9)).toBe('srwo');
    expect(await w.rights('user:bob', 8)).toBe('----');
    expect((await w.store()).revision).toBe(0);
  });

  test('an administrator of the zone owns everything in it (PERM-7)', async () => {
    await using w = await world();
    await w.grant('zone:default#admin@user:ada');
    expect(await w.rights('user:ada', 7)).toBe('srwo');
    expect(await w.rights('user:bob', 7)).toBe('----');
    await w.revoke('zone:default#admin@user:ada');
    expect(await w.rights('user:ada', 7)).toBe('----');
  });

  test('blocked takes everything away below, and hides what leads there (PERM-3)', async () => {
    await using w = await world();
    await w.grant('file:2#owner@user:ada');
    await w.grant('file:4#viewer@user:bob');
    await w.grant('file:3#blocked@user:ada');
    expect(await w.rights('user:ada', 2)).toBe('srwo');
    expect(await w.rights('user:ada', 3)).toBe('----');
    expect(await w.rights('user:ada', 4)).toBe('----');
    expect(await w.rights('user:bob', 2)).toBe('s---');
    await w.grant('file:3#blocked@user:*');
    expect(await w.rights('user:bob', 2)).toBe('----');
    await w.revoke('file:3#blocked@user:*');
    expect(await w.rights('user:bob', 2)).toBe('s---');
  });

  test('a file with two names has the rights of both directories (PERM-4)', async () => {
    await using w = await world();
    w.tree.add(10, [3, 6]);
    await w.grant('file:6#viewer@user:ada');
    await w.grant('file:3#editor@user:bob');
    expect(await w.rights('user:ada', 10)).toBe('sr--');
    expect(await w.rights('user:bob', 10)).toBe('srw-');
  });

  test('a lineage that has to be waited for gives the same answers (PERM-3)', async () => {
    await using w = await world();
    w.tree.slow = (node) => node % 2 === 1;
    await w.grant('file:2#viewer@user:ada');
    await w.grant('file:7#viewer@user:bob');
    expect(await w.rights('user:ada', 4)).toBe('sr--');
    expect(await w.rights('user:ada', 7)).toBe('----');
    expect(await w.rights('user:bob', 6)).toBe('s---');
    expect(await w.rights('user:bob', 3)).toBe('----');
  });

  test('administrators are asked nothing (PERM-3)', async () => {
    await using w = await world();
    expect(w.access.everything(caller('user:root'))).toBe(true);
    expect(w.access.everything(caller('user:ada'))).toBe(false);
    expect(await w.rights('user:root', 4)).toBe('srwo');
    expect(w.access.tracks).toBe(false);
    await w.rights('user:ada', 4);
    expect(w.access.tracks).toBe(true);
  });

  test('tuples that only the tree may tell count for nothing (PERM-9)', async () => {
    await using w = await world();
    await w.grant('file:6#viewer@user:ada');
    await w.grant('file:4#parent@file:6');
    expect(await w.rights('user:ada', 4)).toBe('----');
  });

  test.each(['user:', 'user:*', 'user:ada#member', 'group:eng', 'ada', 'user:default/ada', ''])(
    'a subject like %j has nothing (PERM-7)',
    async (subject) => {
      await using w = await world();
      await w.grant('file:2#viewer@user:*');
      await w.grant('file:2#viewer@user:ada');
      await w.grant('file:2#viewer@group:eng#member');
      expect(await w.rights(subject, 2)).toBe('----');
    },
  );
});
