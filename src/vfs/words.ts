/** What the codes mean, for people. */
import { FsError, isFsError } from '../base/errors.ts';
import type { Code } from '../base/errors.ts';

const words: Partial<Record<Code, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'in use',
  EDQUOT: 'the quota is used up',
  EEXIST: 'exists already',
  EFBIG: 'the file would be too large',
  EINVAL: 'not possible for this kind of file',
  EIO: 'the stored data cannot be read: `nexus fsck` tells more',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMLINK: 'too many links',
  ENAMETOOLONG: 'the name is too long',
  ENODATA: 'no such attribute',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left where the data directory lies',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'the directory is not empty',
  EPERM: 'not permitted',
  EROFS: 'read-only',
  ESTALE: 'the file is gone',
  EXDEV: 'the two paths belong to different mounts',
};

/** Codes whose words say all there is to say of a path; what comes with them from below speaks of inode numbers. */
const plain = new Set<Code>([
  'EEXIST',
  'EISDIR',
  'EMLINK',
  'ENODATA',
  'ENOENT',
  'ENOTDIR',
  'ENOTEMPTY',
  'ESTALE',
]);

/** The same error, saying which path it is about; what is no FsError stays as it is. */
export function about(path: string, error: unknown): unknown {
  // An error with a cause of its kind says its path already.
  if (!isFsError(error) || isFsError(error.cause)) return error;
  const detail = error.message.startsWith(`${error.code}: `)
    ? error.message.slice(error.code.length + 2)
    : '';
  if (detail.startsWith('/')) return error;
  const text = detail === '' || plain.has(error.code) ? (words[error.code] ?? error.code) : detail;
  return new FsError(error.code, `${path}: ${text}`, { cause: error });
}
