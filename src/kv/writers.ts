/** One writer at a time, first come first served; a writer that needs not wait runs inside the call. */
import type { Awaitable } from '../base/awaitable.ts';
import type { FsError } from '../base/errors.ts';
import type { Changes } from './change.ts';
import { type Stored, Transaction } from './transaction.ts';
import type { KvTransaction } from './types.ts';

export interface WritersOptions {
  readonly stored: Stored;
  /** Makes the changes last and visible, at once; throws if it cannot, and then nothing has happened. */
  readonly commit: (changes: Changes) => void;
  /** Asked before a writer begins: a promise to wait for, or nothing. Its rejection is the writer's. */
  readonly admit?: () => Promise<void> | undefined;
}

export class Writers {
  readonly #options: WritersOptions;
  readonly #queue: (() => void)[] = [];
  #busy = false;
  #draining = false;
  #closed: FsError | undefined;

  constructor(options: WritersOptions) {
    this.#options = options;
  }

  write<T>(fn: (tx: KvTransaction) => Awaitable<T>): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (!this.#busy) return this.#begin(fn);
    return new Promise((resolve, reject) => {
      this.#queue.push(() => void this.#begin(fn).then(resolve, reject));
    });
  }

  /** Refuses new writers with this error; resolves when those that had come are done. */
  async close(error: FsError): Promise<void> {
    this.#closed = error;
    if (this.#busy) await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  #begin<T>(fn: (tx: KvTransaction) => Awaitable<T>): Promise<T> {
    this.#busy = true;
    try {
      const admitted = this.#options.admit?.();
      if (admitted !== undefined) return this.#finish(admitted.then(() => this.#attempt(fn)));
      const result = this.#attempt(fn);
      if (result instanceof Promise) return this.#finish(result);
      this.#release();
      return Promise.resolve(result);
    } catch (error) {
      this.#release();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what `fn` threw passes on as it is
      return Promise.reject(error);
    }
  }

  #attempt<T>(fn: (tx: KvTransaction) => Awaitable<T>): Awaitable<T> {
    const tx = new Transaction(this.#options.stored);
    let result: Awaitable<T>;
    try {
      result = fn(tx);
    } catch (error) {
      tx.end();
      throw error;
    }
    if (result instanceof Promise) return this.#settle(tx, result);
    this.#commit(tx);
    return result;
  }

  async #settle<T>(tx: Transaction, running: Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await running;
    } catch (error) {
      tx.end();
      throw error;
    }
    this.#commit(tx);
    return result;
  }

  #commit(tx: Transaction): void {
    const changes = tx.end();
    if (changes.size > 0) this.#options.commit(changes);
  }

  async #finish<T>(running: Promise<T>): Promise<T> {
    try {
      return await running;
    } finally {
      this.#release();
    }
  }

  #free(): boolean {
    return !this.#busy;
  }

  /** Starts those who wait, in a loop: each may be over before it returns, and there may be thousands. */
  #release(): void {
    this.#busy = false;
    if (this.#draining) return;
    this.#draining = true;
    while (this.#free()) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      next();
    }
    this.#draining = false;
  }
}
