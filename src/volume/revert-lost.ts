/** After a power cut: files whose newest content did not reach the disk go back to the newest version that did. */
import type { Caller } from '../base/caller.ts';
import { decodeContent, encodeContent, ZERO } from '../cas/content.ts';
import { root, S_IFDIR, S_IFMT, S_IFREG } from '../fs/types.ts';
import type { Inode, VersionRecord } from '../meta/types.ts';
import { breathe } from './slot-io.ts';
import type { Parts } from './types.ts';

/** Entries and versions read at a time. */
const PAGE = 256;

/** Walks the whole tree: no record says which files were written last. */
export async function revertLost(parts: Parts, caller: Caller): Promise<void> {
  const directories: number[] = [root];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    let after = 0;
    for (;;) {
      const page = await parts.namespace.list(directory, after, PAGE);
      const last = page.at(-1);
      if (last === undefined) break;
      for (const { inode } of page) {
        const type = inode.mode & S_IFMT;
        if (type === S_IFDIR) directories.push(inode.ino);
        else if (type === S_IFREG) await revertIfLost(parts, caller, inode);
      }
      after = last.cookie;
      await breathe();
    }
  }
}

async function revertIfLost(parts: Parts, caller: Caller, inode: Inode): Promise<void> {
  const problem = await parts.content.inspect(decodeContent(inode.content), inode.size);
  if (problem === undefined) return;
  const kept = await newestKept(parts, inode);
  const what =
    kept === undefined
      ? { content: encodeContent(ZERO), size: 0, mtime: inode.mtime }
      : { content: kept.content, size: kept.size, mtime: kept.mtime };
  parts.content.protect(decodeContent(what.content));
  await parts.namespace.commit(caller, inode.ino, what);
  const to = kept === undefined ? 'is empty now' : `is as of version ${String(kept.number)} again`;
  parts.onError(
    new Error(problem.detail),
    `inode ${String(inode.ino)} was written right before a power cut and ${to}`,
  );
}

async function newestKept(parts: Parts, inode: Inode): Promise<VersionRecord | undefined> {
  for (let top = inode.version; top > 0; top -= PAGE) {
    const page = await parts.namespace.versions(inode.ino, Math.max(0, top - PAGE), Math.min(PAGE, top));
    for (const record of [...page].reverse()) {
      if (record.number > top) continue;
      if ((await parts.content.inspect(decodeContent(record.content), record.size)) === undefined)
        return record;
    }
  }
  return undefined;
}
