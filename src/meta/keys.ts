/**
 * The namespace's keys. Lower case is the present, upper case the past (the same key + the revision at which it ended):
 *
 *     i ino:6                        inode           I ino:6 ended:6
 *     e parent:6 hash:6 name         entry           E parent:6 hash:6 name \0 ended:6
 *     a ino:6 name                   xattr           A ino:6 name \0 ended:6
 *     v ino:6 number:4               version         (never ends)
 *     o ino:6                        orphan          (nothing to remember)
 *     l ino:6 parent:6               link            (not remembered)
 *     t second:6                     the first revision of a second in which there was one
 *     m name                         the format and the counters
 *     ms number:4                    subject         (never ends)
 *
 * Numbers are big-endian, so that the order of keys is the order of numbers. Names hold no NUL, so that one name's past
 * ends before the next name begins.
 */
import type { Name } from '../base/names.ts';
import type { Key } from '../kv/types.ts';

/** Six bytes of a safe integer below 2**48. */
export function id6(n: number): string {
  const low = n % 0x1000000;
  const high = (n - low) / 0x1000000;
  return String.fromCharCode(
    high >>> 16,
    (high >>> 8) & 255,
    high & 255,
    low >>> 16,
    (low >>> 8) & 255,
    low & 255,
  );
}

/** The number six bytes of a key hold. */
export function readId6(key: Key, at: number): number {
  const high = (key.charCodeAt(at) << 16) | (key.charCodeAt(at + 1) << 8) | key.charCodeAt(at + 2);
  const low = (key.charCodeAt(at + 3) << 16) | (key.charCodeAt(at + 4) << 8) | key.charCodeAt(at + 5);
  return high * 0x1000000 + low;
}

export const formatKey = 'mformat';
export const nextInoKey = 'mino';
export const nextRevisionKey = 'mrevision';
export const inodeCountKey = 'mcount';

export const inodeKey = (ino: number): Key => 'i' + id6(ino);
export const pastInodeKey = (ino: number, ended: number): Key => 'I' + id6(ino) + id6(ended);
export const orphanKey = (ino: number): Key => 'o' + id6(ino);
export const linkKey = (ino: number, parent: number): Key => 'l' + id6(ino) + id6(parent);
export const linkParent = (key: Key): number => readId6(key, 7);
export const secondKey = (second: number): Key => 't' + id6(second);

/** `hash` is the six bytes of `nameHash`. */
export const entryKey = (parent: number, hash: string, name: Name): Key => 'e' + id6(parent) + hash + name;
/** The past of an entry or an xattr whose present key is given. */
export const pastKey = (present: Key, ended: number): Key => pastPrefix(present) + id6(ended);
export const pastPrefix = (present: Key): Key => present.charAt(0).toUpperCase() + present.slice(1) + '\0';
/** Past the last key of `pastPrefix`. */
export const pastEnd = (present: Key): Key => present.charAt(0).toUpperCase() + present.slice(1) + '\x01';

/** Where the hash and the name of an entry key begin. */
export const HASH_AT = 7;
export const NAME_AT = 13;
/** Where the name of an xattr key begins. */
export const XATTR_NAME_AT = 7;

export const xattrKey = (ino: number, name: Name): Key => 'a' + id6(ino) + name;

export const versionKey = (ino: number, number: number): Key => 'v' + id6(ino) + id4(number);
/** The number in a version key. */
export const readVersionNumber = (key: Key): number => readId4(key, 7);

export const subjectPrefix = 'ms';
export const subjectKey = (number: number): Key => subjectPrefix + id4(number);
/** The number in a subject's key. */
export const readSubjectNumber = (key: Key): number => readId4(key, subjectPrefix.length);

function id4(n: number): string {
  return String.fromCharCode(n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255);
}

function readId4(key: Key, at: number): number {
  return (
    key.charCodeAt(at) * 0x1000000 +
    ((key.charCodeAt(at + 1) << 16) | (key.charCodeAt(at + 2) << 8) | key.charCodeAt(at + 3))
  );
}
