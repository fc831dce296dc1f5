/** The contract of the metadata plug: ordered bytes with serialisable transactions. */
import type { Awaitable } from '../base/awaitable.ts';

/** Key bytes, one char (0..255) a byte: compared as bytes, at most 1,024 of them. */
export type Key = string;

/** Keys `>= from` and `< to`, ascending (descending with `reverse`), at most `limit` of them. */
export interface Range {
  readonly from: Key;
  readonly to: Key;
  readonly limit: number;
  readonly reverse?: boolean;
}

export type Entry = readonly [key: Key, value: Uint8Array];

export interface KvReader {
  /** The value, or undefined where there is none. The bytes are shared: never write into them. */
  get(key: Key): Awaitable<Uint8Array | undefined>;
  /** Entries of a range as of one moment. Page by `limit`: the next page starts at the last key + '\0'. */
  scan(range: Range): Awaitable<readonly Entry[]>;
}

/** Reads see the transaction's own writes. */
export interface KvTransaction extends KvReader {
  /** The bytes are kept, not copied: never write into them afterwards. */
  put(key: Key, value: Uint8Array): void;
  delete(key: Key): void;
}

export interface KvStore extends KvReader, AsyncDisposable {
  /**
   * Runs `fn` and applies what it wrote as one unit: all or nothing, serialisable. `fn` may run more than once (a
   * conflict in a shared engine), so it must not change anything else; when it throws, nothing is applied and the error passes on.
   * When the promise resolves the change is seen by every reader and survives kill -9 of this process.
   */
  write<T>(fn: (tx: KvTransaction) => Awaitable<T>): Promise<T>;
  /** When it resolves, everything written before survives a power cut. */
  sync(): Promise<void>;
  /** Bytes held in memory, counts: shown by `nexus status`. */
  stats(): Readonly<Record<string, number>>;
}
