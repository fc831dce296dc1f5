/** rename(2) and renameat2(2). The order of the checks is Linux's: it decides which of several errors is seen. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { type Place, type RenameMode, root } from '../fs/types.ts';
import { andThen } from './and-then.ts';
import { parentAfter } from './links.ts';
import { LINK_MAX, checkName, exists, tooManyLinks } from './make.ts';
import { dropName } from './orphans.ts';
import type { Store } from './store.ts';
import type { Inode, IsOpen, Renamed } from './types.ts';
import { checkEmpty } from './unlink.ts';
import { type Found, type Update, isDirectory, nameOf, touch, update } from './update.ts';

/** Deeper than any path can reach: a walk that long goes in circles. */
const DEPTH_MAX = 1_000_000;

/** Both places of a rename, and what is there. */
interface Way {
  readonly from: Place;
  readonly to: Place;
  readonly fromParent: Inode;
  readonly toParent: Inode;
  readonly source: Found;
  readonly target: Found | undefined;
}

export async function rename(
  store: Store,
  _caller: Caller,
  from: Place,
  to: Place,
  mode: RenameMode,
  isOpen: IsOpen,
): Promise<Renamed> {
  checkName(to);
  const fromKey = store.entryKey(from.parent, from.name);
  const toKey = store.entryKey(to.parent, to.name);
  return update(store, async (u) => {
    const fromParent = await u.directory(from.parent);
    const toParent = to.parent === from.parent ? fromParent : await u.directory(to.parent);
    const source = await u.expect(fromKey, from);
    const target = await u.find(toKey, to);
    if (mode === 'noreplace' && target !== undefined) throw exists(to);
    const way = { from, to, fromParent, toParent, source, target };
    if (mode === 'exchange') {
      if (target === undefined) throw new FsError('ENOENT', `there is no ${nameOf(to)} to exchange with`);
      return exchange(u, way, target);
    }
    await checkLoops(u, way, 'ENOTEMPTY');
    if (source.inode.ino === target?.inode.ino) return { moved: source.inode };
    if (target !== undefined) checkTypes(source.inode, target.inode, to);
    return move(u, { ...way, toKey }, isOpen);
  });
}

async function move(u: Update, way: Way & { readonly toKey: string }, isOpen: IsOpen): Promise<Renamed> {
  const { to, fromParent, toParent, source, target } = way;
  const moves = isDirectory(source.inode) ? 1 : 0;
  const goes = target !== undefined && isDirectory(target.inode) ? 1 : 0;
  if (fromParent !== toParent && toParent.nlink + moves - goes > LINK_MAX) throw linkMax(toParent);
  if (target !== undefined && goes === 1) await checkEmpty(u, target.inode.ino, to);

  const replaced = target === undefined ? undefined : await dropName(u, target.inode, toParent.ino, isOpen);
  if (target !== undefined) u.deleteEntry(target.key, target.entry);
  u.deleteEntry(source.key, source.entry);
  u.putEntry(way.toKey, source.inode.ino, source.inode.mode);
  const placed = place(u, source.inode, fromParent, toParent);
  const moved = placed instanceof Promise ? await placed : placed;
  if (fromParent === toParent) touch(u, fromParent, -goes);
  else {
    touch(u, fromParent, -moves);
    touch(u, toParent, moves - goes);
  }
  return replaced === undefined ? { moved } : { moved, replaced };
}

async function exchange(u: Update, way: Way, target: Found): Promise<Renamed> {
  const { fromParent, toParent, source } = way;
  await checkLoops(u, way, 'EINVAL');
  if (source.inode.ino === target.inode.ino) return { moved: source.inode };
  const more = (isDirectory(source.inode) ? 1 : 0) - (isDirectory(target.inode) ? 1 : 0);
  if (fromParent !== toParent) {
    if (toParent.nlink + more > LINK_MAX) throw linkMax(toParent);
    if (fromParent.nlink - more > LINK_MAX) throw linkMax(fromParent);
  }
  u.deleteEntry(source.key, source.entry);
  u.deleteEntry(target.key, target.entry);
  u.putEntry(source.key, target.inode.ino, target.inode.mode);
  u.putEntry(target.key, source.inode.ino, source.inode.mode);
  const moved = await place(u, source.inode, fromParent, toParent);
  const exchanged = await place(u, target.inode, toParent, fromParent);
  if (fromParent === toParent) touch(u, fromParent, 0);
  else {
    touch(u, fromParent, -more);
    touch(u, toParent, more);
  }
  return { moved, exchanged };
}

/** The inode in its new directory; a rename moves its ctime. */
function place(u: Update, inode: Inode, from: Inode, to: Inode): Awaitable<Inode> {
  const parent = isDirectory(inode) ? to.ino : parentAfter(u, inode, from.ino, to.ino);
  return andThen(parent, (above) => u.put(inode, { ...inode, ctime: u.now, parent: above }));
}

/**
 * EINVAL when the source would end up below itself. The other way round the target is an ancestor of the source: it
 * cannot be empty, and cannot be exchanged with what is below it.
 */
async function checkLoops(u: Update, way: Way, upwards: 'ENOTEMPTY' | 'EINVAL'): Promise<void> {
  if (way.fromParent === way.toParent) return;
  if (isDirectory(way.source.inode) && (await isAbove(u, way.source.inode.ino, way.toParent))) {
    throw new FsError('EINVAL', `${nameOf(way.from)} cannot be moved into a directory below itself`);
  }
  const { target } = way;
  if (
    target !== undefined &&
    isDirectory(target.inode) &&
    (await isAbove(u, target.inode.ino, way.fromParent))
  ) {
    throw new FsError(upwards, `${nameOf(way.to)} is a directory above what would take its place`);
  }
}

/** Is the directory `ino` the given one or above it? */
async function isAbove(u: Update, ino: number, directory: Inode): Promise<boolean> {
  let at = directory;
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    if (at.ino === ino) return true;
    if (at.ino === root) return false;
    const above = await u.inode(at.parent);
    if (above === undefined) return false;
    at = above;
  }
  throw new FsError('EIO', `the directories above ${directory.ino} form a circle; run nexus fsck`);
}

function checkTypes(source: Inode, target: Inode, to: Place): void {
  if (isDirectory(source) === isDirectory(target)) return;
  if (isDirectory(source)) {
    throw new FsError('ENOTDIR', `${nameOf(to)} is no directory and cannot be replaced by one`);
  }
  throw new FsError('EISDIR', `${nameOf(to)} is a directory and can be replaced by a directory only`);
}

function linkMax(directory: Inode): FsError {
  return tooManyLinks(`directory ${directory.ino}`);
}
