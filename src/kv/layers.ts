/** Where a value may be, the newest first: the active memtable, the frozen one, LevelDB. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Change } from './change.ts';
import type { LevelTable } from './level-table.ts';
import { Memtable } from './memtable.ts';
import { type Cursor, cursorOf, merge } from './merge.ts';
import type { Stored } from './transaction.ts';
import type { Entry, Key, Range } from './types.ts';

export class Layers implements Stored {
  readonly table: LevelTable;
  #active: Memtable;
  #frozen: Memtable | undefined;

  constructor(table: LevelTable, active: Memtable) {
    this.table = table;
    this.#active = active;
  }

  /** Takes the changes of new transactions. */
  get active(): Memtable {
    return this.#active;
  }

  /** What a checkpoint is writing. */
  get frozen(): Memtable | undefined {
    return this.#frozen;
  }

  freeze(): void {
    this.#frozen = this.#active;
    this.#active = new Memtable();
  }

  /** LevelDB has everything of the frozen memtable. */
  thaw(): void {
    this.#frozen = undefined;
  }

  get(key: Key): Awaitable<Uint8Array | undefined> {
    let known = this.#active.get(key);
    if (known === undefined) known = this.#frozen?.get(key);
    return known === undefined ? this.table.get(key) : (known ?? undefined);
  }

  scan(range: Range, own: readonly Change[]): Awaitable<readonly Entry[]> {
    const { from, to, limit, reverse = false } = range;
    if (from >= to || limit <= 0) return [];
    const layers: Cursor[] = [];
    if (own.length > 0) layers.push(cursorOf(own));
    layers.push(this.#active.cursor(from, to, reverse));
    if (this.#frozen !== undefined) layers.push(this.#frozen.cursor(from, to, reverse));
    const beneath = this.table.overlaps(from, to);
    const newer = merge(layers, { limit, reverse, keepDeleted: beneath });
    return beneath ? this.table.scan(range, newer) : (newer as unknown as readonly Entry[]);
  }
}
