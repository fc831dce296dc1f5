/**
 * The locks of all mounts of a daemon: fcntl(2) ranges and flock(2), which do not know of each other. A lock belongs to an owner: a process
 * (fcntl), an open file description (flock, F_OFD_SETLK), as the kernel numbers them, each of one mount.
 */
import { FsError, isFsError } from '../base/errors.ts';
import type { NodeId } from '../fs/types.ts';
import { F_RDLCK, F_UNLCK, OFFSET_MAX } from './protocol.ts';

export type LockKind = 'posix' | 'flock';

export interface Lock {
  /** Unique among all mounts. */
  readonly owner: string;
  /** The mount and the open file it was asked through. */
  readonly via: number;
  readonly fh: number;
  /** F_RDLCK or F_WRLCK; F_UNLCK where a lock is to be taken away. */
  readonly type: number;
  /** First and last byte. */
  readonly start: bigint;
  readonly end: bigint;
  /** The process that asked. */
  readonly pid: number;
}

interface Waiter {
  readonly node: NodeId;
  readonly kind: LockKind;
  readonly lock: Lock;
  readonly resolve: () => void;
}

interface NodeLocks {
  posix: Lock[];
  flock: Lock[];
  waiting: Waiter[];
}

/** Nodes remembered as ever locked; past it, every node counts as one. */
const MOST_REMEMBERED = 4096;

export class Locks {
  readonly #nodes = new Map<NodeId, NodeLocks>();
  readonly #waiting = new Map<string, Set<Waiter>>();
  readonly #ever = new Set<NodeId>();

  /** Are there fcntl locks on it now? */
  held(node: NodeId): boolean {
    return (this.#nodes.get(node)?.posix.length ?? 0) > 0;
  }

  /** Has anybody used fcntl locks on it since the start? */
  everHeld(node: NodeId): boolean {
    return this.#ever.has(node) || this.#ever.size >= MOST_REMEMBERED;
  }

  /** The first lock that stands in the way of `lock`. */
  conflict(node: NodeId, kind: LockKind, lock: Lock): Lock | undefined {
    return this.#nodes.get(node)?.[kind].find((held) => conflicts(held, lock));
  }

  /** Takes, changes or gives up a lock if that is possible at once. */
  set(node: NodeId, kind: LockKind, lock: Lock): boolean {
    const locks = this.#of(node);
    // flock(2): to convert a lock, the old one is removed first, and stays so if the new one is not to be had.
    if (kind === 'flock')
      locks.flock = locks.flock.filter((held) => held.owner !== lock.owner || held.type === lock.type);
    const granted = lock.type === F_UNLCK || !locks[kind].some((held) => conflicts(held, lock));
    if (granted) locks[kind] = applied(locks[kind], lock);
    if (granted && kind === 'posix' && lock.type !== F_UNLCK && this.#ever.size < MOST_REMEMBERED)
      this.#ever.add(node);
    this.#settle(node, locks);
    return granted;
  }

  /** As `set`, but waits until it is possible. EDEADLK where that could be never, EINTR when the signal is aborted. */
  async wait(node: NodeId, kind: LockKind, lock: Lock, signal: AbortSignal): Promise<void> {
    if (this.set(node, kind, lock)) return;
    if (kind === 'posix' && this.#leadsTo(node, lock, lock.owner, new Set())) {
      throw new FsError('EDEADLK', `the lock waits for a lock of process ${lock.pid} itself`);
    }
    if (signal.aborted) throw new FsError('EINTR', 'waiting for a lock');
    await new Promise<void>((resolve, reject) => {
      const interrupted = () => {
        this.#leave(waiter);
        this.#settle(node, this.#of(node));
        reject(new FsError('EINTR', 'waiting for a lock'));
      };
      const waiter: Waiter = {
        node,
        kind,
        lock,
        resolve: () => {
          signal.removeEventListener('abort', interrupted);
          resolve();
        },
      };
      signal.addEventListener('abort', interrupted, { once: true });
      this.#of(node).waiting.push(waiter);
      const mine = this.#waiting.get(lock.owner);
      if (mine) mine.add(waiter);
      else this.#waiting.set(lock.owner, new Set([waiter]));
    });
  }

  /** As `wait`, for so many milliseconds: was it possible by then? */
  async waitFor(ms: number, node: NodeId, kind: LockKind, lock: Lock): Promise<boolean> {
    try {
      await this.wait(node, kind, lock, AbortSignal.timeout(ms));
      return true;
    } catch (error) {
      if (isFsError(error, 'EINTR')) return false;
      throw error;
    }
  }

  /** FLUSH, or RELEASE of a file that was locked by flock(2): the owner's locks on the node are gone. */
  dropOwner(node: NodeId, kind: LockKind, owner: string): void {
    this.#drop(node, kind, (held) => held.owner === owner);
  }

  /**
   * The open file is gone, and with it every owner that locked the node through it: whoever locks by fcntl(2) loses all of its locks on a file
   * when it closes any descriptor of it.
   */
  dropFile(node: NodeId, via: number, fh: number): void {
    const locks = this.#nodes.get(node);
    if (!locks) return;
    const owners = new Set(
      locks.posix.filter((held) => held.via === via && held.fh === fh).map((held) => held.owner),
    );
    this.#drop(node, 'posix', (held) => owners.has(held.owner));
    this.#drop(node, 'flock', (held) => held.via === via && held.fh === fh);
  }

  /** The mount is gone. Its waiting requests are interrupted by whoever ends it. */
  dropMount(via: number): void {
    for (const node of [...this.#nodes.keys()]) {
      this.#drop(node, 'posix', (held) => held.via === via);
      this.#drop(node, 'flock', (held) => held.via === via);
    }
  }

  #drop(node: NodeId, kind: LockKind, gone: (held: Lock) => boolean): void {
    const locks = this.#nodes.get(node);
    if (!locks) return;
    locks[kind] = locks[kind].filter((held) => !gone(held));
    this.#settle(node, locks);
  }

  #of(node: NodeId): NodeLocks {
    let locks = this.#nodes.get(node);
    if (!locks) {
      locks = { posix: [], flock: [], waiting: [] };
      this.#nodes.set(node, locks);
    }
    return locks;
  }

  /** Grants what can be granted now, the longest waiting first, and forgets a node without locks. */
  #settle(node: NodeId, locks: NodeLocks): void {
    for (const waiter of [...locks.waiting]) {
      const { kind, lock } = waiter;
      if (locks[kind].some((held) => conflicts(held, lock))) continue;
      locks[kind] = applied(locks[kind], lock);
      if (kind === 'posix' && this.#ever.size < MOST_REMEMBERED) this.#ever.add(node);
      this.#leave(waiter);
      waiter.resolve();
    }
    if (locks.posix.length + locks.flock.length + locks.waiting.length === 0) this.#nodes.delete(node);
  }

  #leave(waiter: Waiter): void {
    const locks = this.#nodes.get(waiter.node);
    if (locks) locks.waiting = locks.waiting.filter((other) => other !== waiter);
    const mine = this.#waiting.get(waiter.lock.owner);
    mine?.delete(waiter);
    if (mine?.size === 0) this.#waiting.delete(waiter.lock.owner);
  }

  /** Would waiting for `lock` be waiting for `owner`, through whatever those in its way wait for? */
  #leadsTo(node: NodeId, lock: Lock, owner: string, seen: Set<string>): boolean {
    for (const held of this.#nodes.get(node)?.posix ?? []) {
      if (!conflicts(held, lock)) continue;
      if (held.owner === owner) return true;
      if (seen.has(held.owner)) continue;
      seen.add(held.owner);
      for (const waiter of this.#waiting.get(held.owner) ?? []) {
        if (waiter.kind === 'posix' && this.#leadsTo(waiter.node, waiter.lock, owner, seen)) return true;
      }
    }
    return false;
  }
}

function conflicts(held: Lock, wanted: Lock): boolean {
  if (held.owner === wanted.owner) return false;
  if (held.type === F_RDLCK && wanted.type === F_RDLCK) return false;
  return held.start <= wanted.end && wanted.start <= held.end;
}

/** The owner's locks with `lock` laid over them: parts of others cut away, neighbours of the same type joined. */
function applied(locks: readonly Lock[], lock: Lock): Lock[] {
  const result: Lock[] = [];
  let { start, end } = lock;
  for (const held of locks) {
    if (held.owner !== lock.owner || held.end + 1n < lock.start || lock.end + 1n < held.start) {
      result.push(held);
    } else if (held.type === lock.type && held.fh === lock.fh) {
      if (held.start < start) start = held.start;
      if (held.end > end) end = held.end;
    } else {
      if (held.start < lock.start) result.push({ ...held, end: min(held.end, lock.start - 1n) });
      if (held.end > lock.end) result.push({ ...held, start: max(held.start, lock.end + 1n) });
    }
  }
  if (lock.type !== F_UNLCK) result.push({ ...lock, start, end });
  return result;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** The whole file, as flock(2) locks it. */
export const wholeFile = { start: 0n, end: OFFSET_MAX } as const;
