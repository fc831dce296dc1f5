/** copy_file_range(2). */
import { expect } from 'vitest';
import { fails, pattern, R, RW, W } from './case.ts';
import type { Case } from './case.ts';

const sizes = [5, 10_000, 300_000, 2_500_000];

export const copyCases: readonly Case[] = [
  ...sizes.map(
    (size): Case => ({
      title: `copies ${String(size)} bytes of a closed file into a new one (FS-2)`,
      run: async (t) => {
        const bytes = pattern(size, 2);
        const from = await t.open(await t.put('a', bytes), R);
        const { node, handle } = await t.create('b', W);
        expect(await from.copyRange(t.me, 0, handle, 0, size + 100)).toBe(size);
        await t.close(handle);
        await t.close(from);
        expect((await t.slurp(node)).equals(bytes)).toBe(true);
      },
    }),
  ),
  ...sizes.map(
    (size): Case => ({
      title: `copies ${String(size)} bytes between files that are being written (FS-2)`,
      run: async (t) => {
        const bytes = pattern(size, 3);
        const a = await t.create('a');
        await t.write(a.handle, bytes);
        const b = await t.create('b');
        await t.write(b.handle, 'start');
        expect(await a.handle.copyRange(t.me, 1, b.handle, 7, size)).toBe(size - 1);
        const expected = Buffer.concat([Buffer.from('start\0\0'), bytes.subarray(1)]);
        expect((await t.read(b.handle, 0, size + 20)).equals(expected)).toBe(true);
        await t.close(a.handle);
        await t.close(b.handle);
        expect((await t.slurp(b.node)).equals(expected)).toBe(true);
      },
    }),
  ),
  {
    title: 'copies within a file, and refuses ranges that overlap: EINVAL (FS-3)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, '0123456789');
      expect(await handle.copyRange(t.me, 0, handle, 10, 10)).toBe(10);
      await fails(handle.copyRange(t.me, 0, handle, 5, 10), 'EINVAL');
      await fails(handle.copyRange(t.me, 5, handle, 0, 10), 'EINVAL');
      await t.close(handle);
      expect(await t.text(node)).toBe('01234567890123456789');
    },
  },
  {
    title: 'copies nothing from the end on (FS-2)',
    run: async (t) => {
      const from = await t.open(await t.put('a', 'abc'), R);
      const { handle } = await t.create('b');
      expect(await from.copyRange(t.me, 3, handle, 0, 10)).toBe(0);
      expect(await from.copyRange(t.me, 0, handle, 0, 0)).toBe(0);
      await t.close(from);
      await t.close(handle);
    },
  },
  {
    title: 'needs a source to read and a target to write, not to append: EBADF (FS-3)',
    run: async (t) => {
      const node = await t.put('a', 'abc');
      const reader = await t.open(node, R);
      const writer = await t.open(node, W);
      const { handle } = await t.create('b');
      const appender = await t.open(handle.node, { ...RW, append: true });
      await fails(writer.copyRange(t.me, 0, handle, 0, 1), 'EBADF');
      await fails(handle.copyRange(t.me, 0, reader, 0, 1), 'EBADF');
      await fails(reader.copyRange(t.me, 0, appender, 0, 1), 'EBADF');
      for (const open of [reader, writer, handle, appender]) await t.close(open);
    },
  },
  {
    title: 'refuses offsets and lengths that are none: EINVAL (FS-3)',
    run: async (t) => {
      const { handle } = await t.create('a');
      await t.write(handle, 'abc');
      const b = await t.create('b');
      await fails(handle.copyRange(t.me, -1, b.handle, 0, 1), 'EINVAL');
      await fails(handle.copyRange(t.me, 0, b.handle, -1, 1), 'EINVAL');
      await fails(handle.copyRange(t.me, 0, b.handle, 0, -1), 'EINVAL');
      await t.close(handle);
      await t.close(b.handle);
    },
  },
];
