/** A hash table from two numbers to one: it keeps the values only, and finds the two numbers of a value in columns elsewhere. */
import type { IntColumn } from './int-column.ts';

const empty = -1;
const removed = -2;

export class PairTable {
  readonly #first: IntColumn;
  readonly #second: IntColumn;
  /** Values, or `empty` or `removed`: values are not negative. */
  #slots = new Int32Array(64).fill(empty);
  #used = 0;
  #live = 0;

  /** What the columns hold at a value is what the value is found by; it may not change while the value is here. */
  constructor(first: IntColumn, second: IntColumn) {
    this.#first = first;
    this.#second = second;
  }

  /** The value, -1 if there is none. */
  get(first: number, second: number): number {
    const at = this.#find(first, second);
    return at < 0 ? -1 : (this.#slots[at] as number);
  }

  /** Adds a value that is not here, and whose columns are filled. */
  add(value: number): void {
    if ((this.#used + 1) * 3 > this.#slots.length * 2) this.#grow();
    this.#insert(value);
  }

  delete(first: number, second: number): void {
    const at = this.#find(first, second);
    if (at < 0) return;
    this.#slots[at] = removed;
    this.#live -= 1;
  }

  #find(first: number, second: number): number {
    const mask = this.#slots.length - 1;
    for (let at = hash(first, second) & mask; ; at = (at + 1) & mask) {
      const value = this.#slots[at] as number;
      if (value === empty) return -1;
      if (value >= 0 && this.#first.get(value) === first && this.#second.get(value) === second) return at;
    }
  }

  #insert(value: number): void {
    const mask = this.#slots.length - 1;
    let at = hash(this.#first.get(value), this.#second.get(value)) & mask;
    while ((this.#slots[at] as number) >= 0) at = (at + 1) & mask;
    if (this.#slots[at] === empty) this.#used += 1;
    this.#slots[at] = value;
    this.#live += 1;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(this.#live * 2 > old.length / 2 ? old.length * 2 : old.length).fill(empty);
    this.#used = 0;
    this.#live = 0;
    for (const value of old) if (value >= 0) this.#insert(value);
  }
}

function hash(first: number, second: number): number {
  let mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
