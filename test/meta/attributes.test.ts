/** chmod, chown, utimens, truncate. */
import { expect, it } from 'vitest';
import type { Caller } from '../../src/base/caller.ts';
import { type AttrChange, S_IFIFO, root } from '../../src/fs/types.ts';
import { at, bytes, caller, codeOf, inode, mkdir, openFixture, rootCaller, touch } from './fixture.ts';

const owner = caller(7, 8);
const member = caller(7, 8, [50]);

interface Case {
  readonly what: string;
  readonly who: Caller;
  readonly mode: number;
  readonly change: AttrChange;
  readonly becomes: number;
  readonly directory?: boolean;
}

const cases: readonly Case[] = [
  {
    what: 'chmod sets all twelve bits',
    who: rootCaller,
    mode: 0o644,
    change: { mode: 0o7777 },
    becomes: 0o7777,
  },
  {
    what: 'chmod by a member keeps setgid',
    who: member,
    mode: 0o644,
    change: { mode: 0o2755 },
    becomes: 0o2755,
  },
  {
    what: 'chmod by a stranger loses setgid',
    who: owner,
    mode: 0o644,
    change: { mode: 0o6755 },
    becomes: 0o4755,
  },
  {
    what: 'chmod of a directory by a stranger loses setgid',
    who: owner,
    mode: 0o755,
    change: { mode: 0o2755 },
    becomes: 0o755,
    directory: true,
  },
  {
    what: 'chown clears setuid and executable setgid',
    who: rootCaller,
    mode: 0o6755,
    change: { uid: 9 },
    becomes: 0o755,
  },
  {
    what: 'chown to the same owner clears too',
    who: rootCaller,
    mode: 0o6755,
    change: { gid: 50 },
    becomes: 0o755,
  },
  {
    what: 'chown keeps setgid without group execution',
    who: rootCaller,
    mode: 0o6744,
    change: { uid: 9 },
    becomes: 0o2744,
  },
  {
    what: 'chown by a stranger of the group loses that too',
    who: owner,
    mode: 0o6744,
    change: { gid: 8 },
    becomes: 0o744,
  },
  {
    what: 'chown of a directory keeps both',
    who: rootCaller,
    mode: 0o6755,
    change: { uid: 9 },
    becomes: 0o6755,
    directory: true,
  },
  {
    what: 'chown with chmod sets what chmod says',
    who: rootCaller,
    mode: 0o6755,
    change: { uid: 9, mode: 0o4711 },
    becomes: 0o4711,
  },
  { what: 'a write by a user clears', who: owner, mode: 0o6755, change: { killPriv: true }, becomes: 0o755 },
  {
    what: 'a write by a member keeps locking setgid',
    who: member,
    mode: 0o2744,
    change: { killPriv: true },
    becomes: 0o2744,
  },
  {
    what: 'a truncation by a user clears',
    who: owner,
    mode: 0o4755,
    change: { size: 9, killPriv: true },
    becomes: 0o755,
  },
];

it.each(cases)('$what (FS-2)', async ({ who, mode, change, becomes, directory }) => {
  const { ns, clock } = await openFixture();
  const { ino, mode: made } = directory === true ? await mkdir(ns, root, 'x') : await touch(ns, root, 'x');
  await ns.change(rootCaller, ino, { uid: 7, gid: 50 });
  await ns.change(rootCaller, ino, { mode });
  const now = clock.tick();
  const changed = await ns.change(who, ino, change);
  expect((changed.mode & 0o7777).toString(8)).toBe(becomes.toString(8));
  expect(changed.mode & ~0o7777).toBe(made & ~0o7777);
  // Clearing what is not set changes nothing, not even ctime.
  const cleared = change.killPriv === true && becomes === mode;
  if (!cleared) expect(changed.ctime).toEqual(now);
  else expect(changed.ctime).not.toEqual(now);
});

it('moves ctime with each change, mtime with the size only (FS-2)', async () => {
  const { ns, clock } = await openFixture();
  const file = await touch(ns, root, 'f');
  let now = clock.tick();
  const { mtime } = file;
  expect(await ns.change(rootCaller, file.ino, { mode: 0o600 })).toMatchObject({ ctime: now, mtime });
  now = clock.tick();
  expect(await ns.change(rootCaller, file.ino, { uid: 3 })).toMatchObject({
    ctime: now,
    mtime,
    uid: 3,
    gid: 0,
  });
  now = clock.tick();
  expect(await ns.change(rootCaller, file.ino, { size: 5 })).toMatchObject({
    ctime: now,
    mtime: now,
    size: 5,
  });
  const resized = now;
  clock.tick();
  expect(await ns.change(rootCaller, file.ino, { size: 5 })).toMatchObject({
    ctime: resized,
    mtime: resized,
  });
  expect(await ns.change(rootCaller, file.ino, {})).toMatchObject({ ctime: resized });
  expect(await ns.change(rootCaller, file.ino, { killPriv: true })).toMatchObject({ ctime: resized });
});

it.each([
  [-1, 999_999_999],
  [-(2 ** 31), 0],
  [2 ** 31, 1],
  [2 ** 34 - 1, 999_999_999],
])('keeps the time %d.%d exactly, across a restart (FS-2)', async (sec, nsec) => {
  const { ns, kv, clock } = await openFixture();
  const file = await touch(ns, root, 'f');
  const now = clock.tick();
  const time = { sec, nsec };
  const changed = await ns.change(rootCaller, file.ino, { atime: time, mtime: time });
  expect(changed).toMatchObject({ atime: time, mtime: time, ctime: now, btime: file.btime });
  const again = await openFixture(kv);
  expect(await inode(again.ns, file.ino)).toEqual(changed);
});

it('stamps with the clock, and with a ctime that is given (FS-2)', async () => {
  const { ns, clock } = await openFixture();
  const file = await touch(ns, root, 'f');
  const now = clock.tick();
  expect(await ns.change(rootCaller, file.ino, { atime: 'now' })).toMatchObject({
    atime: now,
    mtime: file.mtime,
  });
  const ctime = { sec: 5, nsec: 6 };
  expect(await ns.change(rootCaller, file.ino, { mtime: 'now', ctime })).toMatchObject({ mtime: now, ctime });
});

it('refuses sizes that cannot be (FS-3)', async () => {
  const { ns } = await openFixture();
  const file = await touch(ns, root, 'f');
  const fifo = await ns.make(rootCaller, at(root, 'p'), { mode: S_IFIFO | 0o600 });
  expect(await codeOf(() => ns.change(rootCaller, root, { size: 0 }))).toBe('EISDIR');
  expect(await codeOf(() => ns.change(rootCaller, fifo.ino, { size: 0 }))).toBe('EINVAL');
  expect(await codeOf(() => ns.change(rootCaller, file.ino, { size: -1 }))).toBe('EINVAL');
  expect(await codeOf(() => ns.change(rootCaller, file.ino, { size: 2 ** 53 }))).toBe('EINVAL');
  expect(await codeOf(() => ns.change(rootCaller, 999, { mode: 0 }))).toBe('ESTALE');
});

it('takes new content without a version (VER-1)', async () => {
  const { ns, clock } = await openFixture();
  const file = await touch(ns, root, 'f');
  const now = clock.tick();
  const changed = await ns.change(rootCaller, file.ino, { content: bytes('c'), size: 1 });
  expect(changed).toMatchObject({ content: bytes('c'), size: 1, version: 0, mtime: now });
});
