/** What both forms of staging promise: the bytes of a file that is being changed, partly or wholly in a slot. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Slot } from '../cas/types.ts';

/** The size of the file is kept by whoever owns the staging; the slot's own size equals it at all times. */
export interface Staging {
  readonly kind: 'complete' | 'overlay';
  readonly slot: Slot;
  /** Bytes of the base that still show through, from the start of the file; 0 for a complete slot. */
  readonly baseLimit: number;
  /** Fills `into` from `offset` in a file of `size` bytes; the bytes read. */
  read(into: Uint8Array, offset: number, size: number): Awaitable<number>;
  /** Writes into a file of `size` bytes, extending it if need be; the bytes written. */
  write(data: Uint8Array, offset: number, size: number): Awaitable<number>;
  /** Bytes cut off are zero when the file grows again. */
  truncate(from: number, to: number): Awaitable<void>;
  /** The bytes `from` to `to` of a file of `size` bytes read as zero; its size stays. */
  zero(from: number, to: number, size: number): Awaitable<void>;
  /** Reserves room on the disk for `from` to `to` (fallocate(2), KEEP_SIZE). */
  reserve(from: number, to: number): void;
  /** SEEK_DATA, SEEK_HOLE in a file of `size` bytes, `offset` < `size`; -1 for no more data. */
  seek(offset: number, size: number, whence: 'data' | 'hole'): Awaitable<number>;
}

/** FALLOC_FL_KEEP_SIZE and FALLOC_FL_PUNCH_HOLE of fallocate(2). */
export const KEEP_SIZE = 1;
export const PUNCH_HOLE = 2;
export const ZERO_RANGE = 16;
