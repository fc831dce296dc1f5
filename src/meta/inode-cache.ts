/** Decoded inodes in memory: what is committed and nothing else, least recently used ones out. */
import type { Inode } from './types.ts';

/** An inode that running transactions have written: what the newest of those that succeeded left. */
interface Held {
  count: number;
  revision: number;
  inode: Inode | undefined;
}

/**
 * Two generations stand in for an exact order of use: a full young one becomes the old one, what is used again is young
 * again, and the old one goes as a whole.
 *
 * Between writing an inode in a transaction and the end of that transaction nobody can tell from here which value is
 * committed; such an inode is held: the cache neither answers nor takes it, and readers ask the store.
 */
export class InodeCache {
  readonly #half: number;
  #young = new Map<number, Inode>();
  #old = new Map<number, Inode>();
  readonly #held = new Map<number, Held>();
  /** Moves with every hold: a value read before it moved may be stale. */
  epoch = 0;

  constructor(capacity: number) {
    this.#half = Math.max(1, capacity >>> 1);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(ino: number): Inode | undefined {
    const young = this.#young.get(ino);
    if (young !== undefined) return young;
    const old = this.#old.get(ino);
    if (old === undefined) return undefined;
    this.#old.delete(ino);
    this.#set(old);
    return old;
  }

  /** Takes a committed value that was read while `epoch` had the given value. */
  fill(inode: Inode, epoch: number): void {
    if (epoch === this.epoch && !this.#held.has(inode.ino)) this.#set(inode);
  }

  /** A transaction writes the inode; one `release` for each `hold`. */
  hold(ino: number): void {
    this.epoch++;
    this.#young.delete(ino);
    this.#old.delete(ino);
    const held = this.#held.get(ino);
    if (held === undefined) this.#held.set(ino, { count: 1, revision: 0, inode: undefined });
    else held.count++;
  }

  /** The transaction ended: with the inode as `revision` left it (undefined: it is gone), or in vain (revision 0). */
  release(ino: number, revision: number, inode: Inode | undefined): void {
    const held = this.#held.get(ino);
    if (held === undefined) return;
    if (revision > held.revision) {
      held.revision = revision;
      held.inode = inode;
    }
    if (--held.count > 0) return;
    this.#held.delete(ino);
    if (held.inode !== undefined) this.#set(held.inode);
  }

  #set(inode: Inode): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(inode.ino, inode);
  }
}
