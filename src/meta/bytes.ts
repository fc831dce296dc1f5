/** What the record codecs share: 48-bit numbers and points in time in big-endian bytes. */
import type { Time } from '../base/time.ts';

export const EMPTY = new Uint8Array(0);

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function readU48(view: DataView, at: number): number {
  return view.getUint16(at) * 0x100000000 + view.getUint32(at + 2);
}

/** A record of one number. */
export function encodeU48(n: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUIntBE(n, 0, 6);
  return bytes;
}

export function decodeU48(bytes: Uint8Array): number {
  return readU48(viewOf(bytes), 0);
}

/** Bytes of a point in time: seconds as a double (exact far beyond what any file system stamps), nanoseconds. */
export const TIME_BYTES = 12;

export function writeTime(into: Buffer, time: Time, at: number): void {
  into.writeDoubleBE(time.sec, at);
  into.writeUInt32BE(time.nsec, at + 8);
}

export function readTime(view: DataView, at: number): Time {
  return { sec: view.getFloat64(at), nsec: view.getUint32(at + 8) };
}

/** A copy of what follows `at`: a view would keep the whole buffer it looks into alive. */
export function copyFrom(bytes: Uint8Array, at: number): Uint8Array {
  const length = bytes.length - at;
  if (length <= 0) return EMPTY;
  const copy = new Uint8Array(length);
  if (length > 128) copy.set(bytes.subarray(at));
  else for (let i = 0; i < length; i++) copy[i] = bytes[at + i] ?? 0;
  return copy;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
