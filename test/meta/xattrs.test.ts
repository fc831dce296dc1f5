/** Extended attributes. */
import { expect, it } from 'vitest';
import { root } from '../../src/fs/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { Key } from '../../src/kv/types.ts';
import { at, bytes, closed, codeOf, inode, n, openFixture, rootCaller, touch } from './fixture.ts';

it('sets, replaces, lists and removes (FS-2)', async () => {
  const { ns, clock } = await openFixture();
  const { ino, mtime } = await touch(ns, root, 'f');
  const now = clock.tick();
  expect(await ns.setxattr(ino, n('user.a'), bytes('1'), 'set')).toMatchObject({
    xattrs: true,
    ctime: now,
    mtime,
  });
  await ns.setxattr(ino, n('user.b'), bytes(''), 'create');
  await ns.setxattr(ino, n('user.a'), bytes('2'), 'replace');
  expect(await ns.getxattr(ino, n('user.a'))).toEqual(bytes('2'));
  expect(await ns.getxattr(ino, n('user.b'))).toEqual(bytes(''));
  expect(await ns.listxattr(ino)).toEqual(['user.a', 'user.b']);
  expect(await codeOf(() => ns.setxattr(ino, n('user.a'), bytes(''), 'create'))).toBe('EEXIST');
  expect(await codeOf(() => ns.setxattr(ino, n('user.c'), bytes(''), 'replace'))).toBe('ENODATA');
  expect(await ns.removexattr(ino, n('user.a'))).toMatchObject({ xattrs: true });
  expect(await codeOf(() => ns.removexattr(ino, n('user.a')))).toBe('ENODATA');
  expect(await ns.removexattr(ino, n('user.b'))).toMatchObject({ xattrs: false });
  expect(await codeOf(() => ns.getxattr(ino, n('user.b')))).toBe('ENODATA');
  expect(await ns.listxattr(ino)).toEqual([]);
});

it('keeps them apart by inode, and ends them with it (FS-2)', async () => {
  const { ns, kv, clock } = await openFixture();
  const [a, b] = [await touch(ns, root, 'a'), await touch(ns, root, 'b')];
  await ns.setxattr(a.ino, n('user.x'), bytes('a'), 'set');
  await ns.setxattr(b.ino, n('user.x'), bytes('b'), 'set');
  clock.tick();
  await ns.unlink(rootCaller, at(root, 'a'), closed);
  expect(await ns.getxattr(b.ino, n('user.x'))).toEqual(bytes('b'));
  expect((await kv.scan({ from: 'a', to: 'b', limit: 10 })).length).toBe(1);
  expect((await kv.scan({ from: 'A', to: 'B', limit: 10 })).length).toBe(1);
});

it('refuses what is too long or too much (FS-3)', async () => {
  const { ns } = await openFixture();
  const { ino } = await touch(ns, root, 'f');
  const set = (name: string, value: Uint8Array) => codeOf(() => ns.setxattr(ino, n(name), value, 'set'));
  expect(await set('user.a', new Uint8Array(65_536))).toBe('ok');
  expect(await set('user.b', new Uint8Array(65_537))).toBe('E2BIG');
  expect(await set('x'.repeat(255), bytes(''))).toBe('ok');
  expect(await set('x'.repeat(256), bytes(''))).toBe('ERANGE');
  expect(await set('', bytes(''))).toBe('ERANGE');
  let count = 0;
  while ((await set(`user.${String(count).padStart(250, '0')}`, bytes(''))) === 'ok') count++;
  expect(count).toBe(Math.floor((65_536 - 7 - 256) / 256));
  expect(await set(`user.${String(count).padStart(250, '0')}`, bytes(''))).toBe('ENOSPC');
  expect(await set('user.a', bytes('still replaced'))).toBe('ok');
  expect(await codeOf(() => ns.getxattr(999, n('user.a')))).toBe('ESTALE');
});

it('answers that there are none without asking the store (FS-2)', async () => {
  class Counting extends MemoryKv {
    readonly asked: Key[] = [];
    override get(key: Key): Uint8Array | undefined {
      this.asked.push(key);
      return super.get(key);
    }
  }
  const kv = new Counting();
  const { ns } = await openFixture(kv);
  const { ino } = await touch(ns, root, 'f');
  await inode(ns, ino);
  kv.asked.length = 0;
  expect(await codeOf(() => ns.getxattr(ino, n('security.capability')))).toBe('ENODATA');
  expect(kv.asked).toEqual([]);
});
