/** LevelDB's errors in the words of whoever has to act on them. */
import { FsError, isFsError } from '../base/errors.ts';

/** Names the directory and what to do; the domain's own errors pass on. */
export function levelError(error: unknown, directory: string): FsError {
  if (isFsError(error)) return error;
  const chain = [error, (error as Error | undefined)?.cause];
  const codes = chain.map((one) => (one as { code?: unknown } | undefined)?.code);
  const text = chain.map((one) => (one instanceof Error ? one.message : '')).join(': ');
  const cause = { cause: error };
  if (codes.includes('LEVEL_LOCKED')) {
    return new FsError('EBUSY', `${directory} is in use by another process: stop it first`, cause);
  }
  if (text.includes('No space left on device')) {
    return new FsError('ENOSPC', `no room for ${directory}: the disk is full`, cause);
  }
  if (text.includes('Disk quota exceeded')) {
    return new FsError('EDQUOT', `no room for ${directory}: the quota is used up`, cause);
  }
  const advice = codes.includes('LEVEL_CORRUPTION')
    ? 'restore it, or run `nexus fsck --repair`'
    : 'see the disk';
  return new FsError('EIO', `LevelDB in ${directory}: ${text}: ${advice}`, cause);
}
