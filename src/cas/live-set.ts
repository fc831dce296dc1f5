/** What a sweep found to be in use, in little memory: hashes by 64 of their bits, numbers and places by one bit each. */
import { BLOCK, PAGE } from './layout.ts';
import type { PackRecord } from './records.ts';
import type { Hash } from './types.ts';

const TABLES = 4096;

/**
 * A set of hashes that answers "not in it" only when that is so: two hashes with equal first 8 bytes are one to it.
 * Many small tables instead of a large one, so that growing never holds the loop.
 */
export class HashBag {
  readonly #tables = new Array<Uint32Array | undefined>(TABLES).fill(undefined);
  readonly #counts = new Uint32Array(TABLES);

  add(hash: Hash): void {
    const table = tableOf(hash);
    const count = this.#counts[table] ?? 0;
    let slots = (this.#tables[table] ??= new Uint32Array(16));
    if ((count + 1) * 3 > slots.length) slots = this.#tables[table] = grown(slots);
    if (put(slots, wordAt(hash, 0), wordAt(hash, 4))) this.#counts[table] = count + 1;
  }

  has(hash: Hash): boolean {
    const slots = this.#tables[tableOf(hash)];
    if (!slots) return false;
    const at = find(slots, wordAt(hash, 0), wordAt(hash, 4));
    return (slots[at] ?? 0) !== 0 || (slots[at + 1] ?? 0) !== 0;
  }
}

function wordAt(hash: Hash, at: number): number {
  return (
    ((hash.charCodeAt(at) << 24) |
      (hash.charCodeAt(at + 1) << 16) |
      (hash.charCodeAt(at + 2) << 8) |
      hash.charCodeAt(at + 3)) >>>
    0
  );
}

function tableOf(hash: Hash): number {
  return (hash.charCodeAt(8) << 4) | (hash.charCodeAt(9) >>> 4);
}

/** Where the pair is, or would be. The table is a power of two of pairs, and never full. */
function find(slots: Uint32Array, high: number, low: number): number {
  const mask = slots.length / 2 - 1;
  for (let at = low & mask; ; at = (at + 1) & mask) {
    const a = slots[at * 2];
    const b = slots[at * 2 + 1];
    if ((a === high && b === low) || (a === 0 && b === 0)) return at * 2;
  }
}

function put(slots: Uint32Array, high: number, low: number): boolean {
  const at = find(slots, high, low);
  if (slots[at] === high && slots[at + 1] === low) return false;
  slots[at] = high;
  slots[at + 1] = low;
  return true;
}

function grown(slots: Uint32Array): Uint32Array {
  const larger = new Uint32Array(slots.length * 2);
  for (let at = 0; at < slots.length; at += 2) {
    const high = slots[at] ?? 0;
    const low = slots[at + 1] ?? 0;
    if (high !== 0 || low !== 0) put(larger, high, low);
  }
  return larger;
}

const LEAF = 32_768;

/** A set of numbers that are mostly close to each other. */
export class IdSet {
  readonly #leaves = new Map<number, Uint8Array>();

  /** True when it was not in the set. */
  add(id: number): boolean {
    const key = Math.floor(id / LEAF);
    let leaf = this.#leaves.get(key);
    if (!leaf) this.#leaves.set(key, (leaf = new Uint8Array(LEAF / 8)));
    const at = id % LEAF;
    const before = leaf[at >>> 3] ?? 0;
    const after = before | (1 << (at & 7));
    leaf[at >>> 3] = after;
    return before !== after;
  }

  has(id: number): boolean {
    const at = id % LEAF;
    return (((this.#leaves.get(Math.floor(id / LEAF))?.[at >>> 3] ?? 0) >>> (at & 7)) & 1) === 1;
  }
}

/** Which places of one pack are in use: pages of a log, blocks of an adopted file. */
export class PackUse {
  readonly unit: number;
  readonly #used = new IdSet();
  #any = false;

  constructor(record: PackRecord) {
    this.unit = record.state === 'log' ? PAGE : BLOCK;
  }

  add(offset: number, length: number): void {
    this.#any = true;
    for (let at = Math.floor(offset / this.unit); at * this.unit < offset + length; at++) this.#used.add(at);
  }

  get any(): boolean {
    return this.#any;
  }

  /** Is the unit that begins at `offset` in use? */
  has(offset: number): boolean {
    return this.#used.has(offset / this.unit);
  }
}
