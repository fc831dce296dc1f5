/** Numbers that are never given out twice: reserved in ranges, so that giving one out costs nothing. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { KvStore } from '../kv/types.ts';
import { counterKey } from './layout.ts';

const RANGE = 1024;

type Kind = Parameters<typeof counterKey>[0];

export class Counter {
  readonly #kv: KvStore;
  readonly #kind: Kind;
  #next = 0;
  #limit = 0;
  #topUp: Promise<void> | undefined;

  private constructor(kv: KvStore, kind: Kind) {
    this.#kv = kv;
    this.#kind = kind;
  }

  static async open(kv: KvStore, kind: Kind): Promise<Counter> {
    const counter = new Counter(kv, kind);
    const [from, to] = await counter.#reserve(2 * RANGE);
    counter.#next = from;
    counter.#limit = to;
    return counter;
  }

  /** The number that comes next: everything given out before this run, or so far, is below it. */
  get coming(): number {
    return this.#next;
  }

  /** One number, at once. */
  next(): number {
    if (this.#limit - this.#next <= RANGE) this.#refill();
    if (this.#next >= this.#limit) {
      throw new FsError(
        'EAGAIN',
        `numbers (${this.#kind}) are given out faster than the index can reserve them; try again`,
      );
    }
    return this.#next++;
  }

  /** The first of `count` consecutive numbers. */
  take(count: number): Awaitable<number> {
    if (this.#limit - this.#next >= count + RANGE) {
      this.#next += count;
      return this.#next - count;
    }
    return this.#reserve(count).then(([from]) => from);
  }

  async #reserve(count: number): Promise<[from: number, to: number]> {
    const key = counterKey(this.#kind);
    return this.#kv.write((tx) => {
      const give = (value: Uint8Array | undefined): [number, number] => {
        const from = value ? Buffer.from(value).readUIntBE(0, 6) : 1;
        const bytes = Buffer.alloc(6);
        bytes.writeUIntBE(from + count, 0, 6);
        tx.put(key, bytes);
        return [from, from + count];
      };
      const value = tx.get(key);
      return value instanceof Promise ? value.then(give) : give(value);
    });
  }

  #refill(): void {
    this.#topUp ??= this.#reserve(RANGE)
      .then(([from, to]) => {
        // A range taken by `take` may lie between: what is left of the old one is then given up.
        if (from !== this.#limit) this.#next = from;
        this.#limit = to;
      })
      .catch(() => undefined) // `next` says so when the numbers have run out.
      .finally(() => {
        this.#topUp = undefined;
      });
  }
}
