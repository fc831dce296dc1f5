/** The one error of the domain: a POSIX code, what failed, on what. */

/** Every code a FileSystem or a plug may throw; `fuse` maps each to an errno. */
export const codes = [
  'E2BIG',
  'EACCES',
  'EAGAIN',
  'EBADF',
  'EBUSY',
  'EDEADLK',
  'EDQUOT',
  'EEXIST',
  'EFBIG',
  'EINTR',
  'EINVAL',
  'EIO',
  'EISDIR',
  'ELOOP',
  'EMFILE',
  'EMLINK',
  'ENAMETOOLONG',
  'ENODATA',
  'ENODEV',
  'ENOENT',
  'ENOLCK',
  'ENOMEM',
  'ENOSPC',
  'ENOSYS',
  'ENOTCONN',
  'ENOTDIR',
  'ENOTEMPTY',
  'ENOTTY',
  'ENXIO',
  'EOPNOTSUPP',
  'EOVERFLOW',
  'EPERM',
  'ERANGE',
  'EROFS',
  'ESPIPE',
  'ESTALE',
  'ETIMEDOUT',
  'ETXTBSY',
  'EXDEV',
] as const;

export type Code = (typeof codes)[number];

const known = new Set<string>(codes);

/**
 * An expected failure. Anything else that reaches an edge is a bug: it is logged once with its stack and shown as EIO.
 * No stack is captured: ENOENT is an everyday answer, and a stack costs more than the lookup that missed.
 */
export class FsError extends Error {
  override readonly name = 'FsError';
  readonly code: Code;

  constructor(code: Code, detail?: string, options?: ErrorOptions) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(detail === undefined ? code : `${code}: ${detail}`, options);
    Error.stackTraceLimit = limit;
    this.code = code;
  }
}

/** The code of a failed host call (`error.code` of Node and of the addon) as one of ours; EIO for what has none. */
export function codeOf(error: unknown): Code {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return 'EIO';
  if (code === 'ENOTSUP') return 'EOPNOTSUPP';
  return known.has(code) ? (code as Code) : 'EIO';
}

/** Is this the domain's error, with this code if one is given? */
export function isFsError(error: unknown, code?: Code): error is FsError {
  return error instanceof FsError && (code === undefined || error.code === code);
}
