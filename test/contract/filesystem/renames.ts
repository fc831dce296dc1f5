/** rename(2) and renameat2(2). */
import { expect } from 'vitest';
import { S_IFDIR, S_IFREG } from '../../../src/fs/types.ts';
import type { RenameMode } from '../../../src/fs/types.ts';
import type { Code } from '../../../src/base/errors.ts';
import { fails, R } from './case.ts';
import type { Bench, Case } from './case.ts';

/** What lies at a name before the rename. */
type Thing = 'nothing' | 'file' | 'symlink' | 'directory' | 'full';

async function lay(t: Bench, text: string, thing: Thing): Promise<void> {
  if (thing === 'file') await t.put(text, text);
  if (thing === 'symlink') await t.symlink(text, 'x');
  if (thing === 'directory' || thing === 'full') {
    const { node } = await t.mkdir(text);
    if (thing === 'full') await t.fs.mknod(t.me, t.at('in', node), { mode: S_IFREG | 0o600 });
  }
}

const refused: readonly [Thing, Thing, RenameMode, Code][] = [
  ['nothing', 'nothing', 'replace', 'ENOENT'],
  ['nothing', 'file', 'replace', 'ENOENT'],
  ['nothing', 'file', 'exchange', 'ENOENT'],
  ['file', 'nothing', 'exchange', 'ENOENT'],
  ['file', 'file', 'noreplace', 'EEXIST'],
  ['directory', 'directory', 'noreplace', 'EEXIST'],
  ['file', 'directory', 'replace', 'EISDIR'],
  ['file', 'full', 'replace', 'EISDIR'],
  ['symlink', 'directory', 'replace', 'EISDIR'],
  ['directory', 'file', 'replace', 'ENOTDIR'],
  ['directory', 'symlink', 'replace', 'ENOTDIR'],
  ['directory', 'full', 'replace', 'ENOTEMPTY'],
];

const done: readonly [Thing, Thing, RenameMode][] = [
  ['file', 'nothing', 'replace'],
  ['file', 'nothing', 'noreplace'],
  ['file', 'file', 'replace'],
  ['file', 'symlink', 'replace'],
  ['symlink', 'file', 'replace'],
  ['directory', 'nothing', 'replace'],
  ['directory', 'directory', 'replace'],
  ['full', 'directory', 'replace'],
  ['file', 'file', 'exchange'],
  ['file', 'directory', 'exchange'],
  ['directory', 'full', 'exchange'],
];

export const renameCases: readonly Case[] = [
  ...refused.map(
    ([from, to, mode, code]): Case => ({
      title: `${from} onto ${to} (${mode}) is ${code} and changes nothing (FS-3)`,
      run: async (t) => {
        await lay(t, 'a', from);
        await lay(t, 'b', to);
        const before = await t.list();
        await fails(t.fs.rename(t.me, t.at('a'), t.at('b'), mode), code);
        expect((await t.list()).map((e) => [e.name, e.attr.node])).toEqual(
          before.map((e) => [e.name, e.attr.node]),
        );
      },
    }),
  ),
  ...done.map(
    ([from, to, mode]): Case => ({
      title: `${from} onto ${to} (${mode}) moves it (FS-2)`,
      run: async (t) => {
        await lay(t, 'a', from);
        await lay(t, 'b', to);
        const a = (await t.lookup('a')).node;
        const b = mode === 'exchange' ? (await t.lookup('b')).node : undefined;
        await t.fs.rename(t.me, t.at('a'), t.at('b'), mode);
        expect((await t.lookup('b')).node).toBe(a);
        if (b === undefined) await fails(t.lookup('a'), 'ENOENT');
        else expect((await t.lookup('a')).node).toBe(b);
      },
    }),
  ),
  {
    title: 'moves a directory between directories: parents, link counts (FS-2)',
    run: async (t) => {
      const one = (await t.mkdir('one')).node;
      const two = (await t.mkdir('two')).node;
      const moved = (await t.mkdir('d', one)).node;
      await t.fs.rename(t.me, t.at('d', one), t.at('e', two), 'replace');
      expect((await t.stat(moved)).parent).toBe(two);
      expect([(await t.stat(one)).nlink, (await t.stat(two)).nlink]).toEqual([2, 3]);
    },
  },
  {
    title: 'exchanges a file and a directory of two directories (FS-2)',
    run: async (t) => {
      const one = (await t.mkdir('one')).node;
      const two = (await t.mkdir('two')).node;
      const directory = (await t.mkdir('x', one)).node;
      const file = (await t.fs.mknod(t.me, t.at('y', two), { mode: S_IFREG | 0o600 })).node;
      await t.fs.rename(t.me, t.at('x', one), t.at('y', two), 'exchange');
      expect((await t.lookup('x', one)).node).toBe(file);
      expect((await t.lookup('y', two)).node).toBe(directory);
      expect([(await t.stat(one)).nlink, (await t.stat(two)).nlink]).toEqual([2, 3]);
      expect((await t.stat(directory)).parent).toBe(two);
    },
  },
  {
    title: 'refuses to move a directory into itself or below: EINVAL (FS-3)',
    run: async (t) => {
      const a = (await t.mkdir('a')).node;
      const b = (await t.mkdir('b', a)).node;
      await fails(t.fs.rename(t.me, t.at('a'), t.at('x', a), 'replace'), 'EINVAL');
      await fails(t.fs.rename(t.me, t.at('a'), t.at('x', b), 'replace'), 'EINVAL');
      await fails(t.fs.rename(t.me, t.at('a'), t.at('b', a), 'exchange'), 'EINVAL');
    },
  },
  {
    title: 'two names of one file: nothing happens (FS-3)',
    run: async (t) => {
      const node = await t.put('a', 'x');
      await t.fs.link(t.me, node, t.at('b'));
      await t.fs.rename(t.me, t.at('a'), t.at('b'), 'replace');
      expect(await t.names()).toEqual(['a', 'b']);
      await t.fs.rename(t.me, t.at('a'), t.at('a'), 'replace');
      expect((await t.stat(node)).nlink).toBe(2);
    },
  },
  {
    title: 'what was replaced lives on while it is open (FS-2)',
    run: async (t) => {
      const old = await t.put('b', 'old bytes');
      const handle = await t.open(old, R);
      const node = await t.put('a', 'new');
      await t.fs.rename(t.me, t.at('a'), t.at('b'), 'replace');
      expect((await t.read(handle, 0, 20)).toString()).toBe('old bytes');
      expect((await t.stat(old)).nlink).toBe(0);
      expect(await t.text((await t.lookup('b')).node)).toBe('new');
      expect((await t.lookup('b')).node).toBe(node);
      await t.close(handle);
    },
  },
  {
    title: 'a file being written keeps its bytes under its new name (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('a.tmp');
      await t.write(handle, 'half');
      await t.fs.rename(t.me, t.at('a.tmp'), t.at('a'), 'replace');
      await t.write(handle, ' whole', 4);
      await t.close(handle);
      expect((await t.lookup('a')).node).toBe(node);
      expect(await t.text(node)).toBe('half whole');
    },
  },
  {
    title: 'moves ctime of what is renamed, not its mtime (FS-2)',
    run: async (t) => {
      const node = await t.put('a', 'x');
      const past = { sec: 1_000_000, nsec: 0 };
      await t.fs.setattr(t.me, node, { mtime: past });
      await t.fs.rename(t.me, t.at('a'), t.at('b'), 'replace');
      const { mtime, ctime } = await t.stat(node);
      expect(mtime).toEqual(past);
      expect(ctime.sec).toBeGreaterThan(past.sec);
    },
  },
  {
    title: 'a parent that is a file is ENOTDIR, one that is gone ENOENT (FS-3)',
    run: async (t) => {
      const file = await t.put('f');
      await t.put('a');
      await fails(t.fs.rename(t.me, t.at('a'), t.at('x', file), 'replace'), 'ENOTDIR');
      await fails(t.fs.rename(t.me, t.at('x', file), t.at('y'), 'replace'), 'ENOTDIR', 'ENOENT');
      const { node } = await t.fs.mknod(t.me, t.at('d'), { mode: S_IFDIR | 0o700 });
      await t.fs.rmdir(t.me, t.at('d'));
      await fails(t.fs.rename(t.me, t.at('a'), t.at('x', node), 'replace'), 'ENOENT', 'ESTALE');
    },
  },
];
