/** rename(2), renameat2(2): every pair of types, every mode. */
import { describe, expect, it } from 'vitest';
import { type RenameMode, S_IFLNK, root } from '../../src/fs/types.ts';
import type { Namespace } from '../../src/meta/namespace.ts';
import {
  at,
  bytes,
  closed,
  codeOf,
  inode,
  mkdir,
  n,
  names,
  open,
  openFixture,
  problems,
  rootCaller,
  touch,
} from './fixture.ts';

type Kind = 'nothing' | 'file' | 'symlink' | 'empty' | 'full';

async function place(ns: Namespace, parent: number, name: string, kind: Kind): Promise<number> {
  switch (kind) {
    case 'nothing':
      return 0;
    case 'file':
      return (await touch(ns, parent, name)).ino;
    case 'symlink':
      return (await ns.make(rootCaller, at(parent, name), { mode: S_IFLNK, target: bytes('t') })).ino;
    case 'empty':
      return (await mkdir(ns, parent, name)).ino;
    case 'full': {
      const { ino } = await mkdir(ns, parent, name);
      await mkdir(ns, ino, 'inside');
      return ino;
    }
  }
}

const isDirectory = (kind: Kind): boolean => kind === 'empty' || kind === 'full';

function expected(source: Kind, target: Kind, mode: RenameMode): string {
  if (source === 'nothing') return 'ENOENT';
  if (mode === 'exchange') return target === 'nothing' ? 'ENOENT' : 'ok';
  if (target === 'nothing') return 'ok';
  if (mode === 'noreplace') return 'EEXIST';
  if (isDirectory(source) && !isDirectory(target)) return 'ENOTDIR';
  if (!isDirectory(source) && isDirectory(target)) return 'EISDIR';
  return target === 'full' ? 'ENOTEMPTY' : 'ok';
}

const kinds: readonly Kind[] = ['nothing', 'file', 'symlink', 'empty', 'full'];
const modes: readonly RenameMode[] = ['replace', 'noreplace', 'exchange'];
const cases = modes.flatMap((mode) =>
  kinds.flatMap((source) =>
    kinds.flatMap((target) => [true, false].map((across) => ({ mode, source, target, across }))),
  ),
);

describe.each(cases)(
  '$mode: $source to $target, across directories: $across',
  ({ mode, source, target, across }) => {
    it('answers as Linux and keeps links, parents and times (FS-2, FS-3)', async () => {
      const { ns, clock } = await openFixture();
      const from = await mkdir(ns, root, 'from');
      const to = across ? await mkdir(ns, root, 'to') : from;
      const moving = await place(ns, from.ino, 'a', source);
      const there = await place(ns, to.ino, 'b', target);
      const before = [await inode(ns, from.ino), await inode(ns, to.ino)];
      const now = clock.tick();
      const run = () => ns.rename(rootCaller, at(from.ino, 'a'), at(to.ino, 'b'), mode, closed);
      const code = expected(source, target, mode);
      expect(await codeOf(run)).toBe(code);
      if (code === 'ok') {
        const moved = await ns.lookup(to.ino, n('b'));
        expect(moved).toMatchObject({ ino: moving, ctime: now, parent: to.ino });
        for (const { ino } of [from, to])
          expect(await inode(ns, ino)).toMatchObject({ mtime: now, ctime: now });
        if (mode === 'exchange') {
          const exchanged = await ns.lookup(from.ino, n('a'));
          expect(exchanged).toMatchObject({
            ino: there,
            ctime: now,
            parent: from.ino,
          });
        } else {
          expect(await codeOf(() => ns.lookup(from.ino, n('a')))).toBe('ENOENT');
          if (there > 0) expect(await ns.inode(there)).toMatchObject({ nlink: 0, ctime: now });
        }
      } else {
        expect([await inode(ns, from.ino), await inode(ns, to.ino)]).toEqual(before);
      }
      expect(await problems(ns)).toEqual([]);
    });
  },
);

/** /a/b/c, all directories. */
async function chain(ns: Namespace) {
  const a = await mkdir(ns, root, 'a');
  const b = await mkdir(ns, a.ino, 'b');
  const c = await mkdir(ns, b.ino, 'c');
  return { a, b, c };
}

it.each([
  ['into itself', 'replace', 'root a', 'a x', 'EINVAL'],
  ['into its subtree', 'replace', 'root a', 'c x', 'EINVAL'],
  ['into its subtree, exchanging nothing', 'exchange', 'root a', 'c x', 'ENOENT'],
  ['into its subtree, replacing what is there', 'replace', 'root a', 'b c', 'EINVAL'],
  ['into its subtree, exchanging', 'exchange', 'root a', 'b c', 'EINVAL'],
  ['onto a directory above it', 'replace', 'b c', 'root a', 'ENOTEMPTY'],
  ['onto a directory above it, exchanging', 'exchange', 'b c', 'root a', 'EINVAL'],
  ['a file onto a directory above it', 'replace', 'c file', 'root a', 'ENOTEMPTY'],
  ['onto a directory above it, without replacing', 'noreplace', 'b c', 'root a', 'EEXIST'],
  ['onto itself', 'replace', 'a b', 'a b', 'ok'],
  ['onto itself, without replacing', 'noreplace', 'a b', 'a b', 'EEXIST'],
  ['onto itself, exchanging', 'exchange', 'a b', 'a b', 'ok'],
  ['within a file', 'replace', 'file x', 'root y', 'ENOTDIR'],
  ['into a file', 'replace', 'a b', 'file y', 'ENOTDIR'],
] as const)('moves a directory %s: %s, %s to %s (FS-3)', async (_what, mode, from, to, code) => {
  const { ns } = await openFixture();
  const { a, b, c } = await chain(ns);
  const file = await touch(ns, c.ino, 'file');
  const all: Record<string, number> = { root, a: a.ino, b: b.ino, c: c.ino, file: file.ino };
  const where = (text: string) => {
    const [parent = '', name = ''] = text.split(' ');
    return at(all[parent]!, name);
  };
  const { revision } = ns.counts();
  expect(await codeOf(() => ns.rename(rootCaller, where(from), where(to), mode, closed))).toBe(code);
  expect(ns.counts().revision).toBe(revision);
  expect(await problems(ns)).toEqual([]);
});

it('does nothing to two names of one file (FS-2)', async () => {
  const { ns, clock } = await openFixture();
  const file = await touch(ns, root, 'a');
  const linked = await ns.link(rootCaller, file.ino, at(root, 'b'));
  const before = await inode(ns, root);
  clock.tick();
  for (const mode of ['replace', 'exchange'] as const) {
    expect(await ns.rename(rootCaller, at(root, 'a'), at(root, 'b'), mode, closed)).toEqual({
      moved: linked,
    });
  }
  expect(await codeOf(() => ns.rename(rootCaller, at(root, 'a'), at(root, 'b'), 'noreplace', closed))).toBe(
    'EEXIST',
  );
  expect(await names(ns, root)).toEqual(['a', 'b']);
  expect(await inode(ns, root)).toEqual(before);
});

it('tells what it replaced: another link, an orphan, or nothing left (FS-2)', async () => {
  const { ns } = await openFixture();
  const replace = async (name: string, isOpen: () => boolean) => {
    await touch(ns, root, 'new');
    return (await ns.rename(rootCaller, at(root, 'new'), at(root, name), 'replace', isOpen)).replaced;
  };
  const linked = await touch(ns, root, 'linked');
  await ns.link(rootCaller, linked.ino, at(root, 'other'));
  expect(await replace('linked', open)).toMatchObject({ gone: false, inode: { ino: linked.ino, nlink: 1 } });
  const held = await touch(ns, root, 'held');
  expect(await replace('held', open)).toMatchObject({ gone: false, inode: { ino: held.ino, nlink: 0 } });
  expect(await ns.orphans()).toEqual([held.ino]);
  expect(await replace('held', closed)).toMatchObject({ gone: true, inode: { nlink: 0 } });
});

it('moves nothing out of or into a directory that was removed (FS-3)', async () => {
  const { ns } = await openFixture();
  const gone = await mkdir(ns, root, 'gone');
  await touch(ns, root, 'a');
  await ns.rmdir(rootCaller, at(root, 'gone'), open);
  expect(await codeOf(() => ns.rename(rootCaller, at(root, 'a'), at(gone.ino, 'a'), 'replace', closed))).toBe(
    'ENOENT',
  );
  expect(await codeOf(() => ns.rename(rootCaller, at(gone.ino, 'a'), at(root, 'b'), 'replace', closed))).toBe(
    'ENOENT',
  );
});

it('remembers where a directory was, even within one second (VER-1)', async () => {
  const { ns, clock } = await openFixture();
  clock.tick();
  const moved = await mkdir(ns, root, 'moved');
  const to = await mkdir(ns, root, 'to');
  const { revision } = ns.counts();
  await ns.rename(rootCaller, at(root, 'moved'), at(to.ino, 'moved'), 'replace', closed);
  expect(await ns.inodeAt(moved.ino, revision)).toMatchObject({ parent: root });
  expect(await ns.inodeAt(moved.ino, ns.counts().revision)).toMatchObject({ parent: to.ino });
});
