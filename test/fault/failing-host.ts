/**
 * A host whose n-th call on the files of a directory fails: as a broken disk does (EIO), as a full one does (ENOSPC), or with a
 * short write first. Import it before anything from src: it stands in for functions of node:fs that modules take when they load.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { loadNative, type Native } from '../../src/host/native.ts';

export type HostFault = 'EIO' | 'ENOSPC' | 'short';

/** Calls that need room. */
const needRoom = new Set(['open', 'write', 'fallocate', 'copyFileRange', 'mkdir']);

/** Calls that fail on a full disk after a write that was short. */
const SHORTAGE = 2;

let active: FailingHost | undefined;

export class FailingHost implements Disposable {
  readonly #directory: string;
  readonly #failAt: number;
  readonly #fault: HostFault;
  #calls = 0;
  #left = 0;
  /** The call that failed. */
  failed: string | undefined;

  /** One at a time. `failAt` counts from 1 the calls that the fault can hit. */
  constructor(directory: string, failAt: number, fault: HostFault) {
    this.#directory = directory;
    this.#failAt = failAt;
    this.#fault = fault;
    patchNative();
    arm(this);
  }

  /** Is this write to be cut in half? */
  shortens(path: string | undefined, length: number): boolean {
    if (this.#fault !== 'short' || length < 2 || !this.#counts('write', path)) return false;
    if (++this.#calls !== this.#failAt) return false;
    this.failed = `short write to ${String(path)}`;
    this.#left = SHORTAGE;
    return true;
  }

  /** Throws when it is this call's turn. */
  call(name: string, path: string | undefined): void {
    if (!this.#counts(name, path)) return;
    if (this.#fault === 'short') {
      if (this.#left === 0) return;
      this.#left--;
      throw failure('ENOSPC', name);
    }
    if (name === 'read' && this.#left > 0) {
      this.#left--;
      throw failure(this.#fault, name);
    }
    if (++this.#calls !== this.#failAt) return;
    this.failed = `${name} of ${String(path)}`;
    throw failure(this.#fault, name);
  }

  /** Are these bytes not in memory? Then the read that goes to the disk for them fails. */
  isCold(path: string | undefined): boolean {
    if (this.#fault !== 'EIO' || !this.#counts('read', path) || ++this.#calls !== this.#failAt) return false;
    this.failed = `cold read of ${String(path)}`;
    this.#left = 1;
    return true;
  }

  #counts(name: string, path: string | undefined): boolean {
    return path?.startsWith(this.#directory) === true && (this.#fault === 'EIO' || needRoom.has(name));
  }

  [Symbol.dispose](): void {
    if (active === this) arm(undefined);
  }
}

function arm(host: FailingHost | undefined): void {
  active = host;
}

function failure(code: string, call: string): Error {
  return Object.assign(new Error(`${code}: failed on purpose, ${call}`), { code });
}

function pathOf(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  try {
    return fs.readlinkSync(`/proc/self/fd/${String(target)}`);
  } catch {
    return undefined;
  }
}

type Call = (...args: unknown[]) => unknown;

/** Only an open that makes a file needs room. */
function isCounted(name: string, args: readonly unknown[]): boolean {
  if (name !== 'open') return true;
  const flags = args[1];
  return typeof flags === 'number' ? (flags & fs.constants.O_CREAT) !== 0 : String(flags).startsWith('a');
}

function synchronous(table: Record<string, Call>, key: string, name: string): void {
  const original = table[key]!;
  table[key] = function (this: unknown, ...args: unknown[]): unknown {
    const host = active;
    if (host === undefined) return original.apply(this, args);
    const path = pathOf(args[0]);
    if (isCounted(name, args)) host.call(name, path);
    const length = Number(args[3]);
    if (key === 'writeSync' && host.shortens(path, length)) {
      return original.call(this, args[0], args[1], args[2], length >> 1, args[4]);
    }
    return original.apply(this, args);
  };
}

function asynchronous(table: Record<string, Call>, key: string, name: string): void {
  const original = table[key]!;
  table[key] = function (this: unknown, ...args: unknown[]): unknown {
    const done = args.at(-1) as (error: unknown) => void;
    try {
      active?.call(name, pathOf(args[0]));
    } catch (error) {
      setImmediate(done, error);
      return undefined;
    }
    if (key === 'write' && active?.shortens(pathOf(args[0]), Number(args[3])) === true) {
      args[3] = Number(args[3]) >> 1;
    }
    return original.apply(this, args);
  };
}

function promising(table: Record<string, Call>, key: string, name: string): void {
  const original = table[key]!;
  table[key] = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    active?.call(name, pathOf(args[0]));
    return original.apply(this, args);
  };
}

let patched = false;

/**
 * The addon's calls that go to the disk; fstat and lseek answer from memory. They may be replaced at any time: whoever uses them
 * asks the one object there is.
 */
function patchNative(): void {
  if (patched) return;
  patched = true;
  const native = loadNative() as unknown as Record<keyof Native, Call>;
  for (const key of ['fallocate', 'copyFileRange'] as const) {
    const original = native[key];
    native[key] = (...args: unknown[]) => {
      const target = key === 'copyFileRange' ? args[2] : args[0];
      active?.call(key, pathOf(target));
      return original(...args);
    };
  }
  const { readNowait } = native;
  native.readNowait = (...args) => (active?.isCold(pathOf(args[0])) === true ? -1 : readNowait(...args));
}

const table = fs as unknown as Record<string, Call>;
for (const [key, name] of [
  ['openSync', 'open'],
  ['writeSync', 'write'],
  ['ftruncateSync', 'ftruncate'],
  ['mkdirSync', 'mkdir'],
  ['readSync', 'read'],
] as const) {
  synchronous(table, key, name);
}
for (const [key, name] of [
  ['write', 'write'],
  ['read', 'read'],
  ['ftruncate', 'ftruncate'],
  ['fdatasync', 'fdatasync'],
  ['fsync', 'fsync'],
] as const) {
  asynchronous(table, key, name);
}
promising(fs.promises as unknown as Record<string, Call>, 'unlink', 'unlink');
syncBuiltinESMExports();
