/** A close after a change: content becomes the newest version. */
import { type Caller, rememberedAs } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { type Time, compareTimes } from '../base/time.ts';
import { S_IFMT, S_IFREG } from '../fs/types.ts';
import { copyFrom, sameBytes } from './bytes.ts';
import { versionKey } from './keys.ts';
import type { Store } from './store.ts';
import type { Also, Commit, Inode } from './types.ts';
import { type Update, update } from './update.ts';
import { decodeVersion, encodeVersion } from './version-codec.ts';

export async function commit(
  store: Store,
  caller: Caller,
  ino: number,
  what: Commit,
  also: Also | undefined,
): Promise<Inode> {
  return update(store, async (u) => {
    const before = await u.need(ino);
    if ((before.mode & S_IFMT) !== S_IFREG) {
      throw new FsError('EINVAL', `inode ${ino} is no regular file and has no versions`);
    }
    const same = await isNewest(u, before, what);
    const ctime = what.ctime ?? laterOf(before.ctime, what.mtime);
    const next = { ...before, size: what.size, mtime: what.mtime, ctime };
    if (!same) {
      next.content = copyFrom(what.content, 0);
      next.version = before.version + 1;
      addVersion(u, caller, next);
    }
    const inode = same && unchanged(before, next) ? before : u.put(before, next);
    if (also !== undefined) await also(u.tx, inode);
    return inode;
  });
}

function addVersion(u: Update, caller: Caller, { ino, version: number, size, content, mtime }: Inode): void {
  const { now: time, revision } = u;
  const author = rememberedAs(caller);
  u.tx.put(versionKey(ino, number), encodeVersion({ number, size, content, mtime, time, author, revision }));
}

/** Equal encodings are equal bytes; all-zero content is the same only at the same size. */
async function isNewest(u: Update, inode: Inode, what: Commit): Promise<boolean> {
  if (inode.version === 0 || !sameBytes(inode.content, what.content)) return false;
  if (what.content.length > 0) return true;
  const record = await u.tx.get(versionKey(inode.ino, inode.version));
  return record !== undefined && decodeVersion(inode.version, record).size === what.size;
}

function unchanged(before: Inode, next: Inode): boolean {
  return (
    next.size === before.size &&
    compareTimes(next.mtime, before.mtime) === 0 &&
    compareTimes(next.ctime, before.ctime) === 0
  );
}

function laterOf(a: Time, b: Time): Time {
  return compareTimes(a, b) >= 0 ? a : b;
}
