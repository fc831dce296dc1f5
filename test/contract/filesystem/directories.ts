/** Names and directories: lookup, making nodes, readdir, unlink, rmdir. */
import { expect } from 'vitest';
import type { Name } from '../../../src/base/names.ts';
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../../../src/fs/types.ts';
import { fails, name, R, RW } from './case.ts';
import type { Case } from './case.ts';

const kinds: readonly [string, number][] = [
  ['a regular file', S_IFREG | 0o640],
  ['a directory', S_IFDIR | 0o750],
  ['a fifo', S_IFIFO | 0o600],
  ['a socket', S_IFSOCK | 0o700],
];

const oddNames: readonly [string, Name][] = [
  ['255 bytes', 'n'.repeat(255) as Name],
  ['bytes that are no UTF-8', '\xff\xfe\x80' as Name],
  ['a newline and a backslash', 'a\nb\\c' as Name],
  ['spaces at both ends', ' x ' as Name],
  ['three dots', '...' as Name],
  [
    'every byte that is allowed',
    Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1))
      .join('')
      .replace('/', '') as Name,
  ],
];

export const directoryCases: readonly Case[] = [
  ...kinds.map(
    ([title, mode]): Case => ({
      title: `makes ${title} with its type and mode (FS-2)`,
      run: async (t) => {
        const made = await t.fs.mknod(t.me, t.at('x'), { mode });
        expect(made.mode).toBe(mode);
        expect(await t.lookup('x')).toEqual(made);
        expect(await t.stat(made.node)).toEqual(made);
        expect(made.nlink).toBe((mode & S_IFMT) === S_IFDIR ? 2 : 1);
      },
    }),
  ),
  ...(
    [
      ['character', S_IFCHR],
      ['block', S_IFBLK],
    ] as const
  ).map(
    ([title, type]): Case => ({
      title: `makes a ${title} device with its number (FS-2)`,
      needs: 'devices',
      run: async (t) => {
        const made = await t.fs.mknod(t.me, t.at('x'), { mode: type | 0o600, rdev: 0x103 });
        expect([made.mode, made.rdev]).toEqual([type | 0o600, 0x103]);
      },
    }),
  ),
  ...oddNames.map(
    ([title, odd]): Case => ({
      title: `keeps a name of ${title} as it is (FS-6)`,
      run: async (t) => {
        const made = await t.fs.mknod(t.me, { parent: t.dir, name: odd }, { mode: S_IFREG | 0o644 });
        expect((await t.fs.lookup(t.me, { parent: t.dir, name: odd })).node).toBe(made.node);
        expect((await t.list()).map((entry) => entry.name)).toEqual([odd]);
        await t.fs.unlink(t.me, { parent: t.dir, name: odd });
        expect(await t.list()).toEqual([]);
      },
    }),
  ),
  {
    title: 'tells names apart that differ in case only (FS-6)',
    run: async (t) => {
      const lower = await t.put('name', 'a');
      const upper = await t.put('NAME', 'b');
      expect(lower).not.toBe(upper);
      expect(await t.names()).toEqual(['NAME', 'name']);
    },
  },
  {
    title: 'keeps the target of a symbolic link, 4,095 bytes of it (FS-2)',
    run: async (t) => {
      const target = 'a/'.repeat(2047) + 'b';
      const made = await t.symlink('l', target);
      expect(made.mode & S_IFMT).toBe(S_IFLNK);
      expect(made.size).toBe(4095);
      expect(Buffer.from(await t.fs.readlink(t.me, made.node)).toString()).toBe(target);
    },
  },
  {
    title: 'gives what is made to its maker, with the umask taken off (FS-2)',
    needs: 'ownership',
    run: async (t) => {
      const by = { ...t.other, umask: 0o027 };
      const made = await t.fs.mknod(by, t.at('d'), { mode: S_IFDIR | 0o777 });
      expect([made.uid, made.gid, made.mode & 0o7777]).toEqual([1000, 1000, 0o750]);
      const { attr, handle } = await t.fs.create(by, t.at('f'), 0o666, RW);
      expect([attr.uid, attr.gid, attr.mode & 0o7777]).toEqual([1000, 1000, 0o640]);
      await handle.release(by);
    },
  },
  {
    title: 'hands the group of a setgid directory on, and the bit to directories (FS-2)',
    needs: 'ownership',
    run: async (t) => {
      const parent = (await t.mkdir('p')).node;
      await t.fs.setattr(t.me, parent, { gid: 77 });
      await t.fs.setattr(t.me, parent, { mode: 0o2777 });
      const file = await t.fs.mknod(t.other, t.at('f', parent), { mode: S_IFREG | 0o644 });
      const directory = await t.fs.mknod(t.other, t.at('d', parent), { mode: S_IFDIR | 0o755 });
      expect([file.gid, directory.gid]).toEqual([77, 77]);
      expect(directory.mode & 0o2000).toBe(0o2000);
    },
  },
  {
    title: 'counts subdirectories in nlink and names the directory above (FS-2)',
    run: async (t) => {
      const made = await t.mkdir('d');
      expect(made.parent).toBe(t.dir);
      expect((await t.stat(t.dir)).nlink).toBe(3);
      await t.mkdir('e', made.node);
      expect((await t.stat(made.node)).nlink).toBe(3);
      await t.fs.rmdir(t.me, t.at('e', made.node));
      expect((await t.stat(made.node)).nlink).toBe(2);
    },
  },
  {
    title: 'lists every entry once, in pages of any size (FS-2)',
    run: async (t) => {
      const made = Array.from({ length: 60 }, (_, i) => `n${String(i)}`);
      for (const text of made) await t.fs.mknod(t.me, t.at(text), { mode: S_IFREG | 0o600 });
      for (const limit of [1, 7, 60, 1000]) {
        const texts = (await t.list(t.dir, limit)).map((entry) => entry.name as string);
        expect(new Set(texts)).toEqual(new Set(made));
        expect(texts.length).toBe(made.length);
      }
    },
  },
  {
    title: 'lists entries with their attributes, the dots left out (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'hello');
      const [entry, ...more] = await t.list();
      expect(more).toEqual([]);
      expect(entry?.attr).toEqual(await t.stat(node));
      expect(entry?.cookie).toBeGreaterThan(0);
    },
  },
  {
    title: 'keeps its place in a listing while entries before it go (FS-2)',
    run: async (t) => {
      for (let i = 0; i < 20; i++) await t.put(`n${String(i)}`);
      const first = await t.fs.readdir(t.me, t.dir, 0, 10);
      for (const entry of first) await t.fs.unlink(t.me, { parent: t.dir, name: entry.name });
      const rest: string[] = [];
      for (let after = first.at(-1)?.cookie ?? 0; ; ) {
        const page = await t.fs.readdir(t.me, t.dir, after, 3);
        const last = page.at(-1);
        if (last === undefined) break;
        rest.push(...page.map((entry) => entry.name as string));
        after = last.cookie;
      }
      expect(rest.sort()).toEqual((await t.list()).map((entry) => entry.name as string).sort());
    },
  },
  {
    title: 'shows the size of a file that is being written in listings and lookups (FS-2)',
    run: async (t) => {
      const { handle } = await t.create('f');
      await t.write(handle, 'twelve bytes');
      expect((await t.lookup('f')).size).toBe(12);
      expect((await t.list())[0]?.attr.size).toBe(12);
      await t.close(handle);
    },
  },
  {
    title: 'an empty directory lists nothing (FS-2)',
    run: async (t) => {
      expect(await t.list((await t.mkdir('d')).node)).toEqual([]);
    },
  },
  {
    title: 'removes a name; the next lookup is ENOENT (FS-2)',
    run: async (t) => {
      await t.put('f', 'x');
      await t.fs.unlink(t.me, t.at('f'));
      await fails(t.lookup('f'), 'ENOENT');
      expect(await t.names()).toEqual([]);
    },
  },
  {
    title: 'a name can be used again at once, for another node (FS-2)',
    run: async (t) => {
      const first = await t.put('f', 'first');
      await t.fs.unlink(t.me, t.at('f'));
      const second = await t.put('f', 'second');
      expect(second).not.toBe(first);
      expect(await t.text(second)).toBe('second');
    },
  },
  {
    title: 'an unlinked file lives on while it is open (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'still here');
      await t.fs.unlink(t.me, t.at('f'));
      expect((await t.stat(node)).nlink).toBe(0);
      expect((await t.read(handle, 0, 100)).toString()).toBe('still here');
      await t.write(handle, 'changed', 0);
      expect((await t.read(handle, 0, 100)).toString()).toBe('changedere');
      await t.close(handle);
    },
  },
  {
    title: 'an unlinked file that is open for reading only keeps its bytes (FS-2)',
    run: async (t) => {
      const bytes = pagesOf(3);
      const node = await t.put('f', bytes);
      const handle = await t.open(node, R);
      await t.fs.unlink(t.me, t.at('f'));
      expect((await t.read(handle, 0, bytes.length + 1)).equals(bytes)).toBe(true);
      await t.close(handle);
    },
  },
  {
    title: 'moves mtime and ctime of the directory with every change of its names (FS-2)',
    run: async (t) => {
      const past = { sec: 1000, nsec: 5 };
      const touched = async (): Promise<boolean> => {
        const { mtime, ctime } = await t.stat(t.dir);
        await t.fs.setattr(t.me, t.dir, { mtime: past });
        return mtime.sec !== past.sec && ctime.sec !== past.sec;
      };
      await t.fs.setattr(t.me, t.dir, { mtime: past });
      const node = await t.put('f');
      expect(await touched()).toBe(true);
      await t.fs.link(t.me, node, t.at('g'));
      expect(await touched()).toBe(true);
      await t.fs.rename(t.me, t.at('g'), t.at('h'), 'replace');
      expect(await touched()).toBe(true);
      await t.fs.unlink(t.me, t.at('h'));
      expect(await touched()).toBe(true);
    },
  },
  {
    title: 'looking up a name with the parent of a file is ENOTDIR (FS-3)',
    run: async (t) => {
      const node = await t.put('f');
      await fails(t.fs.lookup(t.me, { parent: node, name: name('x') }), 'ENOTDIR');
    },
  },
];

function pagesOf(count: number): Buffer {
  return Buffer.alloc(count * 4096, 'page');
}
