/** Decoded inodes in memory: what is committed and nothing else, least recently used ones out. */
import type { Inode } from './types.ts';

/** The place of one inode. */
export interface Slot {
  inode: Inode | undefined;
  /** Running transactions that have written the inode; while there are any, nobody can tell from here what is committed. */
  holders: number;
  /** The newest revision that succeeded while the slot was held, and the inode as it left it. */
  revision: number;
  newest: Inode | undefined;
}

/**
 * Two generations stand in for an exact order of use: a full young one becomes the old one, what is used again is young
 * again, and the old one goes as a whole. A slot that is held neither answers nor takes what was read: readers ask the store.
 */
export class InodeCache {
  readonly #half: number;
  #young = new Map<number, Slot>();
  #old = new Map<number, Slot>();
  #held = 0;
  /** Moves with every hold: a value read before it moved may be stale. */
  epoch = 0;

  constructor(capacity: number) {
    this.#half = Math.max(1, capacity >>> 1);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(ino: number): Inode | undefined {
    return this.#find(ino)?.inode;
  }

  /** Takes a committed value that was read while `epoch` had the given value. */
  fill(inode: Inode, epoch: number): void {
    if (epoch !== this.epoch) return;
    const slot = this.#slot(inode.ino);
    if (slot.holders === 0) slot.inode = inode;
  }

  /** A transaction writes the inode; one `release` for each `hold`. */
  hold(ino: number): Slot {
    this.epoch++;
    const slot = this.#slot(ino);
    slot.inode = undefined;
    if (slot.holders++ === 0) this.#held++;
    return slot;
  }

  /** The transaction ended: with the inode as `revision` left it (undefined: it is gone), or in vain (revision 0). */
  release(slot: Slot, revision: number, inode: Inode | undefined): void {
    if (revision > slot.revision) {
      slot.revision = revision;
      slot.newest = inode;
    }
    if (--slot.holders > 0) return;
    this.#held--;
    slot.inode = slot.newest;
    slot.newest = undefined;
    slot.revision = 0;
  }

  /** Forgets what is not held: records mean something else from here on. */
  clear(): void {
    this.epoch++;
    for (const slots of [this.#young, this.#old]) for (const slot of slots.values()) slot.inode = undefined;
  }

  #slot(ino: number): Slot {
    const found = this.#find(ino);
    if (found !== undefined) return found;
    const slot = { inode: undefined, holders: 0, revision: 0, newest: undefined };
    this.#add(ino, slot);
    return slot;
  }

  #find(ino: number): Slot | undefined {
    const young = this.#young.get(ino);
    if (young !== undefined) return young;
    const old = this.#old.get(ino);
    if (old !== undefined) this.#add(ino, old);
    return old;
  }

  #add(ino: number, slot: Slot): void {
    if (this.#young.size >= this.#half) {
      const gone = this.#old;
      this.#old = this.#young;
      this.#young = new Map();
      if (this.#held > 0) for (const [held, of] of gone) if (of.holders > 0) this.#young.set(held, of);
    }
    this.#young.set(ino, slot);
  }
}
