/** The store without a disk: for tests and for what need not outlive the process. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { Change, Changes } from './change.ts';
import { Memtable } from './memtable.ts';
import { cursorOf, merge } from './merge.ts';
import type { Entry, Key, KvStore, KvTransaction, Range } from './types.ts';
import { Writers } from './writers.ts';

export class MemoryKv implements KvStore {
  readonly #table = new Memtable();
  readonly #writers: Writers;
  #transactions = 0;
  #closed = false;

  constructor() {
    this.#writers = new Writers({
      stored: { get: (key) => this.get(key), scan: (range, own) => this.#scan(range, own) },
      commit: (changes) => this.#commit(changes),
    });
  }

  get(key: Key): Uint8Array | undefined {
    this.#check();
    return this.#table.get(key) ?? undefined;
  }

  scan(range: Range): readonly Entry[] {
    return this.#scan(range, []);
  }

  write<T>(fn: (tx: KvTransaction) => Awaitable<T>): Promise<T> {
    return this.#writers.write(fn);
  }

  async sync(): Promise<void> {
    this.#check();
  }

  stats(): Readonly<Record<string, number>> {
    return {
      memtableBytes: this.#table.bytes,
      memtableEntries: this.#table.entries,
      transactions: this.#transactions,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writers.close(closed());
    this.#closed = true;
  }

  #scan({ from, to, limit, reverse = false }: Range, own: readonly Change[]): readonly Entry[] {
    this.#check();
    if (from >= to) return [];
    const layers = [cursorOf(own), this.#table.cursor(from, to, reverse)];
    return merge(layers, { limit, reverse, keepDeleted: false }) as Entry[];
  }

  #commit(changes: Changes): void {
    this.#transactions++;
    for (const [key, value] of changes) {
      this.#table.remove(key);
      if (value !== null) this.#table.set(key, value);
    }
  }

  #check(): void {
    if (this.#closed) throw closed();
  }
}

const closed = (): FsError => new FsError('EBADF', 'this store has been closed');
