/** What permissions on an inode derive from: the directories it has names in, its kind, who made it. */
import type { Awaitable } from '../base/awaitable.ts';
import { type Lineage, root } from '../fs/types.ts';
import { andThen } from './and-then.ts';
import { EMPTY } from './bytes.ts';
import { subjectKey } from './keys.ts';
import { linksOf } from './links.ts';
import { LINK_MAX } from './make.ts';
import type { Store } from './store.ts';
import type { Inode } from './types.ts';
import { isDirectory } from './update.ts';

const NONE: readonly number[] = [];
/** Reads of an inode and its link records before they are believed to contradict each other. */
const TRIES = 4;

export function lineage(store: Store, ino: number, tries = TRIES): Awaitable<Lineage | undefined> {
  const cached = store.cache.get(ino);
  if (cached !== undefined) return lineageOf(store, cached, tries);
  return andThen(store.inode(ino), (inode) => {
    if (inode !== undefined) return lineageOf(store, inode, tries);
    const removed = store.removed.get(ino);
    return removed !== undefined && isDirectory(removed) ? from(removed, NONE) : undefined;
  });
}

function lineageOf(store: Store, inode: Inode, tries: number): Awaitable<Lineage | undefined> {
  if (inode.ino === root || inode.nlink === 0) return from(inode, NONE);
  if (inode.parent !== 0) return from(inode, [inode.parent]);
  const known = store.spread.get(inode);
  return known === undefined ? readParents(store, inode, tries) : from(inode, known);
}

function readParents(store: Store, inode: Inode, tries: number): Awaitable<Lineage | undefined> {
  const { ino } = inode;
  return andThen(linksOf(store.kv, ino, LINK_MAX), (links) => {
    // All its names came to be in one directory after it was read; or the records are damaged, and nobody inherits.
    if (links.length === 0) return tries > 1 ? lineage(store, ino, tries - 1) : from(inode, NONE);
    const parents = links.map(({ parent }) => parent);
    store.spread.set(inode, parents);
    return from(inode, parents);
  });
}

function from(inode: Inode, parents: readonly number[]): Lineage {
  return { parents, directory: isDirectory(inode), owner: inode.owner === '' ? undefined : inode.owner };
}

/** Makes all that a subject made nobody's. */
export async function disown({ cache, kv, subjects }: Store, subject: string): Promise<void> {
  const number = subjects.end(subject);
  cache.clear();
  if (number === undefined) return;
  await kv.write((tx) => {
    tx.put(subjectKey(number), EMPTY);
  });
  subjects.emptied(subject);
  // What was being changed meanwhile is remembered as it was read.
  cache.clear();
}
