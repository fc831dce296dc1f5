/** Making, linking and removing names. */
import { expect, it } from 'vitest';
import type { Name } from '../../src/base/names.ts';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK, root } from '../../src/fs/types.ts';
import { decodeInode, encodeInode } from '../../src/meta/inode-codec.ts';
import {
  at,
  bytes,
  caller,
  closed,
  codeOf,
  inode,
  mkdir,
  n,
  names,
  open,
  openFixture,
  rootCaller,
  touch,
} from './fixture.ts';

it.each([
  ['file', S_IFREG, 1],
  ['directory', S_IFDIR, 2],
  ['fifo', S_IFIFO, 1],
  ['socket', S_IFSOCK, 1],
  ['character device', S_IFCHR, 1],
  ['block device', S_IFBLK, 1],
])('makes a %s with its mode, owner, times and links (FS-2)', async (_name, type, nlink) => {
  const { ns, clock } = await openFixture();
  const now = clock.tick();
  const made = await ns.make(caller(7, 8, [], 0o022), at(root, 'x'), { mode: type | 0o777, rdev: 0x0501 });
  expect(made).toMatchObject({
    mode: type | 0o755,
    nlink,
    uid: 7,
    gid: 8,
    size: 0,
    version: 0,
    parent: root,
    owner: 'user:7',
  });
  expect(made.rdev).toBe(type === S_IFCHR || type === S_IFBLK ? 0x0501 : 0);
  expect([made.atime, made.mtime, made.ctime, made.btime]).toEqual([now, now, now, now]);
  expect(await ns.lookup(root, n('x'))).toEqual(made);
  expect(await inode(ns, root)).toMatchObject({ mtime: now, ctime: now, nlink: 1 + nlink });
});

it('remembers who made a file with its zone, where that is another one (PERM-7)', async () => {
  const { ns } = await openFixture();
  const maker = { ...caller(7, 8), zone: 'beta' };
  const made = await ns.make(maker, at(root, 'x'), { mode: S_IFREG | 0o600 });
  expect(made.owner).toBe('user:beta/7');
  expect((await ns.lineage(made.ino))?.owner).toBe('user:beta/7');
});

it('makes a symlink of any bytes, mode 0777 whatever the umask (FS-2, FS-6)', async () => {
  const { ns } = await openFixture();
  const target = Uint8Array.from({ length: 4_095 }, (_, i) => 255 - (i % 255));
  const made = await ns.make(caller(1, 1, [], 0o077), at(root, 'l'), { mode: S_IFLNK | 0o777, target });
  expect(made).toMatchObject({ mode: S_IFLNK | 0o777, size: 4_095, target });
  const tooLong = { mode: S_IFLNK, target: new Uint8Array(4_096).fill(97) };
  expect(await codeOf(() => ns.make(rootCaller, at(root, 'm'), tooLong))).toBe('ENAMETOOLONG');
  expect(await codeOf(() => ns.make(rootCaller, at(root, 'm'), { mode: S_IFLNK, target: bytes('') }))).toBe(
    'ENOENT',
  );
});

it('keeps names as bytes, up to 255 of them (FS-6)', async () => {
  const { ns, kv, clock } = await openFixture();
  const every = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 0 && byte !== 47);
  const odd = [
    String.fromCharCode(...every.slice(0, 127)),
    String.fromCharCode(...every.slice(127)),
    '\xff'.repeat(255),
  ] as Name[];
  for (const name of odd) await ns.make(rootCaller, { parent: root, name }, { mode: S_IFREG | 0o644 });
  const { Namespace } = await import('../../src/meta/namespace.ts');
  const again = await Namespace.open({ kv, now: () => clock.time });
  expect(await names(again, root)).toEqual([...odd].sort());
  expect(await codeOf(() => touch(ns, root, 'x'.repeat(256)))).toBe('ENAMETOOLONG');
});

it('keeps every field of an inode exactly (FS-2)', () => {
  const time = { sec: -(2 ** 31), nsec: 999_999_999 };
  const far = { sec: 2 ** 34 + 1, nsec: 1 };
  const whole = {
    ino: 2 ** 40 - 1,
    mode: S_IFREG | 0o7777,
    nlink: 65_000,
    uid: 2 ** 32 - 1,
    gid: 2 ** 32 - 2,
    rdev: 2 ** 32 - 3,
    size: 2 ** 53 - 1,
    content: bytes('content'),
    target: new Uint8Array(0),
    atime: time,
    mtime: far,
    ctime: time,
    btime: far,
    version: 2 ** 32 - 1,
    parent: 2 ** 40 - 2,
    owner: 'agent:builder',
    revision: 2 ** 48 - 1,
    xattrs: true,
    nameless: true,
  };
  const subjects = { nameOf: (number: number) => (number === 2 ** 32 - 1 ? 'agent:builder' : '') };
  expect(decodeInode(whole.ino, encodeInode(whole, 2 ** 32 - 1), subjects)).toEqual(whole);
  const link = {
    ...whole,
    mode: S_IFLNK | 0o777,
    content: new Uint8Array(0),
    target: bytes('t'.repeat(500)),
    xattrs: false,
  };
  expect(decodeInode(link.ino, encodeInode(link, 2 ** 32 - 1), subjects)).toEqual(link);
});

it('refuses what cannot be made (FS-3)', async () => {
  const { ns } = await openFixture();
  const file = await touch(ns, root, 'f');
  const gone = await mkdir(ns, root, 'gone');
  const held = await mkdir(ns, root, 'held');
  await ns.rmdir(rootCaller, at(root, 'gone'), closed);
  await ns.rmdir(rootCaller, at(root, 'held'), open);
  expect(await codeOf(() => touch(ns, root, 'f'))).toBe('EEXIST');
  expect(await codeOf(() => mkdir(ns, root, 'f'))).toBe('EEXIST');
  expect(await codeOf(() => touch(ns, file.ino, 'x'))).toBe('ENOTDIR');
  expect(await codeOf(() => touch(ns, gone.ino, 'x'))).toBe('ENOENT');
  expect(await codeOf(() => touch(ns, held.ino, 'x'))).toBe('ENOENT');
  expect(await codeOf(() => touch(ns, 999, 'x'))).toBe('ENOENT');
  expect(await codeOf(() => ns.make(rootCaller, at(root, 'x'), { mode: 0o644 }))).toBe('EINVAL');
  expect(await codeOf(() => ns.lookup(root, n('x')))).toBe('ENOENT');
  expect(await codeOf(() => ns.lookup(file.ino, n('x')))).toBe('ENOTDIR');
  expect(await codeOf(() => ns.lookup(gone.ino, n('x')))).toBe('ENOENT');
});

it('hands a setgid directory down (FS-2)', async () => {
  const { ns } = await openFixture();
  const shared = await mkdir(ns, root, 'shared', 0o2775);
  await ns.change(rootCaller, shared.ino, { gid: 50 });
  const user = caller(7, 8);
  const make = (name: string, mode: number, who = user) => ns.make(who, at(shared.ino, name), { mode });
  expect(await make('d', S_IFDIR | 0o755)).toMatchObject({ gid: 50, mode: S_IFDIR | 0o2755 });
  expect(await make('f', S_IFREG | 0o644)).toMatchObject({ gid: 50, mode: S_IFREG | 0o644 });
  expect(await make('stranger', S_IFREG | 0o2755)).toMatchObject({ gid: 50, mode: S_IFREG | 0o755 });
  expect(await make('member', S_IFREG | 0o2755, caller(7, 8, [50]))).toMatchObject({
    mode: S_IFREG | 0o2755,
  });
  expect(await make('locking', S_IFREG | 0o2745)).toMatchObject({ mode: S_IFREG | 0o2745 });
});

it('links a file: count, ctime, the directory’s times (FS-2, FS-3)', async () => {
  const { ns, clock } = await openFixture();
  const file = await touch(ns, root, 'a');
  const directory = await mkdir(ns, root, 'd');
  const now = clock.tick();
  const linked = await ns.link(rootCaller, file.ino, at(directory.ino, 'b'));
  expect(linked).toEqual({ ...file, nlink: 2, parent: 0, ctime: now, revision: linked.revision });
  expect(await inode(ns, directory.ino)).toMatchObject({ mtime: now, ctime: now, nlink: 2 });
  expect(await codeOf(() => ns.link(rootCaller, file.ino, at(root, 'a')))).toBe('EEXIST');
  expect(await codeOf(() => ns.link(rootCaller, directory.ino, at(root, 'c')))).toBe('EPERM');
  expect(await codeOf(() => ns.link(rootCaller, file.ino, at(file.ino, 'c')))).toBe('ENOTDIR');
  expect(await codeOf(() => ns.link(rootCaller, 999, at(root, 'c')))).toBe('ENOENT');
});

it('unlinks a name at a time; the last one ends the file (FS-2)', async () => {
  const { ns, clock } = await openFixture();
  const file = await touch(ns, root, 'a');
  await ns.link(rootCaller, file.ino, at(root, 'b'));
  const now = clock.tick();
  const first = await ns.unlink(rootCaller, at(root, 'a'), closed);
  expect(first).toMatchObject({ gone: false, inode: { nlink: 1, ctime: now } });
  const last = await ns.unlink(rootCaller, at(root, 'b'), closed);
  expect(last).toMatchObject({ gone: true, inode: { ino: file.ino, nlink: 0, ctime: now } });
  expect(await ns.inode(file.ino)).toEqual(last.inode);
  expect(await ns.orphans()).toEqual([]);
  expect(await codeOf(() => ns.unlink(rootCaller, at(root, 'b'), closed))).toBe('ENOENT');
  expect(await codeOf(() => ns.link(rootCaller, file.ino, at(root, 'c')))).toBe('ENOENT');
});

it('keeps an open file without names until it is reaped (FS-2, FS-5)', async () => {
  const { ns, kv, clock } = await openFixture();
  const file = await touch(ns, root, 'a');
  expect(await ns.unlink(rootCaller, at(root, 'a'), open)).toMatchObject({
    gone: false,
    inode: { nlink: 0 },
  });
  expect(await ns.orphans()).toEqual([file.ino]);
  const written = await ns.commit(rootCaller, file.ino, {
    content: bytes('x'),
    size: 1,
    mtime: clock.tick(),
  });
  expect(written).toMatchObject({ size: 1, version: 1, nlink: 0 });
  expect(await codeOf(() => ns.link(rootCaller, file.ino, at(root, 'b')))).toBe('ENOENT');
  const { Namespace } = await import('../../src/meta/namespace.ts');
  const again = await Namespace.open({ kv, now: () => clock.time });
  expect(await again.orphans()).toEqual([file.ino]);
  await again.reap(file.ino);
  await again.reap(file.ino);
  expect(await again.orphans()).toEqual([]);
  expect(await again.version(file.ino, 1)).toBeUndefined();
  expect(again.counts().inodes).toBe(1);
});

it('does not reap what has a name (FS-5)', async () => {
  const { ns } = await openFixture();
  const file = await touch(ns, root, 'a');
  await ns.reap(file.ino);
  expect(await ns.lookup(root, n('a'))).toEqual(file);
});

it('makes a file without a name, which can be named once (FS-2)', async () => {
  const { ns } = await openFixture();
  const file = await ns.makeNameless(caller(7, 8, [], 0o027), root, 0o666);
  expect(file).toMatchObject({ nlink: 0, nameless: true, uid: 7, mode: S_IFREG | 0o640 });
  expect(await ns.orphans()).toEqual([file.ino]);
  expect(await ns.link(rootCaller, file.ino, at(root, 'named'))).toMatchObject({ nlink: 1, nameless: false });
  expect(await ns.orphans()).toEqual([]);
  await ns.unlink(rootCaller, at(root, 'named'), open);
  expect(await codeOf(() => ns.link(rootCaller, file.ino, at(root, 'again')))).toBe('ENOENT');
  const { ino } = await ns.makeNameless(rootCaller, root, 0o600);
  await ns.commit(rootCaller, ino, { content: bytes('x'), size: 1, mtime: file.mtime });
  await ns.reap(ino);
  expect(await ns.versions(ino, 0, 10)).toEqual([]);
});

it('removes directories: empty ones only, and by the right call (FS-2, FS-3)', async () => {
  const { ns, clock } = await openFixture();
  const directory = await mkdir(ns, root, 'd');
  await mkdir(ns, directory.ino, 'sub');
  await touch(ns, root, 'f');
  expect(await inode(ns, directory.ino)).toMatchObject({ nlink: 3 });
  expect(await codeOf(() => ns.rmdir(rootCaller, at(root, 'd'), closed))).toBe('ENOTEMPTY');
  expect(await codeOf(() => ns.rmdir(rootCaller, at(root, 'f'), closed))).toBe('ENOTDIR');
  expect(await codeOf(() => ns.unlink(rootCaller, at(root, 'd'), closed))).toBe('EISDIR');
  expect(await codeOf(() => ns.rmdir(rootCaller, at(root, 'x'), closed))).toBe('ENOENT');
  const now = clock.tick();
  expect(await ns.rmdir(rootCaller, at(directory.ino, 'sub'), closed)).toMatchObject({
    gone: true,
    inode: { nlink: 0 },
  });
  expect(await inode(ns, directory.ino)).toMatchObject({ nlink: 2, mtime: now, ctime: now });
  await ns.rmdir(rootCaller, at(root, 'd'), closed);
  expect(await inode(ns, root)).toMatchObject({ nlink: 2 });
  expect(await ns.list(directory.ino, 0, 10)).toEqual([]);
  expect(await ns.change(rootCaller, directory.ino, { mode: 0o700 })).toMatchObject({
    nlink: 0,
    mode: S_IFDIR | 0o700,
  });
});

it('has at most 65,000 links to a file and to a directory (FS-3)', async () => {
  const { ns, kv, clock } = await openFixture();
  const file = await touch(ns, root, 'f');
  const full = await mkdir(ns, root, 'full');
  // As if the links were there: making them all takes too long.
  for (const of of [file, full]) {
    const key = 'i' + '\0\0\0\0\0' + String.fromCharCode(of.ino);
    await kv.write((tx) => {
      tx.put(key, encodeInode({ ...of, nlink: 64_999 }, 1));
    });
  }
  const { Namespace } = await import('../../src/meta/namespace.ts');
  const again = await Namespace.open({ kv, now: () => clock.time });
  await again.link(rootCaller, file.ino, at(root, 'last'));
  expect(await codeOf(() => again.link(rootCaller, file.ino, at(root, 'over')))).toBe('EMLINK');
  const last = await mkdir(again, full.ino, 'last');
  expect(await codeOf(() => mkdir(again, full.ino, 'over'))).toBe('EMLINK');
  expect((await touch(again, full.ino, 'file')).nlink).toBe(1);
  await mkdir(again, root, 'd');
  const into = (name: string) =>
    again.rename(rootCaller, at(root, 'd'), at(full.ino, name), 'replace', closed);
  expect(await codeOf(() => into('over'))).toBe('EMLINK');
  expect(
    await codeOf(() => again.rename(rootCaller, at(root, 'd'), at(full.ino, 'file'), 'exchange', closed)),
  ).toBe('EMLINK');
  expect((await into('last')).replaced?.inode.ino).toBe(last.ino);
});

it('runs `also` in the transaction and undoes both when it fails (FS-5)', async () => {
  const { ns, kv } = await openFixture();
  const made = await ns.make(rootCaller, at(root, 'a'), { mode: S_IFREG | 0o644 }, (tx, of) => {
    tx.put('w' + String(of.ino), bytes('bound'));
  });
  expect(await kv.get('w' + String(made.ino))).toEqual(bytes('bound'));
  const before = [await inode(ns, root), ns.counts().inodes];
  const failing = ns.make(rootCaller, at(root, 'b'), { mode: S_IFREG | 0o644 }, async () => {
    await Promise.resolve();
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect([await inode(ns, root), ns.counts().inodes]).toEqual(before);
  expect(await names(ns, root)).toEqual(['a']);
});
