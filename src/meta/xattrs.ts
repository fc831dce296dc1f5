/** Extended attributes. Which namespaces there are is decided above; here every name is kept. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import { type Name, nameToText } from '../base/names.ts';
import type { XattrMode } from '../fs/types.ts';
import type { Entry, Key, KvReader } from '../kv/types.ts';
import { andThen } from './and-then.ts';
import { copyFrom, readU48, viewOf } from './bytes.ts';
import { XATTR_NAME_AT, id6, pastKey, xattrKey } from './keys.ts';
import type { Store } from './store.ts';
import type { Inode } from './types.ts';
import { type Update, update } from './update.ts';

/** Linux's limits (XATTR_NAME_MAX, XATTR_SIZE_MAX, XATTR_LIST_MAX). */
const NAME_MAX = 255;
const VALUE_MAX = 65_536;
const LIST_MAX = 65_536;
/** The value follows the revision at which it was set. */
const VALUE_AT = 6;

export function getxattr(store: Store, ino: number, name: Name): Awaitable<Uint8Array> {
  return andThen(store.need(ino), (inode) => {
    // The kernel asks for security.capability before every first write: the flag answers without a read.
    if (!inode.xattrs) throw noData(ino, name);
    return andThen(store.kv.get(xattrKey(ino, name)), (bytes) => {
      if (bytes === undefined) throw noData(ino, name);
      return copyFrom(bytes, VALUE_AT);
    });
  });
}

export function listxattr(store: Store, ino: number): Awaitable<readonly Name[]> {
  return andThen(store.need(ino), (inode) =>
    inode.xattrs ? andThen(scan(store.kv, ino, LIST_MAX), (page) => page.map(([key]) => nameIn(key))) : [],
  );
}

export async function setxattr(
  store: Store,
  ino: number,
  name: Name,
  value: Uint8Array,
  mode: XattrMode,
): Promise<Inode> {
  if (name.length === 0 || name.length > NAME_MAX) {
    throw new FsError('ERANGE', `an attribute's name has 1 to ${NAME_MAX} bytes`);
  }
  if (value.length > VALUE_MAX)
    throw new FsError('E2BIG', `an attribute's value has at most ${VALUE_MAX} bytes`);
  const key = xattrKey(ino, name);
  return update(store, async (u) => {
    const before = await u.need(ino);
    const old = before.xattrs ? await u.tx.get(key) : undefined;
    if (old !== undefined && mode === 'create') {
      throw new FsError('EEXIST', `inode ${ino} has the attribute ${nameToText(name)} already`);
    }
    if (old === undefined) {
      if (mode === 'replace') throw noData(ino, name);
      if (before.xattrs) await checkRoom(u, ino, name);
    }
    const inode = u.put(before, { ...before, ctime: u.now, xattrs: true });
    // What was set within this second is replaced as if it had never been.
    const began = old === undefined || endXattr(u, key, old) ? u.revision : beginOf(old);
    const bytes = Buffer.allocUnsafe(VALUE_AT + value.length);
    bytes.writeUIntBE(began, 0, VALUE_AT);
    bytes.set(value, VALUE_AT);
    u.tx.put(key, bytes);
    return inode;
  });
}

export async function removexattr(store: Store, ino: number, name: Name): Promise<Inode> {
  const key = xattrKey(ino, name);
  return update(store, async (u) => {
    const before = await u.need(ino);
    const old = before.xattrs ? await u.tx.get(key) : undefined;
    if (old === undefined) throw noData(ino, name);
    const others = (await scan(u.tx, ino, 2)).length > 1;
    endXattr(u, key, old);
    u.tx.delete(key);
    return u.put(before, { ...before, ctime: u.now, xattrs: others });
  });
}

/** The attributes of an inode that goes. */
export async function endXattrs(u: Update, ino: number): Promise<void> {
  for (const [key, value] of await scan(u.tx, ino, LIST_MAX)) {
    endXattr(u, key, value);
    u.tx.delete(key);
  }
}

/** Moves a value to the past; false where it began within this second and leaves no trace. */
function endXattr(u: Update, key: Key, value: Uint8Array): boolean {
  if (u.sameSecond(beginOf(value))) return false;
  u.tx.put(pastKey(key, u.revision), value);
  return true;
}

async function checkRoom(u: Update, ino: number, name: Name): Promise<void> {
  let length = name.length + 1;
  for (const [key] of await scan(u.tx, ino, LIST_MAX)) length += key.length - XATTR_NAME_AT + 1;
  if (length > LIST_MAX) {
    throw new FsError('ENOSPC', `the attribute names of inode ${ino} exceed ${LIST_MAX} bytes; remove some`);
  }
}

function scan(reader: KvReader, ino: number, limit: number): Awaitable<readonly Entry[]> {
  return reader.scan({ from: 'a' + id6(ino), to: 'a' + id6(ino + 1), limit });
}

const nameIn = (key: Key): Name => key.slice(XATTR_NAME_AT) as Name;
const beginOf = (value: Uint8Array): number => readU48(viewOf(value), 0);

function noData(ino: number, name: Name): FsError {
  return new FsError('ENODATA', `inode ${ino} has no attribute ${nameToText(name)}`);
}
