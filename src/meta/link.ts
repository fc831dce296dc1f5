/** Giving a file another name, or a nameless one its first. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { Place } from '../fs/types.ts';
import { orphanKey } from './keys.ts';
import { parentAfter } from './links.ts';
import { LINK_MAX, checkName, exists, tooManyLinks } from './make.ts';
import type { Store } from './store.ts';
import type { Inode } from './types.ts';
import { isDirectory, nameOf, touch, update } from './update.ts';

export async function link(store: Store, _caller: Caller, ino: number, place: Place): Promise<Inode> {
  checkName(place);
  const key = store.entryKey(place.parent, place.name);
  return update(store, async (u) => {
    const parent = await u.directory(place.parent);
    if ((await u.tx.get(key)) !== undefined) throw exists(place);
    const file = await u.inode(ino);
    if (file === undefined || (file.nlink === 0 && !file.nameless)) {
      throw new FsError('ENOENT', `inode ${ino} was removed and cannot be named ${nameOf(place)}`);
    }
    if (isDirectory(file))
      throw new FsError('EPERM', `inode ${ino} is a directory and can have one name only`);
    if (file.nlink >= LINK_MAX) throw tooManyLinks(`inode ${ino}`);
    if (file.nameless) u.tx.delete(orphanKey(ino));
    const above = await parentAfter(u, file, undefined, parent.ino);
    const next = { ...file, nlink: file.nlink + 1, parent: above, nameless: false, ctime: u.now };
    const inode = u.put(file, next);
    u.putEntry(key, ino, inode.mode);
    touch(u, parent, 0);
    return inode;
  });
}
