/** fallocate(2): room reserved, holes punched, ranges zeroed. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { checkOffset, checkSize } from './limits.ts';
import type { OpenFile } from './open-file.ts';
import { dropPrivileges } from './privileges.ts';
import { catchUp, stage } from './stage.ts';
import { KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE } from './staging.ts';
import type { Parts } from './types.ts';

const MODES = [0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE];

/** Runs in the file's `serial`. */
export async function allocate(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  range: { mode: number; offset: number; length: number },
): Promise<void> {
  const { mode, offset, length } = range;
  if (!MODES.includes(mode)) {
    throw new FsError('EOPNOTSUPP', `fallocate mode ${String(mode)} is not offered; 0, 1, 3, 16 and 17 are`);
  }
  checkOffset(offset);
  if (!Number.isSafeInteger(length) || length <= 0)
    throw new FsError('EINVAL', 'the length must be positive');
  const end = offset + length;
  checkSize(end);
  if (file.privileged) await dropPrivileges(parts, file, caller);
  await catchUp(parts, file);
  const staging = file.staging ?? (await stage(parts, file, file.size, false));
  file.observe();
  if ((mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0) {
    const to = Math.min(end, file.size);
    if (offset < to) await staging.zero(offset, to, file.size);
  }
  if ((mode & PUNCH_HOLE) === 0) staging.reserve(offset, end);
  if ((mode & KEEP_SIZE) === 0 && end > file.size) {
    await staging.truncate(file.size, end);
    file.size = end;
  }
  const wasChanged = file.changed;
  file.touch();
  // Room behind the end is no content: it makes no version.
  if (mode === KEEP_SIZE) file.changed = wasChanged;
}
