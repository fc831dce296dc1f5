/** Removing names. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { type Place, root } from '../fs/types.ts';
import type { Key } from '../kv/types.ts';
import { id6 } from './keys.ts';
import { dropName } from './orphans.ts';
import type { Store } from './store.ts';
import type { Inode, IsOpen, Removed } from './types.ts';
import { type Update, isDirectory, nameOf, touch, update } from './update.ts';

export async function unlink(store: Store, _caller: Caller, place: Place, isOpen: IsOpen): Promise<Removed> {
  return remove(store, place, isOpen, (_u, child) => {
    // POSIX says EPERM here; Linux has always said EISDIR.
    if (isDirectory(child)) throw new FsError('EISDIR', `${nameOf(place)} is a directory; use rmdir`);
  });
}

export async function rmdir(store: Store, _caller: Caller, place: Place, isOpen: IsOpen): Promise<Removed> {
  return remove(store, place, isOpen, async (u, child) => {
    if (!isDirectory(child)) throw new FsError('ENOTDIR', `${nameOf(place)} is no directory; use unlink`);
    if (child.ino === root) throw new FsError('EBUSY', 'the root directory cannot be removed');
    await checkEmpty(u, child.ino, place);
  });
}

async function remove(
  store: Store,
  place: Place,
  isOpen: IsOpen,
  check: (u: Update, inode: Inode) => void | Promise<void>,
): Promise<Removed> {
  const key = store.entryKey(place.parent, place.name);
  return update(store, async (u) => {
    const parent = await u.directory(place.parent);
    const { entry, inode } = await u.expect(key, place);
    await check(u, inode);
    const removed = await dropName(u, inode, parent.ino, isOpen);
    u.deleteEntry(key, entry);
    touch(u, parent, isDirectory(inode) ? -1 : 0);
    return removed;
  });
}

/** ENOTEMPTY where the directory has a name in it. */
export async function checkEmpty(u: Update, ino: number, place: Place): Promise<void> {
  const first = await u.tx.scan({ from: firstEntry(ino), to: firstEntry(ino + 1), limit: 1 });
  if (first.length > 0)
    throw new FsError('ENOTEMPTY', `${nameOf(place)} is not empty; remove what is in it first`);
}

const firstEntry = (ino: number): Key => 'e' + id6(ino);
