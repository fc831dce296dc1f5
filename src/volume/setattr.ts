/** chmod(2), chown(2), utimensat(2), truncate(2), on files that may be open. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { AttrChange, NodeId } from '../fs/types.ts';
import type { Inode } from '../meta/types.ts';
import { bindingKey, encodeBinding } from './binding.ts';
import { isPrivileged } from './open-file.ts';
import type { OpenFile } from './open-file.ts';
import type { OpenFiles } from './open-files.ts';
import { truncate } from './truncate.ts';
import type { Binding, Parts } from './types.ts';

export async function setattr(
  parts: Parts,
  files: OpenFiles,
  caller: Caller,
  node: NodeId,
  change: AttrChange,
): Promise<Inode> {
  const { size, ...rest } = change;
  if (size !== undefined) await resize(parts, files, caller, node, size);
  if (Object.keys(rest).length === 0) {
    const inode = await parts.namespace.inode(node);
    if (inode === undefined) throw new FsError('ESTALE', `there is no inode ${String(node)} any more`);
    return inode;
  }
  const file = files.get(node);
  const inode =
    file?.staging !== undefined && rest.mtime !== undefined
      ? await file.serial.run(() => setTimes(parts, file, caller, rest))
      : await parts.namespace.change(caller, node, rest);
  if (file !== undefined && (rest.mode !== undefined || rest.uid !== undefined || rest.gid !== undefined)) {
    file.privileged = isPrivileged(inode);
  }
  return inode;
}

async function resize(
  parts: Parts,
  files: OpenFiles,
  caller: Caller,
  node: NodeId,
  size: number,
): Promise<void> {
  const file = await files.hold(node);
  try {
    await file.serial.run(() => truncate(parts, file, caller, size));
  } finally {
    await files.letGo(file, caller);
  }
}

/**
 * A modification time that somebody sets on a file being written holds until the next write. The record of the slot keeps what
 * the slot looked like then, so that it holds over a crash too.
 */
async function setTimes(parts: Parts, file: OpenFile, caller: Caller, change: AttrChange): Promise<Inode> {
  const { staging, binding } = file;
  if (staging === undefined || binding === undefined) {
    return parts.namespace.change(caller, file.ino, change);
  }
  const state = file.look(staging);
  const counted = file.change;
  const mark = { size: state.size, mtime: { sec: state.sec, nsec: state.nsec } };
  const next: Binding = { ...binding, changed: binding.changed || file.changed, mark };
  const inode = await parts.namespace.change(caller, file.ino, change, (tx) => {
    tx.put(bindingKey(staging.slot.id), encodeBinding(next));
  });
  file.binding = next;
  if (file.change === counted) file.pending = undefined;
  return inode;
}
