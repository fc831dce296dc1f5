/** Values of the index as bytes: blocks, packs, objects. Decoders throw EIO for bytes that were not written by their encoder. */
import { FsError } from '../base/errors.ts';

/** Where a block lies in a pack. */
export interface Location {
  readonly pack: number;
  readonly offset: number;
  readonly length: number;
}

export interface PackRecord {
  /** A log is written block by block, an adopted file was a slot. */
  readonly state: 'log' | 'adopted';
  /** Size of an adopted file; 0 for logs, which grow. */
  readonly bytes: number;
}

export interface ObjectRecord {
  readonly size: number;
  /** Numbers of segments; 0 for one of zero bytes only. */
  readonly segments: readonly number[];
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function bad(what: string): FsError {
  return new FsError('EIO', `a record of ${what} is damaged; run \`nexus fsck\``);
}

/** A block record that holds the bytes themselves (copied). */
export function encodeInline(bytes: Uint8Array): Uint8Array {
  const record = Buffer.allocUnsafe(1 + bytes.length);
  record[0] = 0;
  record.set(bytes, 1);
  return record;
}

export function encodeLocation(location: Location): Uint8Array {
  const record = Buffer.allocUnsafe(15);
  record[0] = 1;
  record.writeUInt32BE(location.pack, 1);
  record.writeUIntBE(location.offset, 5, 6);
  record.writeUInt32BE(location.length, 11);
  return record;
}

/** The place of a block, or undefined when its record holds the bytes. */
export function decodeLocation(record: Uint8Array): Location | undefined {
  if (record[0] === 0) return undefined;
  if (record[0] !== 1 || record.length !== 15) throw bad('a block');
  const bytes = view(record);
  return { pack: bytes.readUInt32BE(1), offset: bytes.readUIntBE(5, 6), length: bytes.readUInt32BE(11) };
}

/** Bytes in the block a record is of. */
export function blockLength(record: Uint8Array): number {
  return decodeLocation(record)?.length ?? record.length - 1;
}

export function encodePack(pack: PackRecord): Uint8Array {
  const record = Buffer.allocUnsafe(7);
  record[0] = pack.state === 'log' ? 0 : 1;
  record.writeUIntBE(pack.bytes, 1, 6);
  return record;
}

export function decodePack(record: Uint8Array): PackRecord {
  if (record.length !== 7 || (record[0] ?? 2) > 1) throw bad('a pack');
  return { state: record[0] === 0 ? 'log' : 'adopted', bytes: view(record).readUIntBE(1, 6) };
}

export function encodeObject(object: ObjectRecord): Uint8Array {
  const record = Buffer.allocUnsafe(8 + object.segments.length * 6);
  record.writeDoubleBE(object.size, 0);
  object.segments.forEach((id, index) => record.writeUIntBE(id, 8 + index * 6, 6));
  return record;
}

export function decodeObject(record: Uint8Array): ObjectRecord {
  if (record.length < 8 || record.length % 6 !== 2) throw bad('an object');
  const bytes = view(record);
  const segments: number[] = [];
  for (let at = 8; at < bytes.length; at += 6) segments.push(bytes.readUIntBE(at, 6));
  return { size: bytes.readDoubleBE(0), segments };
}
