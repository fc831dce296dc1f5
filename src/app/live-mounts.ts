/** The FUSE mounts of this daemon: made, listed, taken away, and noticed when somebody else takes them away. */
import { setTimeout as sleep } from 'node:timers/promises';
import { dirname } from 'node:path';
import type { Awaitable } from '../base/awaitable.ts';
import { type Caller, nobody } from '../base/caller.ts';
import { isFsError } from '../base/errors.ts';
import { isWithin } from '../api/data-directory.ts';
import { Failure } from '../api/failure.ts';
import type { MountInfo, MountRequest, MountStatus, OperationCounter } from '../api/program.ts';
import type { FileSystem, NodeId } from '../fs/types.ts';
import { Locks } from '../fuse/locks.ts';
import { openFuseMount } from '../fuse/mount.ts';
import type { FuseMount } from '../fuse/mount.ts';
import { detach } from '../host/detach.ts';
import { mountAbove } from '../host/mount-info.ts';
import { loadNative } from '../host/native.ts';
import type { ObservedTree } from '../vfs/observe.ts';
import { readonly } from '../vfs/readonly.ts';
import { log } from './log.ts';

/** What the mounts need to know of who may do what. */
export interface Rights {
  /** Tells of every change of rights, and waits until the listener has seen to it. */
  subscribe(listener: (change: RightsChange) => Awaitable<void>): Disposable;
  /** Has the caller every permission, so that its kernel may do as it likes? */
  everything(caller: Caller): boolean;
  allows(caller: Caller, permission: 'see' | 'read', node: NodeId): Awaitable<boolean>;
}

export interface RightsChange {
  /** May what the subject is allowed have changed? */
  affects(subject: string, zone: string): boolean;
}

export interface LiveMountsOptions {
  readonly data: string;
  /** What the mounts show. */
  readonly tree: FileSystem;
  /** Tells them what others change. */
  readonly observed: ObservedTree;
  /** Can content and times of the node change without a word, because the kernel of another mount writes it? */
  writtenElsewhere(node: NodeId, via: number): boolean;
  /** Absent: everybody may do everything. */
  readonly rights?: Rights;
  /** The number of mounts changed. */
  changed(count: number): void;
}

interface Live {
  readonly info: MountInfo;
  readonly mount: FuseMount;
  /** Rights can be taken away from it while it lives. */
  readonly restricted: boolean;
  readonly gone: Promise<void>;
}

/** How long `umount` is tried while a program that has just ended may still have files open. */
const busyPatience = 2000;

export class LiveMounts implements AsyncDisposable {
  readonly #options: LiveMountsOptions;
  readonly #mounts = new Map<string, Live>();
  /** Directories a mount is being made on. */
  readonly #coming = new Set<string>();
  readonly #locks = new Locks();
  readonly #subscription: Disposable | undefined;
  #lastVia = 0;
  #closing = false;

  constructor(options: LiveMountsOptions) {
    this.#options = options;
    this.#subscription = options.rights?.subscribe((change) => this.#rightsChanged(change));
  }

  get size(): number {
    return this.#mounts.size + this.#coming.size;
  }

  list(): readonly MountInfo[] {
    return [...this.#mounts.values()].map(({ info }) => info);
  }

  status(): readonly MountStatus[] {
    return [...this.#mounts.values()].map(({ info, mount }) => {
      const stats = mount.stats();
      const operations: Record<string, OperationCounter> = {};
      for (const [name, { count, errors, p50, p99 }] of Object.entries(stats.operations)) {
        operations[name] = { count, errors, p50us: p50, p99us: p99 };
      }
      return { ...info, openFiles: stats.openFiles, operations, device: stats.device };
    });
  }

  async add(request: MountRequest): Promise<MountInfo> {
    const { dir } = request;
    if (this.#closing) throw new Failure('unreachable', 'the daemon is about to end: try again');
    if (this.#mounts.has(dir) || this.#coming.has(dir)) {
      throw new Failure('dir-mounted-here', `${dir} is mounted already`);
    }
    this.#refuseOwn(dir);
    this.#coming.add(dir);
    try {
      const restricted = this.#isRestricted(request);
      const mount = await this.#open(request, restricted);
      const info: MountInfo = { ...request, since: new Date().toISOString() };
      const live = { info, mount, restricted, gone: this.#served(dir, mount) };
      this.#mounts.set(dir, live);
      log(`mounted on ${dir} as ${request.as}${request.readOnly ? ', read-only' : ''}`);
      // It is told of changes only from here on.
      await this.#revoke(live);
      return info;
    } catch (error) {
      throw mountFailure(dir, error);
    } finally {
      this.#coming.delete(dir);
      this.#options.changed(this.size);
    }
  }

  /** To mount below a mount of our own, the kernel would ask us the way while we wait for it. */
  #refuseOwn(dir: string): void {
    if (mountAbove(dirname(dir))?.type === 'fuse.nexus') {
      throw new Failure(
        'dir-inside-mount',
        `${dir} lies inside a Nexus mount: choose a directory outside of it`,
      );
    }
    const { data } = this.#options;
    if (isWithin(dir, data) || isWithin(data, dir)) {
      throw new Failure(
        'dir-overlaps-data',
        `${dir} and the data directory ${data} overlap: choose another directory`,
      );
    }
  }

  #isRestricted(request: MountRequest): boolean {
    const { rights } = this.#options;
    return request.users !== undefined || rights?.everything(callerOf(request)) === false;
  }

  async #rightsChanged(change: RightsChange): Promise<void> {
    const affected = [...this.#mounts.values()].filter(({ info }) =>
      Object.values(info.users ?? { 0: info.as }).some((subject) => change.affects(subject, info.zone)),
    );
    await Promise.all(affected.map((live) => this.#revoke(live)));
  }

  /** Resolves when the mount's kernel shows nothing any more that its subject may not see. */
  async #revoke(live: Live): Promise<void> {
    const { info, mount, restricted } = live;
    const { rights } = this.#options;
    if (!rights) return;
    if (restricted) {
      const caller = callerOf(info);
      // The files of several subjects have one page cache: its pages are asked for again.
      const shared = info.users !== undefined;
      await mount.revoke((node, permission) => !shared && rights.allows(caller, permission, node));
    } else if (!rights.everything(callerOf(info))) {
      // Its kernel was given leave to keep everything and to do I/O by itself: that cannot be taken back node by node.
      log(`${info.dir} is unmounted: ${info.as} may not do everything any more`);
      await mount[Symbol.asyncDispose]();
    }
  }

  async #open(request: MountRequest, restricted: boolean): Promise<FuseMount> {
    const { tree, data } = this.#options;
    return openFuseMount({
      native: loadNative(),
      fs: request.readOnly ? readonly(tree) : tree,
      dir: request.dir,
      source: data,
      via: ++this.#lastVia,
      subject: request.as,
      zone: request.zone,
      locks: this.#locks,
      readonly: request.readOnly,
      passthrough: request.passthrough,
      restricted,
      ...(request.users && { subjectOf: subjectsOf(request.users) }),
      writtenElsewhere: (node, via) => this.#options.writtenElsewhere(node, via),
      log,
    });
  }

  /** Until the mount has ended, by our doing or another's, and all that belongs to it is closed. */
  async #served(dir: string, mount: FuseMount): Promise<void> {
    const subscription = this.#options.observed.subscribe(mount);
    const reason = await mount.ended;
    subscription[Symbol.dispose]();
    try {
      await mount[Symbol.asyncDispose]();
    } catch (error) {
      log(`${dir}: ${String(error)}`);
    }
    if (this.#mounts.get(dir)?.mount === mount) this.#mounts.delete(dir);
    log(`${dir} is not mounted any more${reason === undefined ? '' : `: ${reason}`}`);
    this.#options.changed(this.size);
  }

  #get(dir: string): Live {
    const live = this.#mounts.get(dir);
    if (!live)
      throw new Failure('not-mounted', `${dir} is not mounted by the daemon of ${this.#options.data}`);
    return live;
  }

  /** Failure not-mounted; mount-busy where something is open in it, unless `lazy`. */
  async remove(dir: string, lazy: boolean): Promise<void> {
    const live = this.#get(dir);
    if (!lazy) await this.#unmountIdle(dir);
    await live.mount[Symbol.asyncDispose]();
    await live.gone;
  }

  /** By a process of its own: umount(2) may wait for writes that this process has to answer. */
  async #unmountIdle(dir: string): Promise<void> {
    for (const until = Date.now() + busyPatience; ; ) {
      const trouble = await detach(dir, false);
      if (trouble === undefined || !this.#mounts.has(dir)) return;
      if (!/busy/i.test(trouble)) throw new Failure('failed', `${dir} could not be unmounted: ${trouble}`);
      if (Date.now() > until) {
        throw new Failure(
          'mount-busy',
          `${dir} is in use: \`fuser -vm ${dir}\` shows by whom; --lazy unmounts all the same`,
        );
      }
      await sleep(100);
    }
  }

  /** Ends the mounts of a subject that is no more: whoever gets its name next must not inherit them, and who works in them. */
  async dismiss(subject: string, zone: string): Promise<void> {
    for (const { info, mount, gone } of [...this.#mounts.values()]) {
      if (info.users !== undefined || info.as !== subject || info.zone !== zone) continue;
      log(`${info.dir} is unmounted: ${subject} was deleted`);
      await mount[Symbol.asyncDispose]();
      await gone;
    }
  }

  /** Resolves when the mount has ended. */
  async ended(dir: string, signal: AbortSignal): Promise<void> {
    const { gone } = this.#get(dir);
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new DOMException('cancelled', 'AbortError')), {
        once: true,
      });
    });
    await Promise.race([gone, aborted]);
  }

  /** Unmounts everything, in use or not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#subscription?.[Symbol.dispose]();
    await Promise.all(
      [...this.#mounts.values()].map(async ({ mount, gone }) => {
        await mount[Symbol.asyncDispose]();
        await gone;
      }),
    );
  }
}

/** The subject of a mount, as the authorizer is asked about it where no request does. */
function callerOf({ as, zone }: MountRequest): Caller {
  return { ...nobody, subject: as, zone };
}

function subjectsOf(users: Readonly<Record<string, string>>): (uid: number) => string | undefined {
  const subjects = new Map(Object.entries(users).map(([uid, subject]) => [Number(uid), subject]));
  return (uid) => subjects.get(uid);
}

/** What mounting fails with, in the words of the command that asked for it. */
function mountFailure(dir: string, error: unknown): unknown {
  if (error instanceof Failure) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && /\/dev\/fuse/.test(message)) {
    return new Failure('fuse-unavailable', '/dev/fuse does not exist: `modprobe fuse` loads it', {
      cause: error,
    });
  }
  if (code === 'EPERM' || code === 'EACCES') {
    const help = 'in a container, start it with --device /dev/fuse --cap-add SYS_ADMIN';
    return new Failure('fuse-unavailable', `${dir} may not be mounted (${message}): ${help}`, {
      cause: error,
    });
  }
  if (code === 'ENODEV') {
    return new Failure('fuse-unavailable', 'this kernel has no FUSE: `modprobe fuse` loads it', {
      cause: error,
    });
  }
  const text = isFsError(error) ? message.replace(/^[A-Z0-9]+: /, '') : message;
  return new Failure('mount-refused', `${dir} could not be mounted: ${text}`, { cause: error });
}
