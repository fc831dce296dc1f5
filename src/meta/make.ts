/** Making nodes, with a name and without. */
import { type Caller, rememberedAs } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import {
  type NewNode,
  type Place,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../fs/types.ts';
import type { Key } from '../kv/types.ts';
import { EMPTY } from './bytes.ts';
import { orphanKey } from './keys.ts';
import { inherit } from './set-id.ts';
import type { Store } from './store.ts';
import type { Also, Inode } from './types.ts';
import { type Update, isDirectory, nameOf, touch, update } from './update.ts';

/** Names a file may have, and subdirectories a directory may have, less two; as ext4. */
export const LINK_MAX = 65_000;
const NAME_MAX = 255;
const TARGET_MAX = 4_095;
const types = new Set([S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK]);

export async function make(
  store: Store,
  caller: Caller,
  place: Place,
  what: NewNode,
  also: Also | undefined,
): Promise<Inode> {
  checkName(place);
  checkNode(what, place);
  const key = store.entryKey(place.parent, place.name);
  const subdirectories = (what.mode & S_IFMT) === S_IFDIR ? 1 : 0;
  return update(store, async (u) => {
    const parent = await u.directory(place.parent);
    if ((await u.tx.get(key)) !== undefined) throw exists(place);
    if (parent.nlink + subdirectories > LINK_MAX) throw tooManyLinks(`directory ${parent.ino}`);
    const inode = addNode(u, caller, key, parent, what);
    if (also !== undefined) await also(u.tx, inode);
    return inode;
  });
}

/** A new node under a free name of a directory that has room for it. */
export function addNode(u: Update, caller: Caller, key: Key, parent: Inode, what: NewNode): Inode {
  const inode = u.put(undefined, born(u, caller, parent, what));
  u.putEntry(key, inode.ino, inode.mode);
  touch(u, parent, isDirectory(inode) ? 1 : 0);
  return inode;
}

export async function makeNameless(
  store: Store,
  caller: Caller,
  directory: number,
  mode: number,
  also: Also | undefined,
): Promise<Inode> {
  return update(store, async (u) => {
    const parent = await u.directory(directory);
    const node = born(u, caller, parent, { mode: S_IFREG | (mode & 0o7777) });
    const inode = u.put(undefined, { ...node, nlink: 0, parent: 0, nameless: true });
    u.tx.put(orphanKey(inode.ino), EMPTY);
    if (also !== undefined) await also(u.tx, inode);
    return inode;
  });
}

function born(u: Update, caller: Caller, parent: Inode, what: NewNode): Inode {
  const type = what.mode & S_IFMT;
  const symlink = type === S_IFLNK;
  const target = symlink ? Uint8Array.from(what.target ?? EMPTY) : EMPTY;
  const permission = symlink ? 0o777 : what.mode & 0o7777 & ~caller.umask;
  const { mode, gid } = inherit(caller, parent, type | permission);
  const { now } = u;
  return {
    ino: u.takeIno(),
    mode,
    nlink: type === S_IFDIR ? 2 : 1,
    uid: caller.uid,
    gid,
    rdev: type === S_IFCHR || type === S_IFBLK ? (what.rdev ?? 0) : 0,
    size: target.length,
    content: EMPTY,
    target,
    atime: now,
    mtime: now,
    ctime: now,
    btime: now,
    version: 0,
    parent: parent.ino,
    owner: u.store.subjects.makerOf(rememberedAs(caller)),
    revision: 0,
    xattrs: false,
    nameless: false,
  };
}

function checkNode(what: NewNode, place: Place): void {
  const type = what.mode & S_IFMT;
  if (!types.has(type))
    throw new FsError('EINVAL', `cannot make ${nameOf(place)}: mode has no known file type`);
  if (type !== S_IFLNK) return;
  const length = what.target?.length ?? 0;
  if (length === 0) throw new FsError('ENOENT', `cannot make ${nameOf(place)}: a symlink needs a target`);
  if (length > TARGET_MAX) {
    throw new FsError(
      'ENAMETOOLONG',
      `cannot make ${nameOf(place)}: its target has over ${TARGET_MAX} bytes`,
    );
  }
}

/** ENAMETOOLONG for a name that cannot be given. */
export function checkName(place: Place): void {
  if (place.name.length > NAME_MAX) {
    throw new FsError('ENAMETOOLONG', `${nameOf(place)} has over ${NAME_MAX} bytes; choose a shorter name`);
  }
}

export function exists(place: Place): FsError {
  return new FsError('EEXIST', `${nameOf(place)} exists; choose another name or remove it first`);
}

export function tooManyLinks(what: string): FsError {
  return new FsError(
    'EMLINK',
    `${what} has ${LINK_MAX} links, the most there can be; spread them over directories`,
  );
}
