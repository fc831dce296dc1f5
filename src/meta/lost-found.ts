/** Repairs of names: what no path leads to gets one, what has too many keeps one. */
import { nobody } from '../base/caller.ts';
import { type Name, nameFromText } from '../base/names.ts';
import { S_IFDIR, root } from '../fs/types.ts';
import type { Key } from '../kv/types.ts';
import { decodeEntry } from './entry-codec.ts';
import { id6, orphanKey, readId6 } from './keys.ts';
import { replaceLinks } from './links.ts';
import { addNode } from './make.ts';
import type { Inode } from './types.ts';
import { type Update, isDirectory, touch } from './update.ts';

const PAGE = 1_000;
/** Names the inode by its number in `lost+found`. */
export async function attach(u: Update, inode: Inode, subdirectories: number): Promise<Inode> {
  const parent = await lostFound(u);
  const key = await freeKey(u, parent.ino, `#${inode.ino}`);
  const directory = isDirectory(inode);
  u.tx.delete(orphanKey(inode.ino));
  await replaceLinks(u, inode.ino, []);
  u.putEntry(key, inode.ino, inode.mode);
  touch(u, parent, directory ? 1 : 0);
  return u.put(inode, {
    ...inode,
    nlink: directory ? 2 + subdirectories : 1,
    parent: parent.ino,
    nameless: false,
  });
}

/** Makes the directory on first use; readable by root only, as what is found there may have been protected by its path. */
async function lostFound(u: Update): Promise<Inode> {
  const key = u.store.entryKey(root, nameFromText('lost+found'));
  const entry = await u.entry(key);
  const there = entry === undefined ? undefined : await u.inode(entry.ino);
  if (there !== undefined && isDirectory(there)) return there;
  const free = entry === undefined ? key : await freeKey(u, root, 'lost+found');
  return addNode(u, nobody, free, await u.need(root), { mode: S_IFDIR | 0o700 });
}

async function freeKey(u: Update, parent: number, name: string): Promise<Key> {
  for (let n = 0; ; n++) {
    const key = u.store.entryKey(parent, nameFromText(n === 0 ? name : `${name}.${n}`) satisfies Name);
    if ((await u.tx.get(key)) === undefined) return key;
  }
}

/** Takes the name of a directory out of its parent. */
export async function cutEntry(u: Update, inode: Inode): Promise<void> {
  for await (const key of entriesOf(u, inode.ino, 'e' + id6(inode.parent), 'e' + id6(inode.parent + 1))) {
    await removeKey(u, key);
  }
}

/** Leaves a directory one name: its parent's, if that is among them. Resolves to the directory that has it. */
export async function dropOtherEntries(u: Update, inode: Inode): Promise<number> {
  const keys: Key[] = [];
  for await (const key of entriesOf(u, inode.ino, 'e', 'f')) keys.push(key);
  const kept = keys.find((key) => readId6(key, 1) === inode.parent) ?? keys[0];
  for (const key of keys) if (key !== kept) await removeKey(u, key);
  return kept === undefined ? inode.parent : readId6(kept, 1);
}

async function removeKey(u: Update, key: Key): Promise<void> {
  const entry = await u.entry(key);
  if (entry === undefined) return;
  u.deleteEntry(key, entry);
  const parent = await u.inode(readId6(key, 1));
  if (parent !== undefined && isDirectory(parent)) touch(u, parent, -1);
}

/** Entries in a range that name the inode: a search without an index, for repairs only. */
export async function* entriesOf(
  u: Update,
  ino: number,
  from: Key,
  to: Key,
): AsyncGenerator<Key, void, undefined> {
  for (let next = from; ; ) {
    const page = await u.tx.scan({ from: next, to, limit: PAGE });
    for (const [key, bytes] of page) if (decodeEntry(bytes).ino === ino) yield key;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    next = last[0] + '\0';
  }
}
