/** Hard links, files without a name. */
import { expect } from 'vitest';
import { S_IFLNK, S_IFREG } from '../../../src/fs/types.ts';
import { fails, R, RW } from './case.ts';
import type { Case } from './case.ts';

export const linkCases: readonly Case[] = [
  {
    title: 'two names are one file (FS-2)',
    run: async (t) => {
      const node = await t.put('a', 'one');
      const linked = await t.fs.link(t.me, node, t.at('b'));
      expect([linked.node, linked.nlink]).toEqual([node, 2]);
      await t.change((await t.lookup('b')).node, 'two');
      expect(await t.text((await t.lookup('a')).node)).toBe('two');
      await t.fs.unlink(t.me, t.at('a'));
      expect((await t.lookup('b')).nlink).toBe(1);
      expect(await t.text(node)).toBe('two');
    },
  },
  {
    title: 'link moves ctime, not mtime (FS-2)',
    run: async (t) => {
      const node = await t.put('a', 'x');
      const past = { sec: 1_000_000, nsec: 1 };
      await t.fs.setattr(t.me, node, { mtime: past });
      const linked = await t.fs.link(t.me, node, t.at('b'));
      expect(linked.mtime).toEqual(past);
      expect(linked.ctime.sec).toBeGreaterThan(past.sec);
    },
  },
  {
    title: 'links a symbolic link itself (FS-2)',
    run: async (t) => {
      const made = await t.symlink('l', 'target');
      const linked = await t.fs.link(t.me, made.node, t.at('m'));
      expect(linked.mode & 0o170000).toBe(S_IFLNK);
      expect(linked.nlink).toBe(2);
    },
  },
  {
    title: 'links a file that is being written (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('a');
      await t.write(handle, 'abc');
      expect((await t.fs.link(t.me, node, t.at('b'))).size).toBe(3);
      await t.close(handle);
      expect(await t.text((await t.lookup('b')).node)).toBe('abc');
    },
  },
  {
    title: 'refuses a second name for a directory: EPERM (FS-3)',
    run: async (t) => {
      const { node } = await t.mkdir('d');
      await fails(t.fs.link(t.me, node, t.at('e')), 'EPERM');
    },
  },
  {
    title: 'refuses a name that exists: EEXIST (FS-3)',
    run: async (t) => {
      const node = await t.put('a');
      await t.put('b');
      await fails(t.fs.link(t.me, node, t.at('b')), 'EEXIST');
      await fails(t.fs.link(t.me, node, t.at('a')), 'EEXIST');
    },
  },
  {
    title: 'refuses a file that lost its last name: ENOENT (FS-3)',
    run: async (t) => {
      const { node, handle } = await t.create('a');
      await t.fs.unlink(t.me, t.at('a'));
      await fails(t.fs.link(t.me, node, t.at('b')), 'ENOENT');
      await t.close(handle);
    },
  },
  {
    title: 'a file without a name can be written and read, and leaves nothing (FS-2)',
    needs: 'tmpfile',
    run: async (t) => {
      const { attr, handle } = await t.fs.tmpfile(t.me, t.dir, S_IFREG | 0o600, RW);
      expect([attr.nlink, attr.mode]).toEqual([0, S_IFREG | 0o600]);
      await t.write(handle, 'hidden');
      expect((await t.read(handle, 0, 10)).toString()).toBe('hidden');
      expect(await t.names()).toEqual([]);
      await t.close(handle);
    },
  },
  {
    title: 'a file without a name can be given one, with what was written before and after (FS-2)',
    needs: 'tmpfile',
    run: async (t) => {
      const { attr, handle } = await t.fs.tmpfile(t.me, t.dir, 0o600, RW);
      await t.write(handle, 'before');
      expect((await t.fs.link(t.me, attr.node, t.at('f'))).nlink).toBe(1);
      await t.write(handle, ' after', 6);
      await t.close(handle);
      expect(await t.text((await t.lookup('f')).node)).toBe('before after');
    },
  },
  {
    title: 'a file without a name is closed and then linked no more (FS-3)',
    needs: 'tmpfile',
    run: async (t) => {
      const { attr, handle } = await t.fs.tmpfile(t.me, t.dir, 0o600, RW);
      await t.close(handle);
      await fails(t.fs.link(t.me, attr.node, t.at('f')), 'ENOENT', 'ESTALE');
    },
  },
  {
    title: 'reads through one handle after the name was removed through another link (FS-2)',
    run: async (t) => {
      const node = await t.put('a', 'kept');
      await t.fs.link(t.me, node, t.at('b'));
      const handle = await t.open(node, R);
      await t.fs.unlink(t.me, t.at('a'));
      await t.fs.unlink(t.me, t.at('b'));
      expect((await t.read(handle, 0, 9)).toString()).toBe('kept');
      await t.close(handle);
    },
  },
];
