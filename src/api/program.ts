/** What the operations need of the running program; `app` provides it. */
import type { Caller } from '../base/caller.ts';
import type { Progress } from './protocol.ts';

/** A FUSE mount that is wanted. `dir` is absolute, free of symlinks, and was looked at by who asks. */
export interface MountRequest {
  readonly dir: string;
  /** `type:id` of whom everything done through the mount is done as. */
  readonly as: string;
  /** For a mount of several users: by user id, whom its processes act as; `as` is who made the mount. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  readonly zone: string;
  readonly readOnly: boolean;
  /** Let the kernel do I/O on host files by itself where it can. */
  readonly passthrough: boolean;
}

export interface MountInfo extends MountRequest {
  readonly since: string;
}

/** Counters of one kind of request. */
export interface OperationCounter {
  readonly count: number;
  readonly errors: number;
  readonly p50us: number;
  readonly p99us: number;
}

export interface MountStatus extends MountInfo {
  readonly openFiles: number;
  /** By name of the FUSE request. */
  readonly operations: Readonly<Record<string, OperationCounter>>;
  /** Counters of the connection to the kernel. */
  readonly device: Readonly<Record<string, number>>;
}

export interface Status {
  readonly pid: number;
  readonly version: string;
  readonly data: string;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly keep: boolean;
  readonly mounts: readonly MountStatus[];
  /** By part of the program: bytes and counts. */
  readonly caches: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly memory: { readonly rss: number; readonly heapUsed: number; readonly external: number };
}

export interface FoundProblem {
  /** The kind, for programs. */
  readonly kind: string;
  readonly text: string;
  readonly repaired: boolean;
}

export interface CheckReport {
  readonly problems: readonly FoundProblem[];
  /** Problems beyond the ones listed. */
  readonly more: number;
  readonly checked: Readonly<Record<string, number>>;
}

export interface CollectReport {
  readonly blocks: number;
  readonly bytes: number;
}

/** Is told how far long work has come. */
export type Report = (progress: Progress) => void;

export interface Program {
  status(): Promise<Status>;
  /** ENOENT for a subject nobody registered, EACCES where the caller may not act as it. */
  mount(caller: Caller, request: MountRequest): Promise<MountInfo>;
  /** Failure not-mounted; mount-busy without `lazy` where something is open in it. */
  unmount(dir: string, lazy: boolean): Promise<void>;
  mounts(): readonly MountInfo[];
  /** Resolves when the mount has ended, however it did. Failure not-mounted. */
  ended(dir: string, signal: AbortSignal): Promise<void>;
  check(options: { readonly repair: boolean; readonly deep: boolean }, report: Report): Promise<CheckReport>;
  collect(report: Report): Promise<CollectReport>;
  /** Unmounts everything and closes the data directory; the process ends after the answer. */
  stop(): Promise<void>;
}
