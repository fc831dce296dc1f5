/** Sizes and offsets a file may have. */
import { FsError } from '../base/errors.ts';

/** The greatest size of a file: ext4's with pages of 4 KiB, since staging files are files of the host. */
export const MAX_SIZE = 2 ** 44 - 4096;

/** EINVAL for what is no offset or length. */
export function checkOffset(offset: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new FsError('EINVAL', `${String(offset)} is no offset in a file`);
  }
}

/** EFBIG for a size beyond the limit. */
export function checkSize(size: number): void {
  checkOffset(size);
  if (size > MAX_SIZE) {
    throw new FsError('EFBIG', `a file can have at most ${String(MAX_SIZE)} bytes, not ${String(size)}`);
  }
}
