/** copy_file_range(2) between two open files of the volume. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { checkOffset, MAX_SIZE } from './limits.ts';
import type { OpenFile } from './open-file.ts';
import { breathe, hostError, SLICE } from './slot-io.ts';
import type { Parts } from './types.ts';
import { write } from './write.ts';

export interface CopyRange {
  readonly from: OpenFile;
  readonly offset: number;
  readonly to: OpenFile;
  readonly toOffset: number;
  readonly length: number;
}

/** The bytes copied: fewer than asked only at the end of the source, or when something fails after some. */
export async function copyRange(parts: Parts, caller: Caller, range: CopyRange): Promise<number> {
  const { from, offset, to, toOffset, length } = range;
  checkOffset(offset);
  checkOffset(toOffset);
  checkOffset(length);
  from.observe();
  const wanted = Math.max(0, Math.min(length, from.size - offset));
  if (from === to && offset < toOffset + wanted && toOffset < offset + wanted) {
    throw new FsError('EINVAL', 'the two ranges of the file overlap');
  }
  if (wanted > 0 && toOffset >= MAX_SIZE) throw new FsError('EFBIG', 'the target would grow too large');
  const buffer = new Slices(Math.min(SLICE, wanted));
  let done = 0;
  while (done < wanted) {
    try {
      const part = { ...range, offset: offset + done, toOffset: toOffset + done, length: wanted - done };
      const count = await to.serial.run(() => copySlice(parts, caller, part, buffer));
      if (count === 0) break;
      done += count;
    } catch (error) {
      if (done === 0) throw error;
      break;
    }
    if (done < wanted) await breathe();
  }
  return done;
}

/** A buffer made when it is needed: the host may do the copying. */
class Slices {
  readonly #size: number;
  #buffer: Buffer | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  get(length: number): Buffer {
    this.#buffer ??= Buffer.allocUnsafe(this.#size);
    return this.#buffer.subarray(0, Math.min(this.#size, length));
  }
}

async function copySlice(parts: Parts, caller: Caller, range: CopyRange, buffer: Slices): Promise<number> {
  const { from, to, offset, toOffset, length } = range;
  const source = from.staging;
  const target = to.staging;
  if (source?.kind === 'complete' && target?.kind === 'complete' && !to.privileged) {
    return copyOnHost(
      parts,
      { fd: source.slot.fd, offset },
      { fd: target.slot.fd, offset: toOffset },
      to,
      length,
    );
  }
  const bytes = buffer.get(length);
  const count = await from.read(bytes, offset);
  if (count === 0) return 0;
  return write(parts, to, caller, bytes.subarray(0, count), { offset: toOffset, append: false });
}

function copyOnHost(
  parts: Parts,
  source: { fd: number; offset: number },
  target: { fd: number; offset: number },
  to: OpenFile,
  length: number,
): number {
  let count: number;
  try {
    const most = Math.min(length, SLICE, MAX_SIZE - target.offset);
    count = parts.native.copyFileRange(source.fd, source.offset, target.fd, target.offset, most);
  } catch (error) {
    throw hostError(error, 'bytes cannot be copied between two staging files');
  }
  if (count === 0) return 0;
  to.size = Math.max(to.size, target.offset + count);
  to.touch();
  return count;
}
