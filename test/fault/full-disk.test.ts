import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isFsError } from '../../src/base/errors.ts';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { contentOf, put, reopened } from '../kv/snapshot.ts';

/** A disk of 24 MiB of its own, or why there can be none. */
function smallDisk(): { path: string; [Symbol.dispose](): void } | string {
  const path = mkdtempSync(join(tmpdir(), 'nexus-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'nexus-test', path], { stdio: 'pipe' });
  } catch (error) {
    rmSync(path, { recursive: true });
    return `cannot mount a tmpfs: ${String(error)}`;
  }
  return {
    path,
    [Symbol.dispose]: () => {
      execFileSync('umount', ['-l', path], { stdio: 'pipe' });
      rmSync(path, { recursive: true });
    },
  };
}

/** Takes every byte that is left. */
function fill(path: string): void {
  const fd = openSync(path, 'w');
  try {
    for (let size = 1 << 20; size > 0; ) {
      try {
        if (writeSync(fd, Buffer.alloc(size)) < size) size >>= 1;
      } catch {
        size >>= 1;
      }
    }
  } finally {
    closeSync(fd);
  }
}

const full = (error: unknown): boolean => isFsError(error, 'ENOSPC');

describe('LevelKv on a full disk', () => {
  it('refuses what does not fit, whole; deletes from its reserve; goes on when there is room', async (context) => {
    const made = smallDisk();
    if (typeof made === 'string') return context.skip(made);
    using disk = made;
    const directory = join(disk.path, 'meta');
    const state: Record<string, string> = { first: 'its page has room for a part of the next record' };
    {
      await using kv = await openLevelKv(directory);
      expect(kv.stats()['reserveBytes']).toBe(8 << 20);
      await put(kv, state);
      fill(join(disk.path, 'ballast'));
      let refused: unknown;
      for (let i = 0; refused === undefined && i < 1000; i++) {
        const value = String(i).padEnd(3000, '.');
        await put(kv, { [`k${i}`]: value, last: value }).then(
          () => Object.assign(state, { [`k${i}`]: value, last: value }),
          (error: unknown) => (refused = error),
        );
      }
      expect(refused).toSatisfy(full);
      expect(await contentOf(kv)).toEqual(state);
      await expect(put(kv, { big: 'x'.repeat(100_000) })).rejects.toSatisfy(full);
      expect(kv.stats()['reserveBytes']).toBe(8 << 20);

      // With a value that does not fit in what is left of the last page: the deletion itself needs room.
      const moved = 'm'.repeat(5000);
      await put(kv, { gone: null, moved });
      state['moved'] = moved;
      expect(kv.stats()['reserveBytes']).toBeLessThan(8 << 20);
      expect(await contentOf(kv)).toEqual(state);
      await kv.sync();
    }
    expect(await reopened(directory)).toEqual(state);

    unlinkSync(join(disk.path, 'ballast'));
    await using kv = await openLevelKv(directory);
    await put(kv, { big: 'x'.repeat(100_000) });
    await kv.checkpoint();
    expect(await contentOf(kv)).toEqual({ ...state, big: 'x'.repeat(100_000) });
  });

  it('keeps everything when there is no room for a checkpoint, and does it when there is', async (context) => {
    const made = smallDisk();
    if (typeof made === 'string') return context.skip(made);
    using disk = made;
    const directory = join(disk.path, 'meta');
    await using kv = await openLevelKv(directory);
    const noise = Buffer.alloc(7 << 20);
    for (let i = 0, x = 1; i < noise.length; i++) noise[i] = x = (x * 48271) % 2147483647;
    await kv.write((tx) => {
      for (let i = 0; i < 7; i++) tx.put(`n${i}`, noise.subarray(i << 20, (i + 1) << 20));
    });
    fill(join(disk.path, 'ballast'));
    rmSync(join(directory, 'reserve'));
    fill(join(disk.path, 'more ballast'));
    expect(statSync(join(disk.path, 'more ballast')).size).toBeGreaterThan(0);
    await expect(kv.checkpoint()).rejects.toSatisfy(full);
    const check = async (): Promise<void> => {
      for (let i = 0; i < 7; i++) {
        expect(noise.subarray(i << 20, (i + 1) << 20).equals((await kv.get(`n${i}`))!)).toBe(true);
      }
    };
    await check();
    unlinkSync(join(disk.path, 'ballast'));
    unlinkSync(join(disk.path, 'more ballast'));
    await kv.checkpoint();
    expect(kv.stats()['memtableEntries']).toBe(0);
    await check();
    mkdirSync(join(disk.path, 'still works'));
  });
});
