/** write(2) on an open file: into its slot, which is bound before the first byte is acknowledged. */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { checkOffset, MAX_SIZE } from './limits.ts';
import type { OpenFile } from './open-file.ts';
import { dropPrivileges } from './privileges.ts';
import { hostError } from './slot-io.ts';
import { catchUp, isBehind, stage } from './stage.ts';
import type { Staging } from './staging.ts';
import type { Parts } from './types.ts';

/** Writes at `offset`, or with `append` at the end; the bytes written. Runs in the file's `serial`. */
export function write(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  data: Uint8Array,
  place: { offset: number; append: boolean },
): Awaitable<number> {
  const { staging } = file;
  if (staging !== undefined && !file.privileged && !isBehind(file))
    return writeStaged(file, staging, data, place);
  return prepareAndWrite(parts, file, caller, data, place);
}

async function prepareAndWrite(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  data: Uint8Array,
  place: { offset: number; append: boolean },
): Promise<number> {
  if (!place.append) checkOffset(place.offset);
  if (data.length === 0) return 0;
  if (file.privileged) await dropPrivileges(parts, file, caller);
  await catchUp(parts, file);
  const staging = file.staging ?? (await stage(parts, file, file.size, false));
  return writeStaged(file, staging, data, place);
}

function writeStaged(
  file: OpenFile,
  staging: Staging,
  data: Uint8Array,
  place: { offset: number; append: boolean },
): Awaitable<number> {
  if (data.length === 0) return 0;
  if (place.append) {
    if (file.watched) return appendWatched(file, staging, data);
  } else checkOffset(place.offset);
  const offset = place.append ? file.size : place.offset;
  if (offset >= MAX_SIZE) throw new FsError('EFBIG', `a file can have at most ${String(MAX_SIZE)} bytes`);
  const fitting = offset + data.length > MAX_SIZE ? data.subarray(0, MAX_SIZE - offset) : data;
  const count = staging.write(fitting, offset, file.size);
  return typeof count === 'number'
    ? written(file, offset, count)
    : count.then((done) => written(file, offset, done));
}

function written(file: OpenFile, offset: number, count: number): number {
  if (offset + count > file.size) file.size = offset + count;
  file.touch();
  return count;
}

/**
 * The kernel may be appending to the same slot by itself: only the host can tell where the end is, so the write goes through a
 * descriptor with O_APPEND (on which Linux appends whatever the position says).
 */
function appendWatched(file: OpenFile, staging: Staging, data: Uint8Array): number {
  let done = 0;
  try {
    const fd = openSync(`/proc/self/fd/${String(staging.slot.fd)}`, constants.O_WRONLY | constants.O_APPEND);
    try {
      done = writeSync(fd, data, 0, data.length);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw hostError(error, 'the staging file cannot be written');
  }
  file.observe();
  file.touch();
  return done;
}
