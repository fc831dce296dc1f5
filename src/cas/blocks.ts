/** Blocks by hash: found, verified as they are read, stored where they are new. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { KvReader } from '../kv/types.ts';
import type { Files } from './files.ts';
import { flow, wait, type Steps } from './flow.ts';
import { hashOfBytes, hashToHex } from './hash.ts';
import { BLOCK, blockKey, INLINE, PAGE } from './layout.ts';
import { Marks } from './marks.ts';
import type { PackLog } from './pack-log.ts';
import type { Packs } from './packs.ts';
import type { Protection } from './protection.ts';
import { decodeLocation, encodeInline, encodeLocation, type Location } from './records.ts';
import type { Raw } from './segment.ts';
import type { Hash } from './types.ts';

/** A block that is stored; what the index lacks yet is put by the draft. */
export interface StoredBlock {
  readonly hash: Hash;
  /** The record to put; undefined when the block was there already. */
  readonly record: Uint8Array | undefined;
  /** The log pack its bytes were appended to, 0 for none. */
  readonly pack: number;
}

/** Verified places remembered: numbers, so 8 bytes each and the table. */
const PLACES = 200_000;
const HASHES = 32_768;
/** Block-aligned places are counted by blocks, others (of log packs) by pages above this. */
const ALIGNED = 2 ** 21;

/** Does an inline record hold these bytes? */
function sameBytes(record: Uint8Array, bytes: Uint8Array): boolean {
  return Buffer.compare(record.subarray(1), bytes) === 0;
}

function placeMark(location: Location): number {
  const { pack, offset } = location;
  if (offset % BLOCK !== 0) return pack * 2 * ALIGNED + ALIGNED + offset / PAGE;
  // Past half a terabyte of one file: no mark, the block is verified at each read.
  return offset / BLOCK < ALIGNED ? pack * 2 * ALIGNED + offset / BLOCK : Number.NaN;
}

export class Blocks {
  readonly #kv: KvReader;
  readonly #files: Files;
  readonly #packs: Packs;
  readonly #log: PackLog;
  readonly #protection: Protection;
  readonly #places = new Marks<number>(PLACES);
  readonly #inline = new Marks<Hash>(HASHES);
  /** For whole blocks read synchronously; never kept over a turn of the loop. */
  readonly #scratch = Buffer.allocUnsafeSlow(BLOCK);
  readonly counts = { stored: 0, storedBytes: 0, known: 0, healed: 0, damaged: 0 };

  constructor(kv: KvReader, files: Files, packs: Packs, log: PackLog, protection: Protection) {
    this.#kv = kv;
    this.#files = files;
    this.#packs = packs;
    this.#log = log;
    this.#protection = protection;
  }

  /**
   * Stores the bytes of a hash (1 to BLOCK of them, not all zero) unless they are stored already. The caller holds the hash with a
   * draft while it waits for the answer, and puts the record.
   */
  store(hash: Hash, bytes: Uint8Array): Awaitable<StoredBlock> {
    this.#protection.holdHash(hash);
    if (!this.#protection.stays(hash)) return this.#storeNew(hash, bytes);
    const record = this.#kv.get(blockKey(hash));
    if (record instanceof Promise) return flow(this.#storeSlowly(hash, bytes, record));
    if (record === undefined) return this.#storeNew(hash, bytes);
    if (record[0] === 0 && sameBytes(record, bytes)) return this.#known(hash);
    return flow(this.#storeSlowly(hash, bytes, record));
  }

  *#storeSlowly(hash: Hash, bytes: Uint8Array, asked: Awaitable<Uint8Array | undefined>): Steps<StoredBlock> {
    const record = yield* wait(asked);
    // The sweep may have turned to this hash while the index was asked.
    if (!record || !this.#protection.stays(hash)) return this.#storeNew(hash, bytes);
    const location = decodeLocation(record);
    const sound = location ? yield* wait(this.holds(hash, location)) : sameBytes(record, bytes);
    if (sound) return this.#known(hash);
    // What is stored is damaged (a power cut before it was synced): the new copy takes its place.
    this.counts.healed++;
    return this.#storeNew(hash, bytes);
  }

  #known(hash: Hash): StoredBlock {
    this.counts.known++;
    return { hash, record: undefined, pack: 0 };
  }

  #storeNew(hash: Hash, bytes: Uint8Array): StoredBlock {
    this.counts.stored++;
    this.counts.storedBytes += bytes.length;
    if (bytes.length <= INLINE) return { hash, record: encodeInline(bytes), pack: 0 };
    const location = this.#log.append(bytes);
    return { hash, record: encodeLocation(location), pack: location.pack };
  }

  /** Are the bytes at this place those of the hash? Looked at once since start. */
  holds(hash: Hash, location: Location): Awaitable<boolean> {
    const mark = placeMark(location);
    if (this.#places.has(mark)) return true;
    return flow(this.#check(hash, location, mark));
  }

  *#check(hash: Hash, location: Location, mark: number): Steps<boolean> {
    const bytes = Buffer.allocUnsafe(location.length);
    let got: number;
    try {
      got = yield* wait(this.#packs.read(location.pack, bytes, 0, location.length, location.offset));
    } catch {
      return false;
    }
    if (got < location.length || hashOfBytes(bytes) !== hash) return false;
    if (!Number.isNaN(mark)) this.#places.add(mark);
    return true;
  }

  /** The record of a block; EIO when there is none. */
  *record(hash: Hash): Steps<Uint8Array> {
    const record = yield* wait(this.#kv.get(blockKey(hash)));
    if (record) return record;
    this.counts.damaged++;
    throw new FsError(
      'EIO',
      `block ${hashToHex(hash)} is missing from the index; run \`nexus fsck\` to see what is lost`,
    );
  }

  /** Copies up to `length` bytes of a block from `from` on into `into` at `at`; the number, fewer where the block ends. */
  *read(hash: Hash, from: number, into: Uint8Array, at: number, length: number): Steps<number> {
    const record = yield* this.record(hash);
    const location = decodeLocation(record);
    if (location) return yield* this.readLocated(hash, location, from, into, at, length);
    const bytes = record.subarray(1);
    if (!this.#inline.has(hash)) {
      if (hashOfBytes(bytes) !== hash) throw this.#damage(hash, 'in the index');
      this.#inline.add(hash);
    }
    const part = bytes.subarray(from, from + length);
    into.set(part, at);
    return part.length;
  }

  /** As `read`, of a block whose place is known. */
  *readLocated(
    hash: Hash,
    location: Location,
    from: number,
    into: Uint8Array,
    at: number,
    length: number,
  ): Steps<number> {
    const count = Math.max(0, Math.min(length, location.length - from));
    if (count === 0) return 0;
    const mark = placeMark(location);
    if (this.#places.has(mark)) {
      const got = yield* wait(this.#packs.read(location.pack, into, at, count, location.offset + from));
      if (got < count) throw this.#damage(hash, this.#where(location));
      return count;
    }
    if (count === location.length) {
      const got = yield* wait(this.#packs.read(location.pack, into, at, count, location.offset));
      this.#verify(hash, location, got, into.subarray(at, at + count));
      return count;
    }
    const bytes = yield* this.#whole(hash, location);
    into.set(bytes.subarray(from, from + count), at);
    return count;
  }

  /** All bytes of a block, verified; good until the next turn of the loop. */
  *#whole(hash: Hash, location: Location): Steps<Uint8Array> {
    const { pack, offset, length } = location;
    let bytes = this.#scratch.subarray(0, length);
    let got = this.#packs.readNow(pack, bytes, 0, length, offset);
    if (got < length) {
      // The scratch is everybody's: a read that waits gets a buffer of its own.
      bytes = Buffer.allocUnsafe(length);
      got = yield* wait(this.#packs.read(pack, bytes, 0, length, offset));
    }
    this.#verify(hash, location, got, bytes);
    return bytes;
  }

  /** As `read`, of bytes that have no hash yet: what was written to the slot is what there is. */
  *readRaw(raw: Raw, from: number, into: Uint8Array, at: number, length: number): Steps<number> {
    const size = yield* wait(this.#packs.sizeOf(raw.pack));
    const end = Math.min(raw.offset + BLOCK, size);
    const count = Math.max(0, Math.min(length, end - raw.offset - from));
    if (count === 0) return 0;
    const got = yield* wait(this.#packs.read(raw.pack, into, at, count, raw.offset + from));
    if (got < count) {
      this.counts.damaged++;
      throw new FsError(
        'EIO',
        `${this.#files.label(raw.pack)} is shorter than its record says: the bytes did not reach the disk before a power cut; go back to an earlier version of the file`,
      );
    }
    return count;
  }

  #verify(hash: Hash, location: Location, got: number, bytes: Uint8Array): void {
    if (got < location.length || hashOfBytes(bytes) !== hash) throw this.#damage(hash, this.#where(location));
    const mark = placeMark(location);
    if (!Number.isNaN(mark)) this.#places.add(mark);
  }

  #where(location: Location): string {
    return `in ${this.#files.label(location.pack)} at ${String(location.offset)}`;
  }

  #damage(hash: Hash, where: string): FsError {
    this.counts.damaged++;
    const detail = `block ${hashToHex(hash)} is damaged: its bytes ${where} are not what the hash says`;
    return new FsError('EIO', `${detail}; writing the same bytes again repairs it`);
  }
}
