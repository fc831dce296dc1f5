/** fallocate(2), lseek(2) for holes, and the blocks stat(2) counts. */
import { expect } from 'vitest';
import { fails, pattern, R, W } from './case.ts';
import type { Bench, Case } from './case.ts';

const KEEP = 1;
const PUNCH = 3;
const ZERO = 16;

interface Step {
  readonly title: string;
  readonly size: number;
  readonly mode: number;
  readonly offset: number;
  readonly length: number;
}

const steps: readonly Step[] = [
  { title: 'reserves room within the file', size: 10_000, mode: 0, offset: 0, length: 5000 },
  { title: 'extends the file with zeros', size: 100, mode: 0, offset: 50, length: 9000 },
  {
    title: 'reserves room behind the end and keeps the size',
    size: 100,
    mode: KEEP,
    offset: 0,
    length: 1_000_000,
  },
  { title: 'punches a hole of single bytes', size: 10_000, mode: PUNCH, offset: 10, length: 20 },
  { title: 'punches a hole of whole pages', size: 40_000, mode: PUNCH, offset: 4096, length: 8192 },
  { title: 'punches a hole over borders of pages', size: 40_000, mode: PUNCH, offset: 4000, length: 9000 },
  {
    title: 'punches a hole over the end and keeps the size',
    size: 10_000,
    mode: PUNCH,
    offset: 5000,
    length: 50_000,
  },
  {
    title: 'punches a hole into a large file',
    size: 1_000_000,
    mode: PUNCH,
    offset: 100_001,
    length: 500_000,
  },
  { title: 'zeroes a range', size: 10_000, mode: ZERO, offset: 100, length: 5000 },
  { title: 'zeroes a range and extends the file', size: 1000, mode: ZERO, offset: 500, length: 5000 },
  {
    title: 'zeroes a range over the end, keeping the size',
    size: 1000,
    mode: ZERO | KEEP,
    offset: 500,
    length: 5000,
  },
  { title: 'zeroes a range of a large file', size: 1_000_000, mode: ZERO, offset: 3, length: 999_000 },
  { title: 'extends a large file', size: 1_000_000, mode: 0, offset: 999_000, length: 500_000 },
];

function expected(step: Step): Buffer {
  const end = step.offset + step.length;
  const size = (step.mode & KEEP) === 0 ? Math.max(step.size, end) : step.size;
  const bytes = Buffer.alloc(size);
  pattern(step.size, 8).copy(bytes);
  if (step.mode !== 0 && step.mode !== KEEP) bytes.fill(0, step.offset, Math.min(size, end));
  return bytes;
}

/** Where data and holes begin, found the way cp finds them. */
async function map(t: Bench, node: number): Promise<[number, number][]> {
  const handle = await t.open(node, R);
  const { size } = await t.stat(node);
  const found: [number, number][] = [];
  for (let at = 0; at < size; ) {
    const data = await handle.seek(t.me, at, 'data').catch(() => -1);
    if (data === -1) break;
    at = await handle.seek(t.me, data, 'hole');
    found.push([data, at]);
  }
  await t.close(handle);
  return found;
}

export const spaceCases: readonly Case[] = [
  ...steps.map(
    (step): Case => ({
      title: `${step.title} (FS-2)`,
      run: async (t) => {
        const node = await t.put('f', pattern(step.size, 8));
        const handle = await t.open(node);
        await handle.allocate(t.me, step.mode, step.offset, step.length);
        const bytes = expected(step);
        expect((await t.stat(node)).size).toBe(bytes.length);
        expect((await t.read(handle, 0, bytes.length + 1)).equals(bytes)).toBe(true);
        await t.close(handle);
        expect((await t.slurp(node)).equals(bytes)).toBe(true);
      },
    }),
  ),
  ...[2, 4, 8, 32, 17 + 2].map(
    (mode): Case => ({
      title: `refuses fallocate mode ${String(mode)}: EOPNOTSUPP (FS-3)`,
      run: async (t) => {
        const { handle } = await t.create('f');
        await fails(handle.allocate(t.me, mode, 0, 10), 'EOPNOTSUPP');
        await t.close(handle);
      },
    }),
  ),
  {
    title: 'refuses lengths and offsets that are none: EINVAL, EFBIG (FS-3)',
    run: async (t) => {
      const { handle } = await t.create('f');
      await fails(handle.allocate(t.me, 0, 0, 0), 'EINVAL');
      await fails(handle.allocate(t.me, 0, 0, -5), 'EINVAL');
      await fails(handle.allocate(t.me, 0, -1, 5), 'EINVAL');
      await fails(handle.allocate(t.me, 0, 2 ** 52, 5), 'EFBIG');
      await t.close(handle);
    },
  },
  {
    title: 'finds the data between holes, while written and when closed (FS-2)',
    needs: 'holes',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      const M = 1024 * 1024;
      await t.write(handle, pattern(M, 1), 4 * M);
      await t.fs.setattr(t.me, node, { size: 10 * M });
      const within = async (): Promise<void> => {
        const found = await map(t, node);
        expect(found.length).toBe(1);
        expect(found[0]).toEqual([4 * M, 5 * M]);
      };
      await within();
      await t.close(handle);
      await within();
    },
  },
  {
    title: 'a file without holes is data up to its end, which is a hole (FS-2)',
    run: async (t) => {
      const node = await t.put('f', pattern(10_000));
      const handle = await t.open(node, R);
      expect(await handle.seek(t.me, 0, 'data')).toBe(0);
      expect(await handle.seek(t.me, 123, 'data')).toBe(123);
      expect(await handle.seek(t.me, 0, 'hole')).toBe(10_000);
      await t.close(handle);
    },
  },
  {
    title: 'seeks merge what is being changed with what was there (FS-2)',
    needs: 'holes',
    run: async (t) => {
      const M = 1024 * 1024;
      const node = await t.put('f', pattern(M, 2));
      const handle = await t.open(node);
      await t.fs.setattr(t.me, node, { size: 8 * M });
      await t.write(handle, pattern(4096), 6 * M);
      expect(await handle.seek(t.me, 10, 'data')).toBe(10);
      expect(await handle.seek(t.me, 0, 'hole')).toBe(M);
      expect(await handle.seek(t.me, M, 'data')).toBe(6 * M);
      expect(await handle.seek(t.me, 6 * M, 'hole')).toBe(6 * M + 4096);
      await t.close(handle);
    },
  },
  {
    title: 'seeking at or behind the end is ENXIO, so is data where there is none (FS-3)',
    run: async (t) => {
      const node = await t.put('f', 'abc');
      const handle = await t.open(node);
      await fails(handle.seek(t.me, 3, 'data'), 'ENXIO');
      await fails(handle.seek(t.me, 3, 'hole'), 'ENXIO');
      await fails(handle.seek(t.me, -1, 'data'), 'ENXIO', 'EINVAL');
      await t.close(handle);
    },
  },
  {
    title: 'data behind the last of it is ENXIO (FS-3)',
    needs: 'holes',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.fs.setattr(t.me, node, { size: 10_000_000 });
      await fails(handle.seek(t.me, 0, 'data'), 'ENXIO');
      await t.close(handle);
      const again = await t.open(node, R);
      await fails(again.seek(t.me, 5, 'data'), 'ENXIO');
      expect(await again.seek(t.me, 5, 'hole')).toBe(5);
      await t.close(again);
    },
  },
  {
    title: 'counts the blocks of what is data, not of holes (FS-2)',
    needs: 'holes',
    run: async (t) => {
      const full = await t.put('full', pattern(1_000_000));
      const sparse = await t.put('sparse', 'x');
      await t.fs.setattr(t.me, sparse, { size: 50_000_000 });
      const blocks = (await t.stat(full)).blocks;
      expect(blocks).toBeGreaterThanOrEqual(1953);
      expect(blocks).toBeLessThan(2600);
      expect((await t.stat(sparse)).blocks).toBeLessThan(2000);
      expect((await t.stat(await t.put('empty'))).blocks).toBe(0);
    },
  },
  {
    title: 'room reserved on an open file shows in its blocks (FS-2)',
    needs: 'holes',
    run: async (t) => {
      const { node, handle } = await t.create('f', W);
      await handle.allocate(t.me, KEEP, 0, 1024 * 1024);
      expect((await t.stat(node)).blocks).toBeGreaterThanOrEqual(2048);
      expect((await t.stat(node)).size).toBe(0);
      await t.close(handle);
    },
  },
];
