/** truncate(2) and ftruncate(2), and open(2) with O_TRUNC. */
import type { Caller } from '../base/caller.ts';
import { decodeContent, encodeContent, ZERO } from '../cas/content.ts';
import type { Draft } from '../cas/types.ts';
import { after } from './after.ts';
import { checkSize } from './limits.ts';
import type { OpenFile } from './open-file.ts';
import { dropPrivileges } from './privileges.ts';
import { catchUp, stage } from './stage.ts';
import type { Parts } from './types.ts';

/** Gives the file another size. While nobody can write to it that is a version at once. Runs in the file's `serial`. */
export async function truncate(parts: Parts, file: OpenFile, caller: Caller, size: number): Promise<void> {
  checkSize(size);
  if (file.privileged) await dropPrivileges(parts, file, caller);
  if (file.staging === undefined && file.users.writers === 0) await resizeContent(parts, file, caller, size);
  else await resizeStaged(parts, file, size);
}

/** The file is open for writing: its next close makes the version. */
export async function resizeStaged(parts: Parts, file: OpenFile, size: number): Promise<void> {
  const staging = file.staging ?? (await stage(parts, file, size, false));
  file.observe();
  await catchUp(parts, file);
  if (size !== file.size) await staging.truncate(file.size, size);
  file.size = size;
  file.touch();
  // The slot is cut before its record: a crash in between shows the file cut all the same, and so does a record that cannot be written.
  await catchUp(parts, file);
}

async function resizeContent(parts: Parts, file: OpenFile, caller: Caller, size: number): Promise<void> {
  const now = parts.now();
  if (size === file.baseSize) {
    await parts.namespace.change(caller, file.ino, { mtime: now, ctime: now });
    return;
  }
  file.touch(now);
  const { change } = file;
  let draft: Draft | undefined;
  try {
    if (size > 0) {
      const limit = Math.min(size, file.baseSize);
      draft = await parts.content.draftEdit(file.base, limit, size, [], () => undefined);
    }
    const made = draft;
    const content = made?.content ?? ZERO;
    const what = { content: encodeContent(content), size, mtime: now, ctime: now };
    const inode = await parts.namespace.commit(caller, file.ino, what, (tx) =>
      made === undefined ? undefined : after(made.apply(tx), () => undefined),
    );
    file.committed(inode, decodeContent(inode.content), size, change);
    file.size = size;
  } catch (error) {
    draft?.drop();
    file.changed = false;
    file.pending = undefined;
    throw error;
  }
  draft?.done();
}
