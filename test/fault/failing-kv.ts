/** A store that fails once, at the n-th call: run a piece of work with n = 1, 2, … until a run passes. */
import type { Awaitable } from '../../src/base/awaitable.ts';
import { FsError } from '../../src/base/errors.ts';
import type { Entry, Key, KvStore, KvTransaction, Range } from '../../src/kv/types.ts';

export class FailingKv implements KvStore {
  readonly #inner: KvStore;
  readonly #failAt: number;
  #calls = 0;
  #failed = false;

  /** `failAt` counts from 1; Infinity never fails. Counted are get and scan, inside transactions too, commit and sync. */
  constructor(inner: KvStore, failAt: number) {
    this.#inner = inner;
    this.#failAt = failAt;
  }

  get calls(): number {
    return this.#calls;
  }

  /** Has the failure happened? A run without it is the last one needed. */
  get failed(): boolean {
    return this.#failed;
  }

  get(key: Key): Awaitable<Uint8Array | undefined> {
    this.#count('get');
    return this.#inner.get(key);
  }

  scan(range: Range): Awaitable<readonly Entry[]> {
    this.#count('scan');
    return this.#inner.scan(range);
  }

  /** Fails, when its turn has come, as a full disk does: at the commit, with nothing applied. */
  write<T>(fn: (tx: KvTransaction) => Awaitable<T>): Promise<T> {
    return this.#inner.write((tx) => {
      const result = fn(this.#counted(tx));
      if (!(result instanceof Promise)) {
        this.#count('commit');
        return result;
      }
      return result.then((value) => {
        this.#count('commit');
        return value;
      });
    });
  }

  async sync(): Promise<void> {
    this.#count('sync');
    await this.#inner.sync();
  }

  stats(): Readonly<Record<string, number>> {
    return this.#inner.stats();
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#inner[Symbol.asyncDispose]();
  }

  #counted(tx: KvTransaction): KvTransaction {
    return {
      get: (key) => {
        this.#count('get in a transaction');
        return tx.get(key);
      },
      scan: (range) => {
        this.#count('scan in a transaction');
        return tx.scan(range);
      },
      put: (key, value) => tx.put(key, value),
      delete: (key) => tx.delete(key),
    };
  }

  #count(what: string): void {
    if (++this.#calls !== this.#failAt) return;
    this.#failed = true;
    throw new FsError('EIO', `${what} failed on purpose at call ${this.#failAt}`);
  }
}
