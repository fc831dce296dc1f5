/** The bits a subject has on each node: what is given there and above, and all that follows. Found once, then remembered. */
import type { Lineage, NodeId } from '../fs/types.ts';
import type { Plan } from './plan.ts';
import type { Tree } from './types.ts';

/** Nodes remembered by one subject; the memory is emptied when it is full. */
const capacity = 1 << 16;

/** What masks are made of. `low`: for certain; `high`: at most. */
export interface Given {
  readonly plan: Plan;
  /** Nothing is only possible: `high` is the same as `low` everywhere. */
  readonly certain: boolean;
  low(node: NodeId): number;
  high(node: NodeId): number;
  /** On every node of the zone. */
  readonly everywhereLow: number;
  readonly everywhereHigh: number;
  /** The owner as the tree knows it, and what being it gives. */
  readonly owner: string;
  readonly ownerBits: number;
}

/** Directories on the way up, the lowest first, and what was known above them. */
interface Path {
  readonly nodes: NodeId[];
  readonly owners: (string | undefined)[];
  at: NodeId | undefined;
  low: number;
  high: number;
}

function pathFrom(at: NodeId): Path {
  return { nodes: [], owners: [], at, low: 0, high: 0 };
}

export class Masks {
  /** Moves when what was found holds no longer. */
  epoch = 0;
  readonly #given: Given;
  readonly #tree: Tree;
  readonly #within: (node: NodeId) => boolean;
  /** All nodes asked for; directories are in both, so that those on the way up outlive the files below. */
  readonly #nodes = new Map<NodeId, number>();
  readonly #directories = new Map<NodeId, number>();
  /** Only where it differs. */
  readonly #high = new Map<NodeId, number>();
  // The way up is walked without a wait on most calls: one path serves them all.
  readonly #path = pathFrom(0);
  #foundLow = 0;
  #foundHigh = 0;

  /** `within`: is the node one of the zone? Others have no bits here, and pass none down. */
  constructor(given: Given, tree: Tree, within: (node: NodeId) => boolean) {
    this.#given = given;
    this.#tree = tree;
    this.#within = within;
  }

  clear(): void {
    this.epoch++;
    this.#nodes.clear();
    this.#directories.clear();
    this.#high.clear();
  }

  /** What is certain; -1 where it cannot be told without waiting. */
  low(node: NodeId): number {
    return this.#nodes.get(node) ?? this.#now(node);
  }

  /** What is possible at most, after `low` or `find` told what is certain. */
  high(node: NodeId, low: number): number {
    return this.#given.certain ? low : (this.#high.get(node) ?? low);
  }

  /** What is certain on the directory a node is in; -1 where there are several, or where it takes waiting. */
  above(node: NodeId): number {
    const lineage = this.#tree.lineage(node);
    if (lineage === undefined || lineage instanceof Promise || lineage.parents.length !== 1) return -1;
    const [parent] = lineage.parents;
    return parent === undefined ? -1 : this.low(parent);
  }

  #now(node: NodeId): number {
    const lineage = this.#tree.lineage(node);
    if (lineage instanceof Promise) return -1;
    if (lineage === undefined || !this.#within(node)) return 0;
    let [low, high] = [0, 0];
    for (const parent of lineage.parents) {
      if (!this.#within(parent)) continue;
      const path = this.#path;
      path.nodes.length = 0;
      path.owners.length = 0;
      path.at = parent;
      path.low = 0;
      path.high = 0;
      if (this.#climb(path) !== undefined) return -1;
      this.#descend(path, true);
      low |= this.#foundLow;
      high |= this.#foundHigh;
    }
    this.#combine(node, lineage.owner, low, high);
    this.#remember(node, lineage.directory);
    return this.#foundLow;
  }

  /** The same with waiting. [what is certain, what is possible]. */
  async find(node: NodeId): Promise<readonly [low: number, high: number]> {
    for (;;) {
      const known = this.low(node);
      if (known >= 0) return [known, this.high(node, known)];
      const { epoch } = this;
      const lineage = await this.#tree.lineage(node);
      if (lineage === undefined || !this.#within(node)) return [0, 0];
      let [low, high] = [0, 0];
      for (const parent of lineage.parents) {
        if (!this.#within(parent)) continue;
        const path = pathFrom(parent);
        for (let wait = this.#climb(path); wait !== undefined; wait = this.#climb(path))
          this.#pass(path, await wait);
        this.#descend(path, this.epoch === epoch);
        low |= this.#foundLow;
        high |= this.#foundHigh;
      }
      if (this.epoch !== epoch) continue;
      this.#combine(node, lineage.owner, low, high);
      this.#remember(node, lineage.directory);
      return [this.#foundLow, this.#foundHigh];
    }
  }

  /** Up to a directory that is remembered, or the top. What it returns is to be waited for, and passed. */
  #climb(path: Path): Promise<Lineage | undefined> | undefined {
    while (path.at !== undefined) {
      const known = this.#directories.get(path.at);
      if (known !== undefined) {
        path.low = known;
        path.high = this.high(path.at, known);
        path.at = undefined;
        return undefined;
      }
      const lineage = this.#tree.lineage(path.at);
      if (lineage instanceof Promise) return lineage;
      this.#pass(path, lineage);
    }
    return undefined;
  }

  #pass(path: Path, lineage: Lineage | undefined): void {
    if (path.at === undefined) return;
    path.nodes.push(path.at);
    path.owners.push(lineage?.owner);
    const above = lineage?.parents[0];
    path.at = above !== undefined && this.#within(above) ? above : undefined;
  }

  #descend(path: Path, keep: boolean): void {
    this.#foundLow = path.low;
    this.#foundHigh = path.high;
    for (let i = path.nodes.length - 1; i >= 0; i--) {
      const node = path.nodes[i] ?? 0;
      this.#combine(node, path.owners[i], this.#foundLow, this.#foundHigh);
      if (keep) this.#rememberDirectory(node);
    }
  }

  /** What a node has below directories with these bits. */
  #combine(node: NodeId, owner: string | undefined, lowAbove: number, highAbove: number): void {
    const given = this.#given;
    const { plan } = given;
    const owned = owner !== undefined && owner === given.owner ? given.ownerBits : 0;
    const low = plan.inherit(lowAbove) | given.low(node) | given.everywhereLow | owned;
    if (given.certain) {
      this.#foundLow = this.#foundHigh = plan.close(low);
      return;
    }
    const high = low | plan.inherit(highAbove) | given.high(node) | given.everywhereHigh;
    this.#foundLow = plan.closeLow(low, high);
    this.#foundHigh = plan.closeHigh(low, high);
  }

  #remember(node: NodeId, directory: boolean): void {
    if (this.#nodes.size >= capacity) this.#forget();
    this.#nodes.set(node, this.#foundLow);
    if (directory) this.#rememberDirectory(node);
    else if (this.#foundHigh !== this.#foundLow) this.#high.set(node, this.#foundHigh);
  }

  #rememberDirectory(node: NodeId): void {
    if (this.#directories.size >= capacity) this.#forget();
    this.#directories.set(node, this.#foundLow);
    if (this.#foundHigh !== this.#foundLow) this.#high.set(node, this.#foundHigh);
  }

  #forget(): void {
    this.#nodes.clear();
    // What is possible is remembered for both.
    if (this.#directories.size < capacity && this.#high.size === 0) return;
    this.#directories.clear();
    this.#high.clear();
  }
}
