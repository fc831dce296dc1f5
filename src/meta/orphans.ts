/** Inodes that lose their last name: gone at once, or kept as orphans until they are closed. */
import type { Awaitable } from '../base/awaitable.ts';
import { andThen } from './and-then.ts';
import { EMPTY } from './bytes.ts';
import { decodeInode } from './inode-codec.ts';
import { parentAfter } from './links.ts';
import { orphanKey, pastInodeKey, readId6, versionKey } from './keys.ts';
import type { Store } from './store.ts';
import type { Inode, IsOpen, Removed } from './types.ts';
import { type Update, isDirectory, update } from './update.ts';
import { endXattrs } from './xattrs.ts';

const PAGE = 1_000;

/** Takes a name in a directory from an inode: one of a file's, the only one of a directory. The entry is the caller's affair. */
export async function dropName(
  u: Update,
  before: Inode,
  directory: number,
  isOpen: IsOpen,
): Promise<Removed> {
  const nlink = isDirectory(before) ? 0 : Math.max(0, before.nlink - 1);
  const parent = isDirectory(before) ? before.parent : parentAfter(u, before, directory, undefined);
  const next = { ...before, nlink, ctime: u.now, parent: parent instanceof Promise ? await parent : parent };
  if (nlink > 0) return { inode: u.put(before, next), gone: false };
  if (isOpen(before.ino)) {
    u.tx.put(orphanKey(before.ino), EMPTY);
    return { inode: u.put(before, next), gone: false };
  }
  if (before.xattrs) await endXattrs(u, before.ino);
  u.drop(before, next);
  return { inode: next, gone: true };
}

/** What an orphan was while it had a name is history already; what it became since then was never in the tree, and goes. */
export async function reap(store: Store, ino: number): Promise<void> {
  return update(store, async (u) => {
    const inode = await u.inode(ino);
    if (inode === undefined || inode.nlink > 0) return;
    await endVersions(u, inode);
    if (inode.xattrs) await endXattrs(u, ino);
    u.drop(inode, { ...inode, nameless: false });
    u.tx.delete(orphanKey(ino));
  });
}

/** Deletes the versions made after the last name went. */
async function endVersions(u: Update, orphan: Inode): Promise<void> {
  if (orphan.version === 0) return;
  const past = await u.tx.scan({
    from: pastInodeKey(orphan.ino, 0),
    to: pastInodeKey(orphan.ino + 1, 0),
    limit: 1,
    reverse: true,
  });
  const newest = past[0];
  const named = newest === undefined ? 0 : decodeInode(orphan.ino, newest[1], u.store.subjects).version;
  for (let number = named + 1; number <= orphan.version; number++)
    u.tx.delete(versionKey(orphan.ino, number));
}

export function orphans(store: Store): Awaitable<readonly number[]> {
  return collect(store, 0, []);
}

function collect(store: Store, from: number, found: number[]): Awaitable<readonly number[]> {
  return andThen(store.kv.scan({ from: orphanKey(from), to: 'p', limit: PAGE }), (page) => {
    for (const [key] of page) found.push(readId6(key, 1));
    const last = page.at(-1);
    return last === undefined || page.length < PAGE ? found : collect(store, readId6(last[0], 1) + 1, found);
  });
}
