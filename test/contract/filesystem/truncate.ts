/** truncate(2) and ftruncate(2). */
import { expect } from 'vitest';
import { fails, pattern, R, RW, W } from './case.ts';
import type { Case } from './case.ts';

const K = 1024;

/** From one size to another and back to a third. */
const steps: readonly [number, number, number][] = [
  [10, 4, 10],
  [10, 0, 5],
  [5000, 4096, 9000],
  [5000, 4097, 5000],
  [300_000, 100, 300_000],
  [300_000, 299_999, 400_000],
  [1_000_000, 500_001, 1_000_000],
  [1_000_000, 256 * K, 256 * K + 5],
  [1_000_000, 0, 700_000],
  [0, 1_000_000, 3],
];

function shown(bytes: Buffer, cut: number, size: number): Buffer {
  const whole = Buffer.alloc(size);
  bytes.copy(whole, 0, 0, Math.min(cut, size, bytes.length));
  return whole;
}

export const truncateCases: readonly Case[] = [
  ...steps.map(
    ([from, to, then]): Case => ({
      title: `a closed file of ${String(from)} cut to ${String(to)}, then ${String(then)}: what was cut is zero (FS-2)`,
      run: async (t) => {
        const bytes = pattern(from, 3);
        const node = await t.put('f', bytes);
        expect((await t.fs.setattr(t.me, node, { size: to })).size).toBe(to);
        expect((await t.slurp(node)).equals(shown(bytes, to, to))).toBe(true);
        await t.fs.setattr(t.me, node, { size: then });
        expect((await t.slurp(node)).equals(shown(bytes, Math.min(to, from), then))).toBe(true);
      },
    }),
  ),
  ...steps.map(
    ([from, to, then]): Case => ({
      title: `an open file of ${String(from)} cut to ${String(to)}, then ${String(then)}: what was cut is zero (FS-2)`,
      run: async (t) => {
        const bytes = pattern(from, 4);
        const node = await t.put('f', bytes);
        const handle = await t.open(node);
        await t.fs.setattr(t.me, node, { size: to });
        await t.fs.setattr(t.me, node, { size: then });
        const expected = shown(bytes, Math.min(to, from), then);
        expect((await t.read(handle, 0, then + 1)).equals(expected)).toBe(true);
        await t.write(handle, 'Z', then);
        await t.close(handle);
        expect((await t.slurp(node)).equals(Buffer.concat([expected, Buffer.from('Z')]))).toBe(true);
      },
    }),
  ),
  {
    title: 'cutting away what was just written to a large file (FS-2)',
    run: async (t) => {
      const bytes = pattern(1_000_000, 6);
      const node = await t.put('f', bytes);
      const handle = await t.open(node);
      await t.write(handle, pattern(9000, 7), 600_000);
      await t.fs.setattr(t.me, node, { size: 603_000 });
      await t.fs.setattr(t.me, node, { size: 900_000 });
      const expected = shown(bytes, 600_000, 900_000);
      pattern(9000, 7).copy(expected, 600_000, 0, 3000);
      expect((await t.read(handle, 0, 1_000_000)).equals(expected)).toBe(true);
      await t.close(handle);
      expect((await t.slurp(node)).equals(expected)).toBe(true);
    },
  },
  {
    title: 'a size of terabytes costs nothing (FS-7)',
    run: async (t) => {
      const node = await t.put('f', 'x');
      await t.fs.setattr(t.me, node, { size: 2 ** 42 });
      const handle = await t.open(node, R);
      expect((await t.read(handle, 2 ** 41, 4)).equals(Buffer.alloc(4))).toBe(true);
      expect((await t.read(handle, 0, 2)).toString('latin1')).toBe('x\0');
      await t.close(handle);
      expect((await t.fs.setattr(t.me, node, { size: 1 })).size).toBe(1);
      expect(await t.text(node)).toBe('x');
    },
  },
  {
    title: 'truncation to the same size keeps the bytes (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'abc');
      await t.fs.setattr(t.me, node, { size: 3 });
      expect(await t.text(node)).toBe('abc');
    },
  },
  {
    title: 'truncation shows in the handles that are open for reading (FS-11)',
    run: async (t) => {
      const node = await t.put('f', 'abcdef');
      const handle = await t.open(node, R);
      await t.fs.setattr(t.me, node, { size: 2 });
      expect((await t.read(handle, 0, 10)).toString()).toBe('ab');
      await t.close(handle);
    },
  },
  {
    title: 'truncation with a handle elsewhere that then writes (FS-11)',
    run: async (t) => {
      const node = await t.put('f', pattern(500_000));
      const handle = await t.open(node, W, t.elsewhere);
      await t.fs.setattr(t.me, node, { size: 5 });
      await t.write(handle, 'end', 10);
      await t.close(handle);
      expect((await t.slurp(node)).toString('latin1')).toBe(`${pattern(5).toString('latin1')}\0\0\0\0\0end`);
    },
  },
  {
    title: 'several truncations at once end with one of the sizes (FS-2)',
    run: async (t) => {
      const node = await t.put('f', pattern(400_000));
      await Promise.all([10, 300_000, 20].map((size) => t.fs.setattr(t.me, node, { size })));
      const { size } = await t.stat(node);
      expect([10, 300_000, 20]).toContain(size);
      expect((await t.slurp(node)).length).toBe(size);
    },
  },
  {
    title: 'refuses sizes that are none: EINVAL, EFBIG (FS-3)',
    run: async (t) => {
      const node = await t.put('f', 'abc');
      await fails(t.fs.setattr(t.me, node, { size: -1 }), 'EINVAL');
      await fails(t.fs.setattr(t.me, node, { size: 2 ** 52 }), 'EFBIG');
      const handle = await t.open(node, RW);
      await fails(t.fs.setattr(t.me, node, { size: 2 ** 52 }), 'EFBIG');
      await t.close(handle);
      expect(await t.text(node)).toBe('abc');
    },
  },
  {
    title: 'refuses the size of what is no regular file: EISDIR, EINVAL (FS-3)',
    run: async (t) => {
      await fails(t.fs.setattr(t.me, t.dir, { size: 0 }), 'EISDIR');
      await fails(t.fs.setattr(t.me, (await t.symlink('l', 'x')).node, { size: 0 }), 'EINVAL');
    },
  },
];
