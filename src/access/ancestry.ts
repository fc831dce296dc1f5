/** The tree as permissions see it: with what was the directory of nodes that have no name any more. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Lineage, NodeId } from '../fs/types.ts';
import type { Tree } from './types.ts';

/** Nodes without a name that are remembered: who has one open keeps the rights it had from its last directory. */
const remembered = 1 << 16;

export class Ancestry implements Tree {
  readonly #tree: Tree;
  readonly #last = new Map<NodeId, NodeId>();
  readonly #closed = new Set<NodeId>();

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** The last name of a node was in this directory. */
  removed(node: NodeId, from: NodeId): void {
    this.#last.delete(node);
    this.#last.set(node, from);
    if (this.#last.size <= remembered) return;
    for (const oldest of this.#last.keys()) {
      this.#last.delete(oldest);
      return;
    }
  }

  /** A node without a name is nobody's any more, and in no directory. */
  close(node: NodeId): void {
    this.#closed.add(node);
    if (this.#closed.size <= remembered) return;
    for (const oldest of this.#closed) {
      this.#closed.delete(oldest);
      return;
    }
  }

  lineage(node: NodeId): Awaitable<Lineage | undefined> {
    if (this.#closed.size > 0 && this.#closed.has(node)) return nobodys;
    const found = this.#tree.lineage(node);
    if (this.#last.size === 0) return found;
    const from = this.#last.get(node);
    if (from === undefined) return found;
    return found instanceof Promise ? found.then((each) => held(each, from)) : held(found, from);
  }
}

const nobodys: Lineage = { parents: [], directory: true, owner: undefined };

function held(lineage: Lineage | undefined, from: NodeId): Lineage | undefined {
  if (lineage === undefined) return { parents: [from], directory: true, owner: undefined };
  return lineage.parents.length > 0 ? lineage : { ...lineage, parents: [from] };
}
