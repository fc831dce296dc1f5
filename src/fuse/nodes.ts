/** What is remembered of nodes the kernel was told of, in bounded space. */
import type { Attr, NodeId } from '../fs/types.ts';
import { S_IFMT, S_IFREG } from '../fs/types.ts';

const BITS = 1 << 20;

/**
 * Nodes this kernel may have cached: one bit for each number modulo 2**20, never cleared. Says yes too often after a million of nodes, which
 * costs a notification in vain, and never no wrongly.
 */
export class KnownNodes {
  readonly #bits = new Uint8Array(BITS / 8);

  add(node: NodeId): void {
    const bit = node % BITS;
    this.#bits[bit >> 3] = (this.#bits[bit >> 3] ?? 0) | (1 << (bit & 7));
  }

  has(node: NodeId): boolean {
    const bit = node % BITS;
    return ((this.#bits[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }
}

const SET_ID = 0o6000;
const MOST_SET_ID = 4096;

/**
 * Regular files with set-id bits, by the attributes the kernel got. The kernel flags every write of an unprivileged caller
 * (WRITE_KILL_SUIDGID); for nearly all of them there is nothing to clear.
 */
export class SetIdFiles {
  readonly #nodes = new Set<NodeId>();
  #tooMany = false;

  note(attr: Attr): void {
    if ((attr.mode & SET_ID) !== 0 && (attr.mode & S_IFMT) === S_IFREG) {
      if (this.#nodes.size < MOST_SET_ID) this.#nodes.add(attr.node);
      else this.#tooMany = true;
    } else if (this.#nodes.size > 0) this.#nodes.delete(attr.node);
  }

  mayHave(node: NodeId): boolean {
    return this.#tooMany || this.#nodes.has(node);
  }
}

const MOST_STAMPS = 1 << 16;

/** The stamps (`FileHandle.stamp`) that the pages in the kernel's cache belong to: an open whose stamp is the same keeps them. */
export class CachedPages {
  readonly #stamps = new Map<NodeId, number>();

  /** A cached open: are the pages of before right? */
  opened(node: NodeId, stamp: number): boolean {
    const right = this.#stamps.get(node) === stamp;
    if (!right) this.#put(node, stamp);
    return right;
  }

  /** The kernel's own write changed pages and content alike: right before, right after. */
  written(node: NodeId, before: number, after: number): void {
    if (before === after) return;
    if (this.#stamps.get(node) === before) this.#put(node, after);
    else this.#stamps.delete(node);
  }

  /** Content changes past the pages. */
  forget(node: NodeId): void {
    this.#stamps.delete(node);
  }

  #put(node: NodeId, stamp: number): void {
    this.#stamps.delete(node);
    this.#stamps.set(node, stamp);
    if (this.#stamps.size <= MOST_STAMPS) return;
    const oldest = this.#stamps.keys().next();
    if (oldest.done !== true) this.#stamps.delete(oldest.value);
  }
}
