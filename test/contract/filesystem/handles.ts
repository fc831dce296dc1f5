/** Handles: how files are opened, read, shared, flushed and released. */
import { expect } from 'vitest';
import { S_IFIFO } from '../../../src/fs/types.ts';
import { fails, pattern, R, RW, W } from './case.ts';
import type { Case } from './case.ts';

export const handleCases: readonly Case[] = [
  {
    title: 'create makes and opens a file in one step (FS-2)',
    run: async (t) => {
      const { attr, handle } = await t.fs.create(t.me, t.at('f'), 0o644, RW);
      expect(handle.node).toBe(attr.node);
      expect(handle.flags).toMatchObject({ read: true, write: true });
      await t.write(handle, 'abc');
      await t.close(handle);
      expect(await t.text(attr.node)).toBe('abc');
    },
  },
  {
    title: 'create for reading only gives an empty file (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f', R);
      expect((await t.read(handle, 0, 10)).length).toBe(0);
      await t.close(handle);
      expect((await t.stat(node)).size).toBe(0);
    },
  },
  {
    title: 'reads what is there, fewer bytes at the end, none behind it (FS-2)',
    run: async (t) => {
      const bytes = pattern(10_000);
      const handle = await t.open(await t.put('f', bytes), R);
      expect((await t.read(handle, 0, 10_000)).equals(bytes)).toBe(true);
      expect((await t.read(handle, 9_990, 100)).equals(bytes.subarray(9_990))).toBe(true);
      expect((await t.read(handle, 4_000, 200)).equals(bytes.subarray(4_000, 4_200))).toBe(true);
      expect((await t.read(handle, 10_000, 10)).length).toBe(0);
      expect((await t.read(handle, 1e12, 10)).length).toBe(0);
      await t.close(handle);
    },
  },
  {
    title: 'a read of nothing reads nothing (FS-2)',
    run: async (t) => {
      const handle = await t.open(await t.put('f', 'abc'), R);
      expect(await handle.read(t.me, new Uint8Array(0), 0)).toBe(0);
      await t.close(handle);
    },
  },
  {
    title: 'writing through a handle for reading is EBADF (FS-3)',
    run: async (t) => {
      const handle = await t.open(await t.put('f', 'abc'), R);
      await fails(handle.write(t.me, Buffer.from('x'), 0), 'EBADF');
      await fails(handle.allocate(t.me, 0, 0, 10), 'EBADF');
      await t.close(handle);
    },
  },
  {
    title: 'reading through a handle for writing is EBADF (FS-3)',
    run: async (t) => {
      const handle = await t.open(await t.put('f', 'abc'), W);
      await fails(handle.read(t.me, new Uint8Array(1), 0), 'EBADF');
      await t.close(handle);
    },
  },
  {
    title: 'every handle sees every write at once (FS-11)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      const reader = await t.open(node, R);
      const second = await t.open(node, RW, t.elsewhere);
      await t.write(handle, 'first');
      expect((await t.read(reader, 0, 10)).toString()).toBe('first');
      await t.write(second, 'SECOND');
      expect((await t.read(handle, 0, 10)).toString()).toBe('SECOND');
      expect((await t.read(reader, 0, 10)).toString()).toBe('SECOND');
      await t.close(second);
      await t.close(reader);
      await t.close(handle);
      expect(await t.text(node)).toBe('SECOND');
    },
  },
  {
    title: 'a handle stays usable after flush (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'one');
      await handle.flush(t.me);
      await t.write(handle, 'two', 3);
      await handle.flush(t.me);
      await handle.flush(t.me);
      expect((await t.read(handle, 0, 10)).toString()).toBe('onetwo');
      await handle.release(t.me);
      expect(await t.text(node)).toBe('onetwo');
    },
  },
  {
    title: 'release without flush keeps what was written, and may be repeated (FS-5)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'abc');
      await handle.release(t.me);
      await handle.release(t.me);
      expect(await t.text(node)).toBe('abc');
    },
  },
  {
    title: 'a large file keeps what was written when it is released and opened at once (FS-5)',
    run: async (t) => {
      const bytes = pattern(1_500_000, 3);
      const { node, handle } = await t.create('f');
      await t.write(handle, bytes);
      await handle.release(t.me);
      const again = await t.open(node);
      expect((await t.read(again, 0, 2_000_000)).equals(bytes)).toBe(true);
      await t.write(again, 'X', 700_000);
      await t.close(again);
      bytes[700_000] = 88;
      expect((await t.slurp(node)).equals(bytes)).toBe(true);
    },
  },
  {
    title: 'opens for writing, closes, leaves the bytes alone (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'abc');
      const { version } = await t.stat(node);
      await t.close(await t.open(node, RW));
      expect(await t.text(node)).toBe('abc');
      expect((await t.stat(node)).version).toBe(version);
    },
  },
  {
    title: 'opening with truncation empties the file at once, for every handle (FS-2)',
    run: async (t) => {
      const node = await t.put('f', pattern(5000));
      const reader = await t.open(node, R);
      const handle = await t.open(node, { ...RW, truncate: true });
      expect((await t.stat(node)).size).toBe(0);
      expect((await t.read(reader, 0, 10)).length).toBe(0);
      await t.write(handle, 'new');
      expect((await t.read(reader, 0, 10)).toString()).toBe('new');
      await t.close(handle);
      await t.close(reader);
      expect(await t.text(node)).toBe('new');
    },
  },
  {
    title: 'opening with truncation and closing leaves an empty file (FS-2)',
    run: async (t) => {
      const node = await t.put('f', pattern(600_000));
      await t.close(await t.open(node, { ...W, truncate: true }));
      expect((await t.stat(node)).size).toBe(0);
      expect((await t.slurp(node)).length).toBe(0);
    },
  },
  {
    title: 'the stamp of a handle changes with the content and only with it (FS-11)',
    run: async (t) => {
      const node = await t.put('f', 'abc');
      const first = await t.open(node, R);
      const second = await t.open(node, R);
      expect(second.stamp).toBe(first.stamp);
      const before = first.stamp;
      await t.close(first);
      await t.close(second);
      await t.fs.setattr(t.me, node, { mode: 0o600 });
      const third = await t.open(node, R);
      expect(third.stamp).toBe(before);
      await t.close(third);
      await t.change(node, 'xyz');
      const fourth = await t.open(node, R);
      expect(fourth.stamp).not.toBe(before);
      await t.close(fourth);
    },
  },
  {
    title: 'the stamp differs after each of several changes that are not closed yet (FS-11)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      const stamps = new Set<number>();
      for (const text of ['a', 'b', 'c']) {
        await t.write(handle, text);
        const reader = await t.open(node, R);
        stamps.add(reader.stamp);
        await t.close(reader);
      }
      expect(stamps.size).toBe(3);
      await t.close(handle);
    },
  },
  {
    title: 'fsync of clean, changed and unlinked files answers (FS-4)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await handle.fsync(t.me, false);
      await t.write(handle, pattern(50_000));
      await handle.fsync(t.me, true);
      await t.write(handle, pattern(300_000, 2));
      await handle.fsync(t.me, false);
      await handle.flush(t.me);
      await handle.fsync(t.me, false);
      await t.fs.unlink(t.me, t.at('f'));
      await handle.fsync(t.me, false);
      expect((await t.read(handle, 0, 300_000)).equals(pattern(300_000, 2))).toBe(true);
      await t.close(handle);
      await fails(t.open(node), 'ESTALE', 'ENOENT');
    },
  },
  {
    title: 'sync of a directory and of everything answers (FS-4)',
    run: async (t) => {
      const { handle } = await t.create('f');
      await t.write(handle, 'abc');
      await t.fs.sync(t.me, t.dir);
      await t.fs.sync(t.me, 1);
      await t.close(handle);
    },
  },
  {
    title: 'writes of a handle opened for synchronous writing read back (FS-4)',
    run: async (t) => {
      const { node, handle } = await t.create('f', { ...RW, sync: true });
      await t.write(handle, 'safe');
      await t.close(handle);
      expect(await t.text(node)).toBe('safe');
    },
  },
  {
    title: 'a directory cannot be opened as a file: EISDIR (FS-3)',
    run: async (t) => {
      await fails(t.open((await t.mkdir('d')).node, R), 'EISDIR');
      await fails(t.open((await t.stat(t.dir)).node, W), 'EISDIR');
    },
  },
  {
    title: 'what is neither file nor directory cannot be opened either (FS-3)',
    run: async (t) => {
      const fifo = await t.fs.mknod(t.me, t.at('p'), { mode: S_IFIFO | 0o600 });
      await fails(t.open(fifo.node, R), 'EINVAL', 'ENXIO');
      await fails(t.open((await t.symlink('l', 'x')).node, R), 'EINVAL', 'ELOOP');
    },
  },
  {
    title: 'many handles of one file, released in any order (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'start');
      const handles = await Promise.all(Array.from({ length: 8 }, () => t.open(node)));
      await Promise.all(handles.map((handle, i) => t.write(handle, String(i), i)));
      for (const handle of [...handles].reverse()) await t.close(handle);
      expect(await t.text(node)).toBe('01234567');
    },
  },
  {
    title: 'files made and opened at the same moment are one file (FS-2)',
    run: async (t) => {
      const made = t.fs.create(t.me, t.at('f'), 0o644, RW);
      const found = t.lookup('f').then(
        (attr) => t.open(attr.node, RW),
        () => undefined,
      );
      const { attr, handle } = await made;
      const other = (await found) ?? (await t.open(attr.node));
      await t.write(handle, 'abc');
      expect((await t.read(other, 0, 5)).toString()).toBe('abc');
      await t.write(other, 'xyz', 3);
      expect((await t.read(handle, 0, 9)).toString()).toBe('abcxyz');
      await t.close(handle);
      await t.close(other);
      expect(await t.text(attr.node)).toBe('abcxyz');
    },
  },
];
