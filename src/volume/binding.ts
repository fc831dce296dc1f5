/** The records of bound slots: 'w' + slot number (6 bytes) -> what the slot holds. */
import { FsError } from '../base/errors.ts';
import type { Key, KvReader } from '../kv/types.ts';
import type { Binding, Mark } from './types.ts';

const OVERLAY = 1;
const DURABLE = 2;
const CHANGED = 4;
const MARK = 8;
const BYTES = 16;

const HEAD = 1 + 6 + 8;
const MARK_LENGTH = 8 + 8 + 4;

export function bindingKey(slot: number): Key {
  const high = Math.floor(slot / 0x1_0000_0000);
  const low = slot >>> 0;
  return `w${String.fromCharCode(high >>> 8, high & 255, low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255)}`;
}

export function encodeBinding(binding: Binding): Uint8Array {
  const { mark, bytes } = binding;
  const markLength = mark === undefined ? 0 : MARK_LENGTH;
  const record = Buffer.allocUnsafe(HEAD + markLength + (bytes?.length ?? 0));
  record[0] =
    (binding.kind === 'overlay' ? OVERLAY : 0) |
    (binding.durable ? DURABLE : 0) |
    (binding.changed ? CHANGED : 0) |
    (mark === undefined ? 0 : MARK) |
    (bytes === undefined ? 0 : BYTES);
  record.writeUIntBE(binding.ino, 1, 6);
  record.writeDoubleBE(binding.baseLimit, 7);
  if (mark !== undefined) {
    record.writeDoubleBE(mark.size, HEAD);
    record.writeDoubleBE(mark.mtime.sec, HEAD + 8);
    record.writeUInt32BE(mark.mtime.nsec, HEAD + 16);
  }
  if (bytes !== undefined) record.set(bytes, HEAD + markLength);
  return record;
}

export function decodeBinding(value: Uint8Array): Binding {
  const record = Buffer.from(value.buffer, value.byteOffset, value.length);
  const flags = record[0] ?? 0;
  const markLength = (flags & MARK) === 0 ? 0 : MARK_LENGTH;
  if (record.length < HEAD + markLength) {
    throw new FsError('EIO', `the record of a bound slot is damaged (${String(record.length)} bytes)`);
  }
  return {
    kind: (flags & OVERLAY) === 0 ? 'complete' : 'overlay',
    durable: (flags & DURABLE) !== 0,
    changed: (flags & CHANGED) !== 0,
    ino: record.readUIntBE(1, 6),
    baseLimit: record.readDoubleBE(7),
    mark: markLength === 0 ? undefined : decodeMark(record),
    bytes: (flags & BYTES) === 0 ? undefined : record.subarray(HEAD + markLength),
  };
}

function decodeMark(record: Buffer): Mark {
  const mtime = { sec: record.readDoubleBE(HEAD + 8), nsec: record.readUInt32BE(HEAD + 16) };
  return { size: record.readDoubleBE(HEAD), mtime };
}

/** All bound slots, in pages of a thousand. */
export async function* bindings(kv: KvReader): AsyncIterable<{ slot: number; binding: Binding }> {
  let from = 'w';
  for (;;) {
    const page = await kv.scan({ from, to: 'x', limit: 1000 });
    for (const [key, value] of page) {
      yield { slot: Buffer.from(key, 'latin1').readUIntBE(1, 6), binding: decodeBinding(value) };
    }
    const last = page.at(-1);
    if (last === undefined || page.length < 1000) return;
    from = `${last[0]}\0`;
  }
}
