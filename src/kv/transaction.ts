/** The writes of one transaction, and reads that see them above what is stored. */
import type { Awaitable } from '../base/awaitable.ts';
import { type Change, type Changes, checkKey } from './change.ts';
import { precedes } from './merge.ts';
import type { Entry, Key, KvTransaction, Range } from './types.ts';

/** What is stored, read beneath the changes of a transaction. */
export interface Stored {
  get(key: Key): Awaitable<Uint8Array | undefined>;
  /** `own` are the transaction's changes inside the range, in scan order. */
  scan(range: Range, own: readonly Change[]): Awaitable<readonly Entry[]>;
}

export class Transaction implements KvTransaction {
  readonly #stored: Stored;
  readonly #changes = new Map<Key, Uint8Array | null>();
  #ended = false;

  constructor(stored: Stored) {
    this.#stored = stored;
  }

  get(key: Key): Awaitable<Uint8Array | undefined> {
    this.#check();
    const own = this.#changes.get(key);
    return own === undefined ? this.#stored.get(key) : (own ?? undefined);
  }

  scan(range: Range): Awaitable<readonly Entry[]> {
    this.#check();
    return this.#stored.scan(range, this.#own(range));
  }

  put(key: Key, value: Uint8Array): void {
    this.#check();
    checkKey(key);
    this.#changes.set(key, value);
  }

  delete(key: Key): void {
    this.#check();
    checkKey(key);
    this.#changes.set(key, null);
  }

  /** No more calls: a promise nobody waited for must not write into a transaction that is over. */
  end(): Changes {
    this.#ended = true;
    return this.#changes;
  }

  #own({ from, to, reverse = false }: Range): Change[] {
    const own: Change[] = [];
    for (const change of this.#changes) if (change[0] >= from && change[0] < to) own.push(change);
    return own.length < 2 ? own : own.sort((a, b) => (precedes(a[0], b[0], reverse) ? -1 : 1));
  }

  #check(): void {
    if (this.#ended) throw new Error('this transaction has ended: wait for every promise inside it');
  }
}
