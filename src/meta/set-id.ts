/** The rules of setuid and setgid bits, which depend on who acts. */
import { type Caller, inGroup } from '../base/caller.ts';
import { S_IFDIR, S_IFMT } from '../fs/types.ts';
import type { Inode } from './types.ts';

export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
const S_IXGRP = 0o010;

/** May the caller give the setgid bit to something of that group (CAP_FSETID, or membership)? */
function mayLendGroup(caller: Caller, gid: number): boolean {
  return caller.uid === 0 || inGroup(caller, gid);
}

/** What a new node gets from a directory: its group and, for directories, the bit itself where the bit is set. */
export function inherit(
  caller: Caller,
  parent: Inode,
  mode: number,
): { readonly mode: number; readonly gid: number } {
  if ((parent.mode & S_ISGID) === 0) return { mode, gid: caller.gid };
  const { gid } = parent;
  if ((mode & S_IFMT) === S_IFDIR) return { mode: mode | S_ISGID, gid };
  const runsAsGroup = (mode & S_ISGID) !== 0 && (mode & S_IXGRP) !== 0;
  return { mode: runsAsGroup && !mayLendGroup(caller, gid) ? mode & ~S_ISGID : mode, gid };
}

/** The mode after chmod: strangers to the group cannot set setgid. */
export function chmodded(caller: Caller, gid: number, mode: number): number {
  return (mode & S_ISGID) !== 0 && !mayLendGroup(caller, gid) ? mode & ~S_ISGID : mode;
}

/**
 * The mode without its privileges, after chown, write or truncate of anything but a directory. Without group execution setgid
 * once meant mandatory locking and stays, but Linux takes it from strangers of the group all the same.
 */
export function withoutPrivilege(caller: Caller, inode: Inode): number {
  if ((inode.mode & S_IFMT) === S_IFDIR) return inode.mode;
  const mode = inode.mode & ~S_ISUID;
  const drop = (mode & S_IXGRP) !== 0 || !mayLendGroup(caller, inode.gid);
  return (mode & S_ISGID) !== 0 && drop ? mode & ~S_ISGID : mode;
}
