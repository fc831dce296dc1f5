/** Extended attributes. */
import { expect } from 'vitest';
import { S_IFIFO } from '../../../src/fs/types.ts';
import { fails, name } from './case.ts';
import type { Case } from './case.ts';

const value = Buffer.from('a value');

const withXattrs = (title: string, run: Case['run']): Case => ({ title, needs: 'xattrs', run });

export const xattrCases: readonly Case[] = [
  withXattrs('keeps values of files and directories, empty ones and large ones (FS-2)', async (t) => {
    for (const node of [await t.put('f'), (await t.mkdir('d')).node]) {
      for (const [key, bytes] of [
        ['user.a', value],
        ['user.empty', Buffer.alloc(0)],
        ['user.large', Buffer.alloc(65_536, 7)],
      ] as const) {
        await t.fs.setxattr(t.me, node, name(key), bytes, 'set');
        expect(Buffer.from(await t.fs.getxattr(t.me, node, name(key))).equals(bytes)).toBe(true);
      }
      expect([...(await t.fs.listxattr(t.me, node))].sort()).toEqual(['user.a', 'user.empty', 'user.large']);
    }
  }),
  withXattrs('replaces a value, and removes it (FS-2)', async (t) => {
    const node = await t.put('f');
    await t.fs.setxattr(t.me, node, name('user.a'), value, 'set');
    await t.fs.setxattr(t.me, node, name('user.a'), Buffer.from('b'), 'set');
    expect(Buffer.from(await t.fs.getxattr(t.me, node, name('user.a'))).toString()).toBe('b');
    await t.fs.removexattr(t.me, node, name('user.a'));
    await fails(t.fs.getxattr(t.me, node, name('user.a')), 'ENODATA');
    expect(await t.fs.listxattr(t.me, node)).toEqual([]);
  }),
  withXattrs('create and replace ask for absence and presence: EEXIST, ENODATA (FS-3)', async (t) => {
    const node = await t.put('f');
    await fails(t.fs.setxattr(t.me, node, name('user.a'), value, 'replace'), 'ENODATA');
    await t.fs.setxattr(t.me, node, name('user.a'), value, 'create');
    await fails(t.fs.setxattr(t.me, node, name('user.a'), value, 'create'), 'EEXIST');
    await t.fs.setxattr(t.me, node, name('user.a'), Buffer.from('c'), 'replace');
    expect(Buffer.from(await t.fs.getxattr(t.me, node, name('user.a'))).toString()).toBe('c');
  }),
  withXattrs('what is not there cannot be read or removed: ENODATA (FS-3)', async (t) => {
    const node = await t.put('f');
    await fails(t.fs.getxattr(t.me, node, name('user.none')), 'ENODATA');
    await fails(t.fs.removexattr(t.me, node, name('user.none')), 'ENODATA');
  }),
  withXattrs('a value beyond 64 KiB is E2BIG (FS-3)', async (t) => {
    await fails(t.fs.setxattr(t.me, await t.put('f'), name('user.a'), Buffer.alloc(65_537), 'set'), 'E2BIG');
  }),
  withXattrs('names are bytes, up to 255 of them (FS-6)', async (t) => {
    const node = await t.put('f');
    const odd = `user.${'\xff'.repeat(250)}` as ReturnType<typeof name>;
    await t.fs.setxattr(t.me, node, odd, value, 'set');
    expect(await t.fs.listxattr(t.me, node)).toEqual([odd]);
  }),
  withXattrs('POSIX ACLs and unknown namespaces are refused cleanly: EOPNOTSUPP (FS-2)', async (t) => {
    const node = await t.put('f');
    for (const key of ['system.posix_acl_access', 'system.posix_acl_default', 'system.x', 'other.x']) {
      await fails(t.fs.setxattr(t.me, node, name(key), value, 'set'), 'EOPNOTSUPP');
      await fails(t.fs.getxattr(t.me, node, name(key)), 'EOPNOTSUPP', 'ENODATA');
    }
  }),
  withXattrs('user.* is for files and directories: EPERM on others (FS-3)', async (t) => {
    const fifo = await t.fs.mknod(t.me, t.at('p'), { mode: S_IFIFO | 0o600 });
    await fails(t.fs.setxattr(t.me, fifo.node, name('user.a'), value, 'set'), 'EPERM');
    await fails(t.fs.setxattr(t.me, (await t.symlink('l', 'x')).node, name('user.a'), value, 'set'), 'EPERM');
  }),
  withXattrs('trusted.* is root’s, and hidden from others (FS-3)', async (t) => {
    const node = await t.put('f');
    await t.fs.setxattr(t.me, node, name('trusted.a'), value, 'set');
    await fails(t.fs.setxattr(t.other, node, name('trusted.b'), value, 'set'), 'EPERM');
    await fails(t.fs.getxattr(t.other, node, name('trusted.a')), 'ENODATA');
    expect(await t.fs.listxattr(t.other, node)).toEqual([]);
    expect(await t.fs.listxattr(t.me, node)).toEqual(['trusted.a']);
  }),
  withXattrs('security.* is set by root and read by everybody (FS-3)', async (t) => {
    const node = await t.put('f');
    await fails(t.fs.setxattr(t.other, node, name('security.a'), value, 'set'), 'EPERM');
    await t.fs.setxattr(t.me, node, name('security.a'), value, 'set');
    expect(Buffer.from(await t.fs.getxattr(t.other, node, name('security.a'))).equals(value)).toBe(true);
  }),
  withXattrs('a write takes a file’s capability away (FS-2)', async (t) => {
    const node = await t.put('f', 'x');
    await t.fs.setxattr(t.me, node, name('security.capability'), value, 'set');
    await t.fs.setxattr(t.me, node, name('user.kept'), value, 'set');
    await t.change(node, 'y');
    expect(await t.fs.listxattr(t.me, node)).toEqual(['user.kept']);
  }),
  withXattrs('they follow the file to another name and move its ctime (FS-2)', async (t) => {
    const node = await t.put('f');
    await t.fs.setxattr(t.me, node, name('user.a'), value, 'set');
    await t.fs.rename(t.me, t.at('f'), t.at('g'), 'replace');
    const found = await t.fs.getxattr(t.me, (await t.lookup('g')).node, name('user.a'));
    expect(Buffer.from(found).equals(value)).toBe(true);
  }),
  {
    title: 'tells hash and version of a file in attributes nobody can change (CAS-4)',
    needs: 'hash',
    run: async (t) => {
      const node = await t.put('f', 'abc');
      const same = await t.put('g', 'abc');
      const get = async (of: number, key: string): Promise<string> =>
        Buffer.from(await t.fs.getxattr(t.me, of, name(key))).toString();
      // BLAKE3 of "abc", as its authors publish it.
      expect(await get(node, 'user.nexus.hash')).toBe(
        '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
      );
      expect(await get(same, 'user.nexus.hash')).toBe(await get(node, 'user.nexus.hash'));
      expect(await get(node, 'user.nexus.version')).toBe('1');
      await fails(t.fs.setxattr(t.me, node, name('user.nexus.hash'), value, 'set'), 'EPERM');
      await fails(t.fs.removexattr(t.me, node, name('user.nexus.version')), 'EPERM');
      expect(await t.fs.listxattr(t.me, node)).toEqual([]);
      await fails(t.fs.getxattr(t.me, t.dir, name('user.nexus.hash')), 'ENODATA');
    },
  },
  {
    title: 'the hash of a file being written is that of what a reader sees (CAS-4)',
    needs: 'hash',
    run: async (t) => {
      const node = await t.put('f', 'first');
      const handle = await t.open(node);
      await t.write(handle, 'abc');
      await t.fs.setattr(t.me, node, { size: 3 });
      const hash = await t.fs.getxattr(t.me, node, name('user.nexus.hash'));
      expect(Buffer.from(hash).toString()).toBe(
        '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
      );
      await t.close(handle);
    },
  },
];
