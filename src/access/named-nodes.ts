/** Whether any tuple may name a node: what is removed without having been granted costs nothing. */
import type { NodeId } from '../fs/types.ts';

/** Nodes kept by number; beyond, by a few bits each. */
const exact = 1 << 16;
const size = 1 << 24;

function hash(node: NodeId, seed: number): number {
  let mixed = Math.imul((node | 0) ^ seed, 0x85ebca6b) ^ Math.imul((node / 0x1_0000_0000) | 0, 0xc2b2ae35);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) & (size - 1);
}

const seeds = [0x9e3779b9, 0x7f4a7c15, 0x94d049bb] as const;

/** It may say yes for a node that no tuple names, never no for one that some tuple does. */
export class NamedNodes {
  readonly #nodes = new Set<NodeId>();
  #bits: Uint8Array | undefined;

  add(node: NodeId): void {
    if (this.#bits) this.#mark(this.#bits, node);
    else {
      this.#nodes.add(node);
      if (this.#nodes.size > exact) this.#spill();
    }
  }

  has(node: NodeId): boolean {
    const bits = this.#bits;
    if (!bits) return this.#nodes.has(node);
    return seeds.every((seed) => {
      const at = hash(node, seed);
      return ((bits[at >>> 3] ?? 0) & (1 << (at & 7))) !== 0;
    });
  }

  #spill(): void {
    const bits = new Uint8Array(size >>> 3);
    this.#bits = bits;
    for (const node of this.#nodes) this.#mark(bits, node);
    this.#nodes.clear();
  }

  #mark(bits: Uint8Array, node: NodeId): void {
    for (const seed of seeds) {
      const at = hash(node, seed);
      bits[at >>> 3] = (bits[at >>> 3] ?? 0) | (1 << (at & 7));
    }
  }
}
