/** Reading and writing host files of the volume: memory at once, the disk on the thread pool; errors as the domain's. */
import { fdatasync, ftruncate, ftruncateSync, read, write, writeSync } from 'node:fs';
import type { Awaitable } from '../base/awaitable.ts';
import { codeOf, FsError } from '../base/errors.ts';
import type { Native } from '../host/native.ts';

/** Bytes that are written at once: more would hold the loop. */
export const SLICE = 1024 * 1024;

/** Cutting off more than this takes the kernel long enough to be done on the thread pool. */
const QUICK_CUT = 16 * SLICE;

/** A slot as fstat(2) sees it. */
export interface SlotState {
  readonly size: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
  readonly sec: number;
  readonly nsec: number;
}

/** A host error as the domain's, with what was being done. */
export function hostError(error: unknown, what: string): FsError {
  if (error instanceof FsError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new FsError(codeOf(error), `${what} (${text})`, { cause: error });
}

const stat = new Float64Array(8);

export function slotState(native: Native, fd: number): SlotState {
  try {
    native.fstat(fd, stat);
  } catch (error) {
    throw hostError(error, 'the staging file cannot be examined');
  }
  return { size: stat[0] ?? 0, blocks: stat[1] ?? 0, sec: stat[2] ?? 0, nsec: stat[3] ?? 0 };
}

/** Fills `into` from `offset`: fewer bytes only at the end of the file. */
export function readSlot(native: Native, fd: number, into: Uint8Array, offset: number): Awaitable<number> {
  const quick = native.readNowait(fd, into, 0, into.length, offset);
  if (quick === into.length) return quick;
  const done = Math.max(0, quick);
  return readRest(fd, into, offset, done);
}

function readOnce(fd: number, into: Uint8Array, at: number, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, into, at, into.length - at, offset, (error, count) => {
      if (error) reject(hostError(error, 'the staging file cannot be read'));
      else resolve(count);
    });
  });
}

async function readRest(fd: number, into: Uint8Array, offset: number, from: number): Promise<number> {
  let at = from;
  while (at < into.length) {
    const count = await readOnce(fd, into, at, offset + at);
    if (count === 0) break;
    at += count;
  }
  return at;
}

/** Writes `data` at `offset`; the bytes written, fewer only when the disk is full after some. */
export function writeSlot(fd: number, data: Uint8Array, offset: number): Awaitable<number> {
  if (data.length > SLICE) return writeSlices(fd, data, offset);
  let done = 0;
  try {
    while (done < data.length) done += writeSync(fd, data, done, data.length - done, offset + done);
  } catch (error) {
    // What was written is written: write(2) tells of the error next time.
    if (done === 0) throw hostError(error, 'the staging file cannot be written');
  }
  return done;
}

async function writeSlices(fd: number, data: Uint8Array, offset: number): Promise<number> {
  let done = 0;
  while (done < data.length) {
    try {
      done += await writeOnce(fd, data.subarray(done, done + SLICE), offset + done);
    } catch (error) {
      if (done === 0) throw error;
      return done;
    }
  }
  return done;
}

function writeOnce(fd: number, data: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, data, 0, data.length, offset, (error, count) => {
      if (error) reject(hostError(error, 'the staging file cannot be written'));
      else resolve(count);
    });
  });
}

/** Gives the file another size. */
export function resizeSlot(fd: number, from: number, to: number): Awaitable<void> {
  if (from - to <= QUICK_CUT) {
    try {
      ftruncateSync(fd, to);
    } catch (error) {
      throw hostError(error, 'the staging file cannot be resized');
    }
    return undefined;
  }
  return new Promise((resolve, reject) => {
    ftruncate(fd, to, (error) => {
      if (error) reject(hostError(error, 'the staging file cannot be resized'));
      else resolve();
    });
  });
}

/** fdatasync(2) on the thread pool. */
export function syncSlot(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(fd, (error) => {
      if (error) reject(hostError(error, 'the staging file cannot be synced'));
      else resolve();
    });
  });
}

/** Lets the loop have a turn between slices of long work. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
