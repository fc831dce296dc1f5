/** lseek(2) with SEEK_DATA and SEEK_HOLE. */
import { FsError } from '../base/errors.ts';
import type { OpenFile } from './open-file.ts';
import type { Parts } from './types.ts';

export async function seek(
  parts: Parts,
  file: OpenFile,
  offset: number,
  whence: 'data' | 'hole',
): Promise<number> {
  file.observe();
  const { size, staging } = file;
  if (!Number.isSafeInteger(offset) || offset < 0 || offset >= size) {
    throw new FsError(
      'ENXIO',
      `offset ${String(offset)} is not within the ${String(size)} bytes of the file`,
    );
  }
  const found =
    staging === undefined
      ? await parts.content.extents(file.base, file.baseSize, offset, whence)
      : await staging.seek(offset, size, whence);
  if (found !== -1) return found;
  if (whence === 'hole') return size;
  throw new FsError('ENXIO', `there is no data from offset ${String(offset)} on`);
}
