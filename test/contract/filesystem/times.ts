/** Times: what moves them, and that those set on purpose stay. */
import { expect } from 'vitest';
import { compareTimes } from '../../../src/base/time.ts';
import type { Time } from '../../../src/base/time.ts';
import type { FileHandle } from '../../../src/fs/types.ts';
import { RW, W } from './case.ts';
import type { Bench, Case } from './case.ts';

const past: Time = { sec: 1_234_567_890, nsec: 123_456_789 };

const odd: readonly [string, Time][] = [
  ['the epoch', { sec: 0, nsec: 0 }],
  ['before the epoch', { sec: -2, nsec: 500_000_000 }],
  ['a single nanosecond', { sec: 1_700_000_000, nsec: 1 }],
  ['the last nanosecond of a second', { sec: 1_700_000_000, nsec: 999_999_999 }],
  ['beyond 2038', { sec: 5_000_000_000, nsec: 7 }],
];

/** What moves mtime and ctime of an open file. */
const moves: readonly [string, (t: Bench, node: number, handle: FileHandle) => Promise<unknown>][] = [
  ['write', (t, _node, handle) => t.write(handle, 'x', 1)],
  ['truncation to less', (t, node) => t.fs.setattr(t.me, node, { size: 2 })],
  ['truncation to more', (t, node) => t.fs.setattr(t.me, node, { size: 9000 })],
  ['allocation', (t, _node, handle) => handle.allocate(t.me, 0, 0, 9000)],
  ['punching a hole', (t, _node, handle) => handle.allocate(t.me, 3, 0, 2)],
];

async function aged(t: Bench): Promise<number> {
  const node = await t.put('f', 'some bytes');
  await t.fs.setattr(t.me, node, { atime: past, mtime: past });
  return node;
}

export const timeCases: readonly Case[] = [
  ...odd.map(
    ([title, time]): Case => ({
      title: `keeps ${title} to the nanosecond (FS-2)`,
      run: async (t) => {
        const node = await t.put('f');
        await t.fs.setattr(t.me, node, { atime: time, mtime: time });
        const attr = await t.stat(node);
        expect([attr.atime, attr.mtime]).toEqual([time, time]);
      },
    }),
  ),
  ...moves.map(
    ([title, move]): Case => ({
      title: `${title} moves mtime and ctime (FS-2)`,
      run: async (t) => {
        const node = await aged(t);
        const handle = await t.open(node, RW);
        await move(t, node, handle);
        const { mtime, ctime } = await t.stat(node);
        expect(mtime.sec).toBeGreaterThan(past.sec);
        expect(compareTimes(ctime, mtime)).toBeGreaterThanOrEqual(0);
        await t.close(handle);
        expect((await t.stat(node)).mtime).toEqual(mtime);
      },
    }),
  ),
  {
    title: 'sets one time without the other (FS-2)',
    run: async (t) => {
      const node = await t.put('f');
      const before = await t.stat(node);
      const attr = await t.fs.setattr(t.me, node, { atime: past });
      expect([attr.atime, attr.mtime]).toEqual([past, before.mtime]);
    },
  },
  {
    title: "sets times to 'now' (FS-2)",
    run: async (t) => {
      const node = await aged(t);
      const attr = await t.fs.setattr(t.me, node, { atime: 'now', mtime: 'now' });
      expect(attr.mtime.sec).toBeGreaterThan(past.sec);
      expect(attr.atime).toEqual(attr.mtime);
    },
  },
  {
    title: 'a change of attributes moves ctime, not mtime (FS-2)',
    run: async (t) => {
      const node = await aged(t);
      const attr = await t.fs.setattr(t.me, node, { mode: 0o600 });
      expect(attr.mtime).toEqual(past);
      expect(attr.ctime.sec).toBeGreaterThan(past.sec);
    },
  },
  {
    title: 'a time set on a file that is being written survives its close (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'copied bytes');
      await t.fs.setattr(t.me, node, { atime: past, mtime: past });
      expect((await t.stat(node)).mtime).toEqual(past);
      await handle.flush(t.me);
      expect((await t.stat(node)).mtime).toEqual(past);
      await handle.release(t.me);
      expect((await t.stat(node)).mtime).toEqual(past);
      expect((await t.stat(node)).size).toBe(12);
    },
  },
  {
    title: 'a time set between two writes gives way to the second (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'a');
      await t.fs.setattr(t.me, node, { mtime: past });
      await t.write(handle, 'b', 1);
      expect((await t.stat(node)).mtime.sec).toBeGreaterThan(past.sec);
      await t.close(handle);
      expect((await t.stat(node)).mtime.sec).toBeGreaterThan(past.sec);
    },
  },
  {
    title: 'a time set between flush and release stays (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'a');
      await handle.flush(t.me);
      await t.fs.setattr(t.me, node, { mtime: past });
      await handle.release(t.me);
      expect((await t.stat(node)).mtime).toEqual(past);
    },
  },
  {
    title: 'size and time set together end with that time (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'abcdef');
      const attr = await t.fs.setattr(t.me, node, { size: 3, mtime: past });
      expect([attr.size, attr.mtime]).toEqual([3, past]);
    },
  },
  {
    title: 'reading moves neither mtime nor ctime (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'abc');
      const before = await t.stat(node);
      await t.slurp(node);
      const after = await t.stat(node);
      expect([after.mtime, after.ctime]).toEqual([before.mtime, before.ctime]);
    },
  },
  {
    title: 'opening for writing without writing moves nothing (FS-2)',
    run: async (t) => {
      const node = await aged(t);
      await t.close(await t.open(node, W));
      expect((await t.stat(node)).mtime).toEqual(past);
    },
  },
  {
    title: 'closing does not move mtime: it is that of the last write (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'a');
      const { mtime } = await t.stat(node);
      await new Promise((resolve) => setTimeout(resolve, 30));
      await t.close(handle);
      expect((await t.stat(node)).mtime).toEqual(mtime);
    },
  },
];
