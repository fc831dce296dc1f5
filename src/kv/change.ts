/** What a transaction does to one key, and the rule every key keeps. */
import { FsError } from '../base/errors.ts';
import type { Key } from './types.ts';

/** A new value, or null where the key is deleted (a deletion must hide what older layers hold). */
export type Change = readonly [key: Key, value: Uint8Array | null];

/** The changes of one transaction: the last of each key. */
export type Changes = ReadonlyMap<Key, Uint8Array | null>;

const longest = 1024;

/** Throws EINVAL unless the key has 1 to 1,024 bytes. */
export function checkKey(key: Key): void {
  if (key.length === 0 || key.length > longest) {
    throw new FsError('EINVAL', `a key has 1 to ${longest} bytes, this one has ${key.length}`);
  }
}
