/** The contract of content: what records say of the bytes of a file, how bytes are staged, and how they become content. */
import type { Awaitable } from '../base/awaitable.ts';
import type { KvTransaction } from '../kv/types.ts';

declare const brand: unique symbol;

/** A BLAKE3-256 hash: 32 bytes as a string of one char (0..255) a byte, so that it can be a part of a key. Made by `hash.ts` only. */
export type Hash = string & { readonly [brand]: 'Hash' };

/**
 * What inode and version records say of the bytes of a file. The size is not part of it: it stands beside it in the record, and
 * bytes between the end of the content and that size read as zero.
 */
export type Content =
  /** Zero bytes only, any number of them, none included. */
  | { readonly kind: 'zero' }
  /** At most BLOCK bytes under their hash. */
  | { readonly kind: 'block'; readonly hash: Hash }
  /** A table of segments of blocks; `id` is its record. */
  | { readonly kind: 'object'; readonly id: number };

/** A file for bytes that may still change. The descriptor is O_RDWR and belongs to the store: never close it. */
export interface Slot {
  /** The number of the file, the one it keeps when it is adopted. */
  readonly id: number;
  readonly fd: number;
}

/**
 * Content whose bytes are stored and whose index entries wait for the transaction that names it.
 * Exactly one of `done` and `drop` follows; until then no sweep takes what the draft needs.
 */
export interface Draft {
  readonly content: Content;
  /** Puts the index entries: call it inside the transaction that names the content. It may run more than once. */
  apply(tx: KvTransaction): Awaitable<void>;
  /** The transaction is committed. */
  done(): void;
  /** The transaction was given up. A slot that was drafted for adoption stays with the caller. */
  drop(): void;
}

export type ProblemKind =
  /** The bytes under a hash are not those the hash names. */
  | 'corrupt-block'
  /** A segment names a block that has no record. */
  | 'missing-block'
  /** A record names a file that is absent. */
  | 'missing-pack'
  /** A record names bytes past the end of its file. */
  | 'short-pack'
  /** An object names a segment that has no record. */
  | 'missing-segment'
  /** A content names an object that has no record. */
  | 'missing-object'
  /** A record that cannot be decoded. */
  | 'bad-record';

/** Something found by `verify` or `inspect`; `detail` is for the person who reads it. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly detail: string;
  readonly hash?: Hash;
}

/** How much of a long walk is done: blocks (or files) looked at so far, and bytes read for them. */
export interface Progress {
  readonly blocks: number;
  readonly bytes: number;
}
