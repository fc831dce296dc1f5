/** Writing to a file takes away what made it privileged: set-id bits (unless root writes) and its capability. */
import type { Caller } from '../base/caller.ts';
import { isFsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import { isPrivileged } from './open-file.ts';
import type { OpenFile } from './open-file.ts';
import type { Parts } from './types.ts';

const CAPABILITY = 'security.capability' as Name;

/** Before the bytes of a file with `privileged` set change. Runs in the file's `serial`. */
export async function dropPrivileges(parts: Parts, file: OpenFile, caller: Caller): Promise<void> {
  const inode = await parts.namespace.inode(file.ino);
  if (inode === undefined || inode.nlink === 0) return;
  if (inode.xattrs) await dropCapability(parts, file.ino);
  const bits = isPrivileged({ ...inode, xattrs: false });
  const after =
    bits && caller.uid !== 0 ? await parts.namespace.change(caller, file.ino, { killPriv: true }) : inode;
  // Attributes other than a capability do not matter; setting one makes the file privileged anew.
  file.privileged = isPrivileged({ ...after, xattrs: false });
}

async function dropCapability(parts: Parts, ino: number): Promise<void> {
  try {
    await parts.namespace.removexattr(ino, CAPABILITY);
  } catch (error) {
    if (!isFsError(error, 'ENODATA')) throw error;
  }
}

export async function hasCapability(parts: Parts, ino: number): Promise<boolean> {
  return (await parts.namespace.listxattr(ino)).includes(CAPABILITY);
}
