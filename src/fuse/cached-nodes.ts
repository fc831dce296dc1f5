/** Which nodes a kernel keeps attributes of, exactly, in bounded space. */
import type { Attr, NodeId } from '../fs/types.ts';
import { S_IFLNK, S_IFMT } from '../fs/types.ts';

const MOST = 1 << 16;

/** The ranges of INVAL_INODE: attributes alone, or pages too, in which a symlink's target is kept. */
const ATTRIBUTES = -1;
const PAGES = 0;

/** What the subject must be allowed to do for its kernel to keep it. */
export type Kept = 'see' | 'read';

/**
 * A process that has a directory open, or works in it, names no path that could be asked for again: what it gets to know without asking are the
 * attributes of nodes that it was told of. One node too many is made room for by having the kernel drop the oldest.
 */
export class CachedNodes {
  /** What is dropped with a node. */
  readonly #nodes = new Map<NodeId, number>();
  readonly #drop: (node: NodeId, offset: number) => void;
  readonly #most: number;

  constructor(drop: (node: NodeId, offset: number) => void, most = MOST) {
    this.#drop = drop;
    this.#most = most;
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Those of which just attributes are kept (`see`), or of which targets are (`read`). */
  nodes(kept: Kept): NodeId[] {
    const offset = kept === 'read' ? PAGES : ATTRIBUTES;
    const found: NodeId[] = [];
    for (const [node, dropped] of this.#nodes) if (dropped === offset) found.push(node);
    return found;
  }

  add(attr: Attr): void {
    if (this.#nodes.has(attr.node)) return;
    this.#nodes.set(attr.node, (attr.mode & S_IFMT) === S_IFLNK ? PAGES : ATTRIBUTES);
    if (this.#nodes.size <= this.#most) return;
    const oldest = this.#nodes.keys().next();
    if (oldest.done !== true) this.drop(oldest.value);
  }

  /** Has the kernel drop what it keeps of the node. */
  drop(node: NodeId): void {
    const offset = this.#nodes.get(node);
    if (offset === undefined) return;
    this.#nodes.delete(node);
    this.#drop(node, offset);
  }
}
