/** The tree as of a revision: the past is merged with what is still so. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Name } from '../base/names.ts';
import type { Time } from '../base/time.ts';
import type { Entry as KvEntry, Key } from '../kv/types.ts';
import { andThen } from './and-then.ts';
import { decodeU48 } from './bytes.ts';
import { type Found, cookieOf, entryPage, hashOf, withCookies } from './directory.ts';
import { decodeEntry } from './entry-codec.ts';
import { decodeInode } from './inode-codec.ts';
import { id6, pastEnd, pastInodeKey, pastPrefix, readId6, secondKey } from './keys.ts';
import type { Store } from './store.ts';
import type { Inode, Listed } from './types.ts';

/** Bytes of NUL and revision at the end of an ended entry's key. */
const PAST_SUFFIX = 7;
const PAGE_MAX = 4_096;
/** Past the last key of the index of seconds. */
const SECONDS_END = 'u';

/** The present is read first: what ends after that is found in the past. */
export function inodeAt(store: Store, ino: number, revision: number): Awaitable<Inode | undefined> {
  return andThen(store.inode(ino), (inode) => {
    if (inode !== undefined && inode.revision <= revision) return inode;
    const range = { from: pastInodeKey(ino, revision + 1), to: pastInodeKey(ino + 1, 0), limit: 1 };
    return andThen(store.kv.scan(range), ([first]) => {
      if (first === undefined) return undefined;
      const past = decodeInode(ino, first[1], store.subjects);
      return past.revision <= revision ? past : undefined;
    });
  });
}

export async function lookupAt(
  store: Store,
  parent: number,
  name: Name,
  revision: number,
): Promise<Inode | undefined> {
  const key = store.entryKey(parent, name);
  const present = await store.kv.get(key);
  const entry = present === undefined ? undefined : decodeEntry(present);
  if (entry !== undefined && entry.revision <= revision) return inodeAt(store, entry.ino, revision);
  const range = { from: pastPrefix(key) + id6(revision + 1), to: pastEnd(key), limit: 1 };
  const [first] = await store.kv.scan(range);
  if (first === undefined) return undefined;
  const past = decodeEntry(first[1]);
  return past.revision <= revision ? inodeAt(store, past.ino, revision) : undefined;
}

export async function listAt(
  store: Store,
  parent: number,
  revision: number,
  after: number,
  limit: number,
): Promise<readonly Listed[]> {
  for (let from = after, want = limit; ; want = Math.min(want * 2, PAGE_MAX)) {
    const present = await entryPage(store, 'e', parent, from, want);
    const past = await entryPage(store, 'E', parent, from, want);
    const end = earlier(present.goesOnAfter, past.goesOnAfter);
    const found = await visible(store, revision, [...present.rows, ...past.rows], end);
    if (found.length > 0 || end === undefined) return withCookies(found, from);
    from = cookieOf(end);
  }
}

/** Both tables are known up to the hash at which the first of them was cut. */
function earlier(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** Those entries that were there as of a revision, in hash order. */
async function visible(
  store: Store,
  revision: number,
  rows: readonly KvEntry[],
  end: string | undefined,
): Promise<readonly Found[]> {
  // By key: an entry that ended between the two reads is in both.
  const found = new Map<Key, Found>();
  for (const [stored, bytes] of rows) {
    if (end !== undefined && hashOf(stored) > end) continue;
    const past = stored.startsWith('E');
    if (past && readId6(stored, stored.length - 6) <= revision) continue;
    const entry = decodeEntry(bytes);
    if (entry.revision > revision) continue;
    const key = 'e' + (past ? stored.slice(1, -PAST_SUFFIX) : stored.slice(1));
    const inode = await inodeAt(store, entry.ino, revision);
    if (inode !== undefined) found.set(key, { key, inode });
  }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

export function revisionAt(store: Store, time: Time): Awaitable<number> {
  const range = { from: secondKey(Math.max(0, time.sec + 1)), to: SECONDS_END, limit: 1 };
  return andThen(store.kv.scan(range), ([next]) =>
    next === undefined ? store.counts().revision : decodeU48(next[1]) - 1,
  );
}

/** Seconds and revisions grow together, so the second is found by halving. */
export async function secondOf(store: Store, revision: number): Promise<number | undefined> {
  let known: number | undefined;
  let low = 0;
  let high = store.second.sec;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const range = { from: secondKey(low), to: secondKey(middle + 1), limit: 1, reverse: true };
    const [at] = await store.kv.scan(range);
    if (at === undefined) {
      low = middle + 1;
    } else if (decodeU48(at[1]) <= revision) {
      known = readId6(at[0], 1);
      low = middle + 1;
    } else {
      high = readId6(at[0], 1) - 1;
    }
  }
  return known;
}
