/** chmod, chown, utimens, truncate. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { Time } from '../base/time.ts';
import { S_IFMT, S_IFREG, type TimeChange } from '../fs/types.ts';
import { copyFrom } from './bytes.ts';
import { chmodded, withoutPrivilege } from './set-id.ts';
import type { Store } from './store.ts';
import type { Also, Inode, InodeChange } from './types.ts';
import { type Draft, isDirectory, update } from './update.ts';

export async function change(
  store: Store,
  caller: Caller,
  ino: number,
  what: InodeChange,
  also: Also | undefined,
): Promise<Inode> {
  return update(store, async (u) => {
    const removed = store.removed.get(ino);
    // A descriptor of a directory that is gone can still be used to change it; nobody else will see that.
    if (removed !== undefined) {
      const inode = changed(caller, removed, what, u.now);
      store.remember(inode);
      return inode;
    }
    const before = await u.need(ino);
    const next = changed(caller, before, what, u.now);
    const inode = next === before ? before : u.put(before, { ...next });
    if (also !== undefined) await also(u.tx, inode);
    return inode;
  });
}

/** The inode after the change; the same object when nothing changes. */
function changed(caller: Caller, before: Inode, what: InodeChange, now: Time): Inode {
  const next: Draft = { ...before };
  // Each of these changes `next`, so all of them have to run.
  const touched = [
    permissionChanged(caller, next, what),
    resized(next, what, now),
    timesChanged(next, what, now),
  ];
  if (!touched.includes(true)) return before;
  next.ctime = what.ctime === undefined ? now : timeOf(what.ctime, now);
  return next;
}

function permissionChanged(caller: Caller, next: Draft, what: InodeChange): boolean {
  const { mode } = next;
  const chown = what.uid !== undefined || what.gid !== undefined;
  if (chown || what.killPriv === true) next.mode = withoutPrivilege(caller, next);
  next.uid = what.uid ?? next.uid;
  next.gid = what.gid ?? next.gid;
  if (what.mode !== undefined) {
    next.mode = chmodded(caller, next.gid, (mode & S_IFMT) | (what.mode & 0o7777));
  }
  // chmod and chown move ctime even to what is there already; clearing what is not set does nothing.
  return chown || what.mode !== undefined || next.mode !== mode;
}

function timesChanged(next: Draft, what: InodeChange, now: Time): boolean {
  if (what.atime !== undefined) next.atime = timeOf(what.atime, now);
  if (what.mtime !== undefined) next.mtime = timeOf(what.mtime, now);
  return what.atime !== undefined || what.mtime !== undefined || what.ctime !== undefined;
}

/** truncate(2) to the size there is already moves no times, on Linux's file systems. */
function resized(next: Draft, what: InodeChange, now: Time): boolean {
  if (what.size === undefined && what.content === undefined) return false;
  if (isDirectory(next))
    throw new FsError('EISDIR', `inode ${next.ino} is a directory and has no size to set`);
  if ((next.mode & S_IFMT) !== S_IFREG) {
    throw new FsError('EINVAL', `inode ${next.ino} is no regular file and has no size to set`);
  }
  const size = what.size ?? next.size;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new FsError(
      'EINVAL',
      `${size} is no size for inode ${next.ino}; give a whole number of bytes from 0`,
    );
  }
  const differs = size !== next.size || what.content !== undefined;
  next.size = size;
  if (what.content !== undefined) next.content = copyFrom(what.content, 0);
  if (differs) next.mtime = now;
  return differs;
}

function timeOf(time: TimeChange, now: Time): Time {
  return time === 'now' ? now : time;
}
