/** Mounts a FileSystem on a directory, as root by mount(2), as anybody else through fusermount3, and serves it until it is unmounted. */
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { FsError } from '../base/errors.ts';
import type { FileSystem, NodeId } from '../fs/types.ts';
import { root as rootNode } from '../fs/types.ts';
import type { Native } from '../host/native.ts';
import type { Timeouts } from './connection.ts';
import type { Change } from './invalidate.ts';
import type { Locks } from './locks.ts';
import type { MountInfo } from './mount-info.ts';
import { mountAt } from './mount-info.ts';
import { examine, SUBTYPE } from './mount-point.ts';
import { REQUEST_BUFFER } from './protocol.ts';
import type { Allowed } from './revoke.ts';
import type { SessionStats } from './session.ts';
import { Session } from './session.ts';
import { isRoot, onPath, unmount } from './unmount.ts';

/** As long as the kernel can count: everything that changes is announced. */
export const untilTold: Timeouts = { entry: 1e9, attr: 1e9, negative: 1e9 };

const MS_RDONLY = 1;
const BUFFERS = 4;
/** The kernel's own default is 128 KiB. */
const READ_AHEAD_KB = 1024;
const INIT_PATIENCE = 10_000;
/** For the kernel to end a connection that has been unmounted; one that is detached but still used is cut off then. */
const END_PATIENCE = 2000;

export interface MountOptions {
  readonly native: Native;
  readonly fs: FileSystem;
  readonly dir: string;
  /** The first column of mount(8). */
  readonly source: string;
  /** Unique among the mounts of this process, not 0: `Caller.via`, and the `via` of changes that are not told to this mount. */
  readonly via: number;
  readonly subject: string;
  readonly zone: string;
  /** One for all mounts of the same FileSystem. */
  readonly locks: Locks;
  readonly log: (text: string) => void;
  /** The node to be the root; the FileSystem's own unless given. */
  readonly root?: NodeId;
  readonly timeouts?: Timeouts;
  readonly readonly?: boolean;
  /** Needs root and Linux 6.9; without them it is left out. */
  readonly passthrough?: boolean;
  /** Default true: right where every change by others is announced by `changed`. */
  readonly cacheDirectories?: boolean;
  readonly writtenElsewhere?: (node: NodeId, via: number) => boolean;
  /** What the subject may do can be taken away: `revoke` works, at the price of listings and passthrough. */
  readonly restricted?: boolean;
  /** Several subjects by user id; nothing is kept by the kernel then. */
  readonly subjectOf?: (uid: number) => string | undefined;
  /** Microseconds of polling after a request; the addon's default unless given. */
  readonly spin?: number;
}

export interface FuseMount extends AsyncDisposable {
  readonly via: number;
  /** Absolute, without symlinks. */
  readonly path: string;
  /** Resolves when it is no longer mounted, with the reason when nobody asked for it. */
  readonly ended: Promise<string | undefined>;
  changed(change: Change): Promise<void> | undefined;
  /**
   * The subject's rights have changed: resolves when its kernel shows nothing any more that `allowed` says no to, and asks again for what it
   * believed not to exist.
   */
  revoke(allowed: Allowed): Promise<void>;
  stats(): SessionStats;
}

/** The caller subscribes the mount to the changes of the FileSystem as soon as it has it, before any other await. */
export async function openFuseMount(options: MountOptions): Promise<FuseMount> {
  const { native } = options;
  const { path, stale } = await examine(options.dir);
  if (stale) {
    options.log(`${path} was mounted by a server that is gone: unmounting it`);
    await unmount(native, path);
  }
  const fd = isRoot() ? mountAsRoot(options, path) : await mountAsUser(options, path);
  const device = native.openDevice(fd, REQUEST_BUFFER, BUFFERS);
  const session = new Session({
    fs: options.fs,
    device,
    locks: options.locks,
    via: options.via,
    subject: options.subject,
    zone: options.zone,
    root: options.root ?? rootNode,
    timeouts: options.timeouts ?? untilTold,
    passthrough: options.passthrough === true && options.restricted !== true && isRoot(),
    cacheDirectories: options.cacheDirectories ?? true,
    writtenElsewhere: options.writtenElsewhere ?? (() => false),
    restricted: options.restricted ?? false,
    ...(options.subjectOf && { subjectOf: options.subjectOf }),
    log: options.log,
  });
  if (options.spin !== undefined) device.spin(options.spin);
  const mount = new Mount(native, path, session);
  try {
    await mount.start();
  } catch (error) {
    await mount[Symbol.asyncDispose]();
    throw new FsError('ENOTCONN', `the kernel does not serve ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return mount;
}

function mountAsRoot(options: MountOptions, path: string): number {
  // No MS_NOSUID and no MS_NODEV: device nodes and set-id programs work for root.
  const flags = options.readonly === true ? MS_RDONLY : 0;
  return options.native.mountRoot(
    path,
    options.source,
    `fuse.${SUBTYPE}`,
    flags,
    'allow_other,default_permissions',
  );
}

async function mountAsUser(options: MountOptions, path: string): Promise<number> {
  const program = await onPath('fusermount3', 'fusermount');
  if (program === undefined) {
    throw new FsError('ENOENT', 'fusermount3 is not on PATH: install fuse3, or mount as root');
  }
  const source = options.source.replace(/[\\,]/g, '\\$&');
  const words = ['default_permissions', `fsname=${source}`, `subtype=${SUBTYPE}`, 'nosuid', 'nodev'];
  if (await othersAllowed()) words.push('allow_other');
  if (options.readonly === true) words.push('ro');
  return options.native.mountUser(program, path, words.join(','));
}

/** May ordinary users let others into their mounts? */
async function othersAllowed(): Promise<boolean> {
  try {
    return /^\s*user_allow_other\s*$/m.test(await readFile('/etc/fuse.conf', 'utf8'));
  } catch {
    return false;
  }
}

class Mount implements FuseMount {
  readonly via: number;
  readonly path: string;
  readonly ended: Promise<string | undefined>;
  readonly #native: Native;
  readonly #session: Session;
  /** Which mount this is: another may be made on the same path after it. */
  #info: MountInfo | undefined;
  #disposed: Promise<void> | undefined;

  constructor(native: Native, path: string, session: Session) {
    this.via = session.via;
    this.path = path;
    this.ended = session.ended;
    this.#native = native;
    this.#session = session;
  }

  async start(): Promise<void> {
    this.#info = await mountAt(this.path);
    await withPatience(this.#session.start(), INIT_PATIENCE, 'no INIT came');
    if (isRoot()) this.#raiseReadAhead();
  }

  /**
   * A larger `max_readahead` in INIT changes nothing: the kernel takes the smaller of both. Nothing is waited for between INIT and the return
   * of `openFuseMount`, so that whoever subscribes the mount to changes then has missed none.
   */
  #raiseReadAhead(): void {
    if (!this.#info) return;
    try {
      writeFileSync(`/sys/class/bdi/${this.#info.device}/read_ahead_kb`, String(READ_AHEAD_KB));
    } catch {
      // A container may have /sys read-only: slower first reads, nothing else.
    }
  }

  changed(change: Change): Promise<void> | undefined {
    return this.#session.changed(change);
  }

  revoke(allowed: Allowed): Promise<void> {
    return this.#session.revoke(allowed);
  }

  stats(): SessionStats {
    return this.#session.stats();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  async #dispose(): Promise<void> {
    try {
      const there = await mountAt(this.path);
      if (there !== undefined && there.device === this.#info?.device) {
        await unmount(this.#native, this.path);
        await withPatience(this.ended, END_PATIENCE, 'still in use').catch(() => undefined);
      }
    } finally {
      await this.#session.close();
    }
  }
}

async function withPatience<T>(promise: Promise<T>, milliseconds: number, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(otherwise));
    }, milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
