/** write(2): sparse, overlapping, appending, small and large. */
import { expect } from 'vitest';
import { fails, pattern, R, RW, W } from './case.ts';
import type { Bench, Case } from './case.ts';

const K = 1024;

/** Sizes around those at which implementations change their mind. */
const sizes = [
  1,
  511,
  4095,
  4096,
  4097,
  16 * K,
  16 * K + 1,
  256 * K - 1,
  256 * K,
  256 * K + 1,
  700_001,
  5 * K * K,
];

/** Edits of a large file: offset and length. */
const edits: readonly [string, number, number][] = [
  ['in the middle of a page', 300_100, 50],
  ['over the border of two pages', 303_000, 5_000],
  ['over the border of two blocks', 256 * K - 3, 7],
  ['of whole pages', 64 * K, 8 * K],
  ['at the very start', 0, 1],
  ['over the end', 999_990, 100],
  ['right at the end', 1_000_000, 5_000],
  ['far behind the end', 3_000_000, 10],
  ['of the last byte', 999_999, 1],
];

async function large(t: Bench): Promise<{ node: number; bytes: Buffer }> {
  const bytes = pattern(1_000_000, 9);
  return { node: await t.put('f', bytes), bytes };
}

function edited(bytes: Buffer, offset: number, data: Buffer): Buffer {
  const whole = Buffer.alloc(Math.max(bytes.length, offset + data.length));
  bytes.copy(whole);
  data.copy(whole, offset);
  return whole;
}

export const writeCases: readonly Case[] = [
  ...sizes.map(
    (size): Case => ({
      title: `keeps ${String(size)} bytes over close and open (FS-2)`,
      run: async (t) => {
        const bytes = pattern(size, size);
        const node = await t.put('f', bytes);
        expect((await t.stat(node)).size).toBe(size);
        expect((await t.slurp(node)).equals(bytes)).toBe(true);
      },
    }),
  ),
  ...edits.map(
    ([title, offset, length]): Case => ({
      title: `edits a large file ${title} (CAS-2)`,
      run: async (t) => {
        const { node, bytes } = await large(t);
        const data = pattern(length, 77);
        const handle = await t.open(node);
        await t.write(handle, data, offset);
        const expected = edited(bytes, offset, data);
        expect((await t.stat(node)).size).toBe(expected.length);
        expect((await t.read(handle, 0, expected.length + 1)).equals(expected)).toBe(true);
        await t.close(handle);
        expect((await t.slurp(node)).equals(expected)).toBe(true);
      },
    }),
  ),
  {
    title: 'a gap behind the end reads as zeros (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'ab');
      await t.write(handle, 'yz', 10_000);
      const expected = Buffer.alloc(10_002);
      expected.write('ab');
      expected.write('yz', 10_000);
      expect((await t.read(handle, 0, 20_000)).equals(expected)).toBe(true);
      await t.close(handle);
      expect((await t.slurp(node)).equals(expected)).toBe(true);
    },
  },
  {
    title: 'a file of nothing but a hole and one byte (FS-7)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, '!', 100_000_000_000);
      await t.close(handle);
      expect((await t.stat(node)).size).toBe(100_000_000_001);
      const again = await t.open(node, R);
      expect((await t.read(again, 50_000_000_000, 10)).equals(Buffer.alloc(10))).toBe(true);
      expect((await t.read(again, 99_999_999_999, 10)).toString('latin1')).toBe('\0!');
      await t.close(again);
    },
  },
  {
    title: 'later writes win over earlier ones (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'aaaaaaaa');
      await t.write(handle, 'bbbb', 2);
      await t.write(handle, 'c', 3);
      await t.close(handle);
      expect(await t.text(node)).toBe('aabcbbaa');
    },
  },
  {
    title: 'a write of nothing changes nothing, not even behind the end (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'abc');
      const before = await t.stat(node);
      const handle = await t.open(node);
      expect(await handle.write(t.me, new Uint8Array(0), 100)).toBe(0);
      await t.close(handle);
      expect(await t.stat(node)).toEqual(before);
    },
  },
  {
    title: 'the caller may reuse its buffer as soon as a write returns (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      const buffer = Buffer.from('first');
      await handle.write(t.me, buffer, 0);
      buffer.write('SECOND');
      await t.close(handle);
      expect(await t.text(node)).toBe('first');
    },
  },
  {
    title: 'appending ignores the offset and goes to the end (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'abc');
      const handle = await t.open(node, { ...W, append: true });
      await t.write(handle, 'def', 0);
      await t.write(handle, 'ghi', 1);
      await t.close(handle);
      expect(await t.text(node)).toBe('abcdefghi');
    },
  },
  {
    title: 'appends of many handles at once are all there, none torn (FS-2)',
    run: async (t) => {
      const node = await t.put('f', '');
      const handles = await Promise.all(
        Array.from({ length: 5 }, (_, i) =>
          t.open(node, { ...W, append: true }, i % 2 === 0 ? t.me : t.elsewhere),
        ),
      );
      const lines: string[] = [];
      const writes: Promise<unknown>[] = [];
      for (let round = 0; round < 20; round++) {
        handles.forEach((handle, i) => {
          const line = `${String(i)}:${String(round)}:${'x'.repeat(i * 40)}\n`;
          lines.push(line);
          writes.push(handle.write(t.me, Buffer.from(line), 0));
        });
      }
      await Promise.all(writes);
      for (const handle of handles) await t.close(handle);
      const text = await t.text(node);
      expect(text.split('\n').sort()).toEqual(lines.join('').split('\n').sort());
    },
  },
  {
    title: 'appends to a large file cost no copy of it and come out right (CAS-2)',
    run: async (t) => {
      const { node, bytes } = await large(t);
      let expected = bytes;
      for (let i = 0; i < 3; i++) {
        const line = pattern(100 + i, i);
        await t.change(node, line, 0, { ...W, append: true });
        expected = Buffer.concat([expected, line]);
      }
      expect((await t.slurp(node)).equals(expected)).toBe(true);
    },
  },
  {
    title: 'an append after a truncation starts at the new end (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'abcdef');
      const handle = await t.open(node, { ...RW, append: true });
      await t.fs.setattr(t.me, node, { size: 2 });
      await t.write(handle, 'X');
      await t.close(handle);
      expect(await t.text(node)).toBe('abX');
    },
  },
  {
    title: 'writes of a few megabytes at once (FS-2)',
    run: async (t) => {
      const bytes = pattern(3_300_000, 5);
      const { node, handle } = await t.create('f');
      await t.write(handle, bytes);
      await t.write(handle, bytes.subarray(0, 2_000_000), 1_000_000);
      await t.close(handle);
      const expected = edited(bytes, 1_000_000, bytes.subarray(0, 2_000_000));
      expect((await t.slurp(node)).equals(expected)).toBe(true);
    },
  },
  {
    title: 'reading while others write never fails (FS-11)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, pattern(100_000));
      const reader = await t.open(node, R);
      const reads = Array.from({ length: 30 }, (_, i) => t.read(reader, i * 3000, 5000));
      const writes = Array.from({ length: 30 }, (_, i) => handle.write(t.me, pattern(5000), i * 3000));
      await Promise.all([...reads, ...writes]);
      await t.close(reader);
      await t.close(handle);
      expect((await t.stat(node)).size).toBe(100_000);
    },
  },
  {
    title: 'zeros are bytes like others (FS-2)',
    run: async (t) => {
      for (const size of [1, 4096, 300_000]) {
        const node = await t.put(`z${String(size)}`, Buffer.alloc(size));
        expect((await t.slurp(node)).equals(Buffer.alloc(size))).toBe(true);
        await t.change(node, Buffer.from('x'), size - 1);
        const expected = Buffer.alloc(size);
        expected[size - 1] = 120;
        expect((await t.slurp(node)).equals(expected)).toBe(true);
      }
    },
  },
  {
    title: 'refuses offsets that are none, and sizes beyond all measure (FS-3)',
    run: async (t) => {
      const { handle } = await t.create('f');
      await fails(handle.write(t.me, Buffer.from('x'), -1), 'EINVAL');
      await fails(handle.read(t.me, new Uint8Array(1), -1), 'EINVAL');
      await fails(handle.write(t.me, Buffer.from('x'), 2 ** 52), 'EFBIG');
      await t.close(handle);
    },
  },
];
