/** Failures a person meets that are no answer of a file system, each with the exit code it ends a command with. */

/** Documented in `nexus help exit-codes`; numbers are never given a second meaning. */
export const exitCodes = {
  /** The operation failed: the message says why. */
  failed: 1,
  /** The command line, or the input of an operation, is wrong. */
  usage: 2,
  /** No daemon answers for this data directory. */
  unreachable: 3,
  /** `nexus fsck` found problems, `nexus doctor` something that keeps mounts from working. */
  problems: 4,
  'dir-missing': 10,
  'dir-not-directory': 11,
  'dir-not-empty': 12,
  'dir-mounted-here': 13,
  'dir-mounted-otherwise': 14,
  'dir-overlaps-data': 15,
  'dir-inside-mount': 16,
  'fuse-unavailable': 17,
  'fusermount-missing': 18,
  'mount-refused': 19,
  'mount-silent': 20,
  'not-mounted': 21,
  'mount-busy': 22,
  'data-locked': 30,
  'data-read-only': 31,
  'data-full': 32,
  'data-newer': 33,
  'data-corrupt': 34,
  'data-foreign': 35,
  'daemon-failed': 36,
} as const;

export type FailureKind = keyof typeof exitCodes;

/** The message says what failed, on what, and what to do. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export function isFailureKind(text: string): text is FailureKind {
  return Object.hasOwn(exitCodes, text);
}
