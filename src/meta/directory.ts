/** Reading directories: one name, and pages of names in hash order. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import type { Entry as KvEntry, Key } from '../kv/types.ts';
import { andThen } from './and-then.ts';
import { decodeEntry } from './entry-codec.ts';
import { HASH_AT, NAME_AT, id6, readId6 } from './keys.ts';
import type { Store } from './store.ts';
import type { Inode, Listed } from './types.ts';
import { isDirectory, nameOf } from './update.ts';

/** Cookie 0 and 1 are before the first hash, hash + 2 is after it. */
const FIRST_COOKIE = 1;
const COOKIE_OF_HASH = 2;

export function lookup(store: Store, parent: number, name: Name): Awaitable<Inode> {
  return andThen(store.kv.get(store.entryKey(parent, name)), (bytes) => {
    if (bytes === undefined) return missing(store, parent, name);
    return andThen(store.inode(decodeEntry(bytes).ino), (inode) => inode ?? missing(store, parent, name));
  });
}

/** An entry lies in directories only: that its parent is one needs a look only where there is none. */
function missing(store: Store, parent: number, name: Name): Awaitable<never> {
  return andThen(store.inode(parent), (directory) => {
    if (directory !== undefined && !isDirectory(directory)) {
      throw new FsError('ENOTDIR', `inode ${parent} is no directory`);
    }
    throw new FsError('ENOENT', `there is no ${nameOf({ parent, name })}`);
  });
}

export async function list(
  store: Store,
  parent: number,
  after: number,
  limit: number,
): Promise<readonly Listed[]> {
  const directory = await store.need(parent);
  if (!isDirectory(directory))
    throw new FsError('ENOTDIR', `inode ${parent} is no directory and cannot be listed`);
  const found: Found[] = [];
  const { rows } = await entryPage(store, 'e', parent, after, limit);
  for (const [key, bytes] of rows) {
    const read = store.inode(decodeEntry(bytes).ino);
    const inode = read instanceof Promise ? await read : read;
    // Removed since the page was read, or dangling: either way there is nothing to show.
    if (inode !== undefined) found.push({ key, inode });
  }
  return withCookies(found, after);
}

/** An entry's key and inode. */
export interface Found {
  readonly key: Key;
  readonly inode: Inode;
}

/** Sorted entries with the cookies that `Namespace.list` promises. */
export function withCookies(found: readonly Found[], after: number): Listed[] {
  let before = Math.max(after, FIRST_COOKIE);
  return found.map(({ key, inode }, index) => {
    const name = key.slice(NAME_AT) as Name;
    const hash = hashOf(key);
    const next = found[index + 1];
    if (next === undefined || hashOf(next.key) !== hash) before = cookieOf(hash);
    return { name, inode, cookie: before };
  });
}

export interface EntryPage {
  readonly rows: readonly KvEntry[];
  /** The last hash in `rows`, where there are entries after it. */
  readonly goesOnAfter: string | undefined;
}

/**
 * Entries (`e`) or ended entries (`E`) of a directory after a cookie: whole groups of one hash, about `limit` entries
 * but at least one group where there is one.
 */
export async function entryPage(
  store: Store,
  table: 'e' | 'E',
  parent: number,
  after: number,
  limit: number,
): Promise<EntryPage> {
  const from = table + id6(parent) + id6(Math.max(0, after - FIRST_COOKIE));
  const to = table + id6(parent + 1);
  // One more than asked shows whether the last group is whole.
  for (let want = limit + 1; ; want *= 2) {
    const rows = await store.kv.scan({ from, to, limit: want });
    const last = rows.at(-1);
    if (last === undefined || rows.length < want) return { rows, goesOnAfter: undefined };
    const cut = hashOf(last[0]);
    let whole = rows.length - 1;
    while (whole > 0 && hashOf(rows[whole - 1]?.[0] ?? '') === cut) whole--;
    if (whole > 0) return { rows: rows.slice(0, whole), goesOnAfter: hashOf(rows[whole - 1]?.[0] ?? '') };
  }
}

/** The six hash bytes of an entry's key; their order is the order of hashes. */
export function hashOf(key: Key): string {
  return key.slice(HASH_AT, NAME_AT);
}

export function cookieOf(hash: string): number {
  return readId6(hash, 0) + COOKIE_OF_HASH;
}
