/**
 * The journal's format. A record is one transaction:
 * length u32 of the payload, CRC-32 u32 of all that follows, salt u32, boot u32, durable f64, payload;
 * the payload is a run of: key length u16, value length u32 (all ones: the key is deleted), key, value. Little endian.
 *
 * The salt is the file's own, so that nothing a user stored and nothing an older file left on the disk passes for a
 * record. `boot` names the boot of the machine it was written in, `durable` how far the journal was known to be on
 * the disk by then: together they tell a power cut, which may tear what was not yet synced, from damage.
 */
import { crc32 } from 'node:zlib';
import type { Changes } from './change.ts';
import type { Key } from './types.ts';

const header = 24;
const deleted = 0xffff_ffff;
const smallest = 64 * 1024;
/** An encode buffer that one large transaction made grow beyond this is let go after it. */
const largest = 1024 * 1024;

export interface RecordMarks {
  readonly salt: number;
  readonly boot: number;
  readonly durable: number;
}

/** Encodes into one buffer that is used again for the next record. */
export class RecordEncoder {
  #bytes = Buffer.allocUnsafe(smallest);
  #view = viewOf(this.#bytes);

  /** The record, in `bytes[0, length)` until the next call. */
  encode(changes: Changes, marks: RecordMarks): { bytes: Buffer; length: number } {
    let length = header;
    for (const [key, value] of changes) length += 6 + key.length + (value === null ? 0 : value.length);
    this.#reserve(length);
    const bytes = this.#bytes;
    const view = this.#view;
    let at = header;
    for (const [key, value] of changes) {
      view.setUint16(at, key.length, true);
      view.setUint32(at + 2, value === null ? deleted : value.length, true);
      at += 6;
      bytes.write(key, at, 'latin1');
      at += key.length;
      if (value === null) continue;
      bytes.set(value, at);
      at += value.length;
    }
    view.setUint32(0, length - header, true);
    view.setUint32(8, marks.salt, true);
    view.setUint32(12, marks.boot, true);
    view.setFloat64(16, marks.durable, true);
    view.setUint32(4, crc32(bytes.subarray(8, length)), true);
    return { bytes, length };
  }

  #reserve(length: number): void {
    const size = this.#bytes.length;
    if (length <= size && (size <= largest || length > largest)) return;
    this.#bytes = Buffer.allocUnsafe(Math.max(smallest, 2 ** Math.ceil(Math.log2(length))));
    this.#view = viewOf(this.#bytes);
  }
}

export interface FoundRecord {
  readonly start: number;
  readonly end: number;
  readonly boot: number;
  readonly durable: number;
}

/** The whole, undamaged record that begins at this place; undefined if there is none. */
export function recordAt(bytes: Buffer, start: number, salt: number): FoundRecord | undefined {
  if (start + header > bytes.length) return undefined;
  const end = start + header + bytes.readUInt32LE(start);
  if (end > bytes.length || bytes.readUInt32LE(start + 8) !== salt) return undefined;
  if (crc32(bytes.subarray(start + 8, end)) !== bytes.readUInt32LE(start + 4)) return undefined;
  return { start, end, boot: bytes.readUInt32LE(start + 12), durable: bytes.readDoubleLE(start + 16) };
}

/** Calls `put` for each change of a record. The values are views of `bytes`. */
export function readChanges(
  bytes: Buffer,
  record: FoundRecord,
  put: (key: Key, value: Uint8Array | null) => void,
): void {
  let at = record.start + header;
  while (at < record.end) {
    const keyEnd = at + 6 + bytes.readUInt16LE(at);
    const length = bytes.readUInt32LE(at + 2);
    const key = bytes.toString('latin1', at + 6, keyEnd);
    at = length === deleted ? keyEnd : keyEnd + length;
    put(key, length === deleted ? null : new Uint8Array(bytes.buffer, bytes.byteOffset + keyEnd, length));
  }
}

/** Every undamaged record from `start` on, wherever it begins. */
export function* recordsAfter(bytes: Buffer, start: number, salt: number): Generator<FoundRecord> {
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(salt);
  let hit = bytes.indexOf(mark, start + 8);
  while (hit >= 0) {
    const record = recordAt(bytes, hit - 8, salt);
    if (record !== undefined) yield record;
    hit = bytes.indexOf(mark, record === undefined ? hit + 1 : record.end + 8);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
