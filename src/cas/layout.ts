/** Sizes, and the keys of the index. Numbers in keys are big endian, so that they sort. */
import { readU32, readU48, u32, u48 } from '../kv/keys.ts';
import type { Key } from '../kv/types.ts';
import type { Hash } from './types.ts';

/** Content is cut into blocks of this many bytes; only the last one may be shorter. */
export const BLOCK = 256 * 1024;
/** Blocks up to this many bytes live in the index itself. */
export const INLINE = 16 * 1024;
/** Blocks a segment holds. */
export const FAN = 256;
/** Bytes a whole segment stands for. */
export const SEGMENT = FAN * BLOCK;
/** A log pack is closed before it grows past this. */
export const LOG_LIMIT = 64 * 1024 * 1024;
/** Where blocks start in log packs: what can be punched out is whole pages. */
export const PAGE = 4096;

/** Zero bytes to compare with and to copy from. Never written. */
export const zeros = Buffer.alloc(BLOCK);

export function isZero(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0 && bytes.length > 0) return false;
  for (let at = 0; at < bytes.length; at += BLOCK) {
    const part = bytes.subarray(at, at + BLOCK);
    if (Buffer.compare(part, zeros.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

/** A block's bytes or their place, by hash. */
export const blockKey = (hash: Hash): Key => `b${hash}`;
/** An object's size and segments. */
export const objectKey = (id: number): Key => `j${u48(id)}`;
/** A segment's blocks. */
export const segmentKey = (id: number): Key => `s${u48(id)}`;
/** Present while blocks of the segment wait to be hashed. */
export const queueKey = (id: number): Key => `q${u48(id)}`;
/** The hash of an object's whole bytes, once somebody asked. */
export const wholeKey = (id: number): Key => `h${u48(id)}`;
/** A file that is a pack. */
export const packKey = (id: number): Key => `p${u32(id)}`;
/** How far a kind of number is given out. */
export const counterKey = (kind: 'file' | 'object' | 'segment'): Key => `c${kind}`;
/** The log pack that was being written last. */
export const logKey: Key = 'clog';

/** The number in a key of one of the kinds above. */
export function idOfKey(key: Key): number {
  return key.length === 5 ? readU32(key, 1) : readU48(key, 1);
}
