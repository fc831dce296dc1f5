/** Changes in memory, in key order: what the journal holds and LevelDB does not yet. */
import { createRequire } from 'node:module';
import type BTreePackage from 'sorted-btree';
import type { Change, Changes } from './change.ts';
import type { Cursor } from './merge.ts';
import type { Key } from './types.ts';

// A CommonJS module with a `default`: an import of it means different things to Node and to bundlers.
const { default: BTree } = createRequire(import.meta.url)('sorted-btree') as typeof BTreePackage;

/** What an entry costs beyond its bytes: the value's view, the key's header, its place in the tree. */
const overhead = 128;

const byBytes = (a: Key, b: Key): number => (a < b ? -1 : a > b ? 1 : 0);

export class Memtable {
  readonly #tree = new BTree<Key, Uint8Array | null>(undefined, byBytes);
  #bytes = 0;

  /** Memory held, counted from above: a value that replaces another is counted without taking the other off. */
  get bytes(): number {
    return this.#bytes;
  }

  get entries(): number {
    return this.#tree.size;
  }

  /** The value; null where the key was deleted here; undefined where nothing is known of it. */
  get(key: Key): Uint8Array | null | undefined {
    return this.#tree.get(key);
  }

  set(key: Key, value: Uint8Array | null): void {
    if (this.#tree.set(key, value)) this.#bytes += overhead + key.length;
    if (value !== null) this.#bytes += value.length;
  }

  apply(changes: Changes): void {
    for (const [key, value] of changes) this.set(key, value);
  }

  /** Forgets the key: for a table with nothing beneath it, which needs no mark of a deletion. */
  remove(key: Key): void {
    const value = this.#tree.get(key);
    if (value === undefined) return;
    this.#tree.delete(key);
    this.#bytes -= overhead + key.length + (value?.length ?? 0);
  }

  /** Everything, ascending. */
  changes(): IterableIterator<Change> {
    return this.#tree.entries();
  }

  /** Steps through `from <= key < to`; valid until the table changes. */
  cursor(from: Key, to: Key, reverse: boolean): Cursor {
    const tree = this.#tree;
    if (tree.size === 0) return () => undefined;
    const pairs = reverse ? tree.entriesReversed(to, undefined, true) : tree.entries(from);
    return () => {
      const step = pairs.next();
      if (step.done === true) return undefined;
      const inside = reverse ? step.value[0] >= from : step.value[0] < to;
      return inside ? step.value : undefined;
    };
  }
}
