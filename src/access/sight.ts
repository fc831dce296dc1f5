/** The directories on the way to what was granted: they can be seen and passed, whatever else is theirs. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Lineage, NodeId } from '../fs/types.ts';
import type { Tree } from './types.ts';

/** `may`: a condition decides, each time. */
export type Worth = 'yes' | 'may' | 'no';

export interface SightOptions {
  readonly tree: Tree;
  /** Nodes that may be worth a way. */
  readonly nodes: () => Awaitable<Iterable<NodeId>>;
  /** Has the subject any right there? */
  readonly worth: (node: NodeId) => Awaitable<Worth>;
  /** Whether a node that may be worth a way is, at this moment. */
  readonly decide: (node: NodeId) => Promise<boolean>;
}

/** Nodes looked at in between two turns of the loop. */
const slice = 256;

/** Counts, for each directory, the nodes and directories right below it that make it a way to something. */
export class Sight {
  readonly #options: SightOptions;
  readonly #below = new Map<NodeId, number>();
  /** The directories that count a node, as they were when it was counted. */
  readonly #above = new Map<NodeId, readonly NodeId[]>();
  readonly #granted = new Set<NodeId>();
  readonly #possible = new Set<NodeId>();
  readonly #waiting = new Set<NodeId>();
  #built = false;
  #building: Promise<void> | undefined;
  #epoch = 0;

  constructor(options: SightOptions) {
    this.#options = options;
  }

  /** Everything is to be found anew. */
  reset(): void {
    this.#epoch++;
    this.#built = false;
    this.#waiting.clear();
  }

  /** The node's own worth, or the directories above it, changed. */
  changed(node: NodeId): void {
    if (this.#built || this.#building) this.#waiting.add(node);
  }

  /** May the node be on a way to something? */
  counts(node: NodeId): boolean {
    return !this.#built || this.#waiting.size > 0 || this.#above.has(node) || this.#possible.has(node);
  }

  /** Directories above the node changed: that matters where it is on a way. */
  moved(node: NodeId): void {
    if (!this.#built || this.#above.has(node) || this.#possible.has(node)) this.changed(node);
  }

  /** Is something below the directory worth a way? */
  has(directory: NodeId): Awaitable<boolean> {
    if (!this.#built || this.#waiting.size > 0) return this.#later(directory);
    if (this.#below.has(directory)) return true;
    return this.#possible.size === 0 ? false : this.#decide(directory);
  }

  async #later(directory: NodeId): Promise<boolean> {
    while (!this.#built || this.#waiting.size > 0) {
      this.#building ??= this.#build().finally(() => {
        this.#building = undefined;
      });
      await this.#building;
    }
    return this.has(directory);
  }

  async #build(): Promise<void> {
    if (!this.#built) {
      const epoch = this.#epoch;
      this.#below.clear();
      this.#above.clear();
      this.#granted.clear();
      this.#possible.clear();
      this.#waiting.clear();
      let count = 0;
      for (const node of [...(await this.#options.nodes())]) {
        await this.#update(node, ++count);
        if (this.#epoch !== epoch) return;
      }
      this.#built = true;
      return;
    }
    let count = 0;
    for (const node of this.#waiting) {
      this.#waiting.delete(node);
      await this.#update(node, ++count);
    }
  }

  async #update(node: NodeId, count: number): Promise<void> {
    if (count % slice === 0) await new Promise((resolve) => setImmediate(resolve));
    const found = this.#options.worth(node);
    const worth = found instanceof Promise ? await found : found;
    const counted = this.#granted.delete(node) || this.#below.has(node);
    if (worth === 'yes') this.#granted.add(node);
    if (worth === 'may') this.#possible.add(node);
    else this.#possible.delete(node);
    if (counted) this.#lower(node);
    if (this.#granted.has(node) || this.#below.has(node)) await this.#raise(node);
  }

  /** Counts a node in the directories above it, and these in theirs when they begin to be a way. */
  async #raise(start: NodeId): Promise<void> {
    const queue = [start];
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      const found = this.#options.tree.lineage(node);
      const lineage: Lineage | undefined = found instanceof Promise ? await found : found;
      const above = lineage?.parents ?? [];
      this.#above.set(node, above);
      for (const directory of above) {
        const before = this.#below.get(directory) ?? 0;
        this.#below.set(directory, before + 1);
        if (before === 0 && !this.#granted.has(directory)) queue.push(directory);
      }
    }
  }

  #lower(start: NodeId): void {
    const queue = [start];
    for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
      const above = this.#above.get(node) ?? [];
      this.#above.delete(node);
      for (const directory of above) {
        const before = this.#below.get(directory) ?? 0;
        if (before > 1) this.#below.set(directory, before - 1);
        else {
          this.#below.delete(directory);
          if (!this.#granted.has(directory)) queue.push(directory);
        }
      }
    }
  }

  async #decide(directory: NodeId): Promise<boolean> {
    for (const node of this.#possible) {
      if ((await this.#isAbove(directory, node)) && (await this.#options.decide(node))) return true;
    }
    return false;
  }

  async #isAbove(directory: NodeId, node: NodeId): Promise<boolean> {
    const seen = new Set<NodeId>();
    const queue = [node];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      for (const above of (await this.#options.tree.lineage(next))?.parents ?? []) {
        if (above === directory) return true;
        if (seen.has(above)) continue;
        seen.add(above);
        queue.push(above);
      }
    }
    return false;
  }
}
