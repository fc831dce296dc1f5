/**
 * Looks for what cannot be, and mends it. Reads without locking; whatever looks wrong is looked at again inside a transaction,
 * where nothing changes, and is left for another round if it was written since the round began.
 */
import { type Name, nameToText } from '../base/names.ts';
import { encodeU48 } from './bytes.ts';
import { checkInode } from './check-inode.ts';
import { checkLinkRecords } from './check-parents.ts';
import { decodeEntry } from './entry-codec.ts';
import { decodeInode, ownerNumber } from './inode-codec.ts';
import { NAME_AT, inodeCountKey, inodeKey, orphanKey, readId6 } from './keys.ts';
import { records } from './records.ts';
import type { Store } from './store.ts';
import { SPAN, type Suspect, Tally, hasType } from './tally.ts';
import type { Problem } from './types.ts';
import { isDirectory, update } from './update.ts';

/** An inode that is written in every one of so many rounds is in use, and left in peace. */
const ROUNDS = 5;

export async function* check(store: Store, repair: boolean): AsyncGenerator<Problem, void, undefined> {
  const { revision } = store.counts();
  yield* checkOrphans(store, repair);
  yield* checkXattrs(store, repair);
  let inodes = 0;
  for (let from = await nextInode(store, 0); from !== undefined; from = await nextInode(store, from + SPAN)) {
    inodes += yield* checkSpan(store, from, repair);
  }
  yield* checkLinkRecords(store, repair);
  // Whoever wrote meanwhile, a repair too, may have changed the count.
  if (revision === store.counts().revision) yield* checkCount(store, inodes, repair);
}

async function nextInode(store: Store, from: number): Promise<number | undefined> {
  const [first] = await store.kv.scan({ from: inodeKey(from), to: 'j', limit: 1 });
  return first === undefined ? undefined : readId6(first[0], 1);
}

/** Resolves to the number of inodes seen. */
async function* checkSpan(
  store: Store,
  from: number,
  repair: boolean,
): AsyncGenerator<Problem, number, undefined> {
  let seen = 0;
  let again: ReadonlySet<number> | undefined;
  for (let round = 0; round < ROUNDS && again?.size !== 0; round++) {
    const tally = new Tally(from);
    store.watches.add(tally);
    try {
      // Transactions that wrote before the watch began are over when this one is.
      await update(store, () => undefined);
      for await (const suspect of tally.count(store)) yield* checkEntry(store, suspect, repair);
      const changing = new Set<number>();
      for await (const [key, bytes] of records(store.kv, 'i', inodeKey(from))) {
        const ino = readId6(key, 1);
        if (!tally.has(ino)) break;
        if (round === 0) seen++;
        if (again?.has(ino) === false) continue;
        if (round === 0) yield* checkOwner(store, ino, bytes, repair);
        const inode = decodeInode(ino, bytes, store.subjects);
        const result = await checkInode(store, tally, inode, repair);
        if (result === 'changing') changing.add(ino);
        else yield* result;
      }
      again = changing;
    } finally {
      store.watches.delete(tally);
    }
  }
  return seen;
}

async function* checkEntry(store: Store, { key, entry }: Suspect, repair: boolean): AsyncGenerator<Problem> {
  const ino = readId6(key, 1);
  const what = `"${nameToText(key.slice(NAME_AT) as Name)}" in directory ${ino}`;
  const problem = await update(store, async (u): Promise<Problem | undefined> => {
    const now = await u.tx.get(key);
    if (now === undefined || decodeEntry(now).ino !== entry.ino) return undefined;
    const [parent, child] = [await u.inode(ino), await u.inode(entry.ino)];
    if (parent === undefined || !isDirectory(parent) || child === undefined) {
      if (repair) u.deleteEntry(key, entry);
      const why =
        child === undefined ? `inode ${entry.ino}, which is missing` : 'an inode, but lies in no directory';
      return { kind: 'dangling-entry', detail: `${what} names ${why}`, repaired: repair };
    }
    if (hasType(child, entry)) return undefined;
    if (repair) u.putEntry(key, child.ino, child.mode);
    return {
      kind: 'entry-type',
      detail: `${what} has another type than inode ${child.ino}`,
      repaired: repair,
    };
  });
  if (problem !== undefined) yield problem;
}

async function* checkOwner(
  store: Store,
  ino: number,
  bytes: Uint8Array,
  repair: boolean,
): AsyncGenerator<Problem> {
  const number = ownerNumber(bytes);
  if (store.subjects.has(number)) return;
  if (repair) {
    await update(store, async (u) => {
      const inode = await u.inode(ino);
      if (inode !== undefined) u.put(inode, { ...inode });
    });
  }
  const detail = `inode ${ino} belongs to subject number ${number}, whose name is not recorded`;
  yield { kind: 'owner', detail, repaired: repair };
}

async function* checkOrphans(store: Store, repair: boolean): AsyncGenerator<Problem> {
  for await (const [key] of records(store.kv, 'o')) {
    const ino = readId6(key, 1);
    if ((await store.inode(ino))?.nlink === 0) continue;
    const wrong = await update(store, async (u) => {
      const inode = await u.inode(ino);
      if (inode?.nlink === 0 || (await u.tx.get(orphanKey(ino))) === undefined) return false;
      if (repair) u.tx.delete(orphanKey(ino));
      return true;
    });
    const detail = `inode ${ino} is kept as an orphan, but is missing or has a name`;
    if (wrong) yield { kind: 'orphan', detail, repaired: repair };
  }
}

async function* checkXattrs(store: Store, repair: boolean): AsyncGenerator<Problem> {
  for await (const [key] of records(store.kv, 'a')) {
    const ino = readId6(key, 1);
    if ((await store.inode(ino))?.xattrs === true) continue;
    const wrong = await update(store, async (u) => {
      const inode = await u.inode(ino);
      if (inode?.xattrs === true || (await u.tx.get(key)) === undefined) return false;
      if (repair && inode === undefined) u.tx.delete(key);
      if (repair && inode !== undefined) u.put(inode, { ...inode, xattrs: true });
      return true;
    });
    const detail = `inode ${ino} does not know of its extended attributes, or is missing`;
    if (wrong) yield { kind: 'xattr', detail, repaired: repair };
  }
}

async function* checkCount(store: Store, inodes: number, repair: boolean): AsyncGenerator<Problem> {
  const counted = store.inodes;
  if (counted === inodes) return;
  if (repair) {
    await update(store, (u) => {
      store.inodes += inodes - counted;
      u.tx.put(inodeCountKey, encodeU48(store.inodes));
    });
  }
  yield { kind: 'count', detail: `${inodes} inodes exist, ${counted} were counted`, repaired: repair };
}
