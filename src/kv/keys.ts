/** Numbers inside keys: big endian, a char a byte, so that keys sort as the numbers do. */
import type { Key } from './types.ts';

/** Four bytes of a number below 2^32. */
export function u32(n: number): Key {
  return String.fromCharCode(n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255);
}

/** Six bytes of a number below 2^48. */
export function u48(n: number): Key {
  const high = Math.floor(n / 0x1_0000_0000);
  return String.fromCharCode(
    high >>> 8,
    high & 255,
    (n >>> 24) & 255,
    (n >>> 16) & 255,
    (n >>> 8) & 255,
    n & 255,
  );
}

/** The number `u32` wrote at this place of a key. */
export function readU32(key: Key, at = 0): number {
  return (
    key.charCodeAt(at) * 0x100_0000 +
    ((key.charCodeAt(at + 1) << 16) | (key.charCodeAt(at + 2) << 8) | key.charCodeAt(at + 3))
  );
}

/** The number `u48` wrote at this place of a key. */
export function readU48(key: Key, at = 0): number {
  return ((key.charCodeAt(at) << 8) | key.charCodeAt(at + 1)) * 0x1_0000_0000 + readU32(key, at + 2);
}

/** The least key above every key that begins with `prefix`: the `to` of a range over them all. */
export function afterPrefix(prefix: Key): Key {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const code = prefix.charCodeAt(last);
    if (code < 255) return prefix.slice(0, last) + String.fromCharCode(code + 1);
  }
  throw new RangeError('no key is above all keys that begin with these bytes');
}
