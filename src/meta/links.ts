/** Which directories a file has names in: its `parent` where it is one, else a record for each with the number of names there. */
import type { Awaitable } from '../base/awaitable.ts';
import type { KvReader } from '../kv/types.ts';
import { andThen } from './and-then.ts';
import { decodeU48, encodeU48 } from './bytes.ts';
import { linkKey, linkParent } from './keys.ts';
import { LINK_MAX } from './make.ts';
import type { Inode } from './types.ts';
import type { Update } from './update.ts';

/** A directory and how many names in it are one file's. */
export interface Link {
  readonly parent: number;
  readonly names: number;
}

/** The link records of an inode: none unless it has names in several directories. */
export function linksOf(kv: KvReader, ino: number, limit: number): Awaitable<readonly Link[]> {
  return andThen(kv.scan({ from: linkKey(ino, 0), to: linkKey(ino + 1, 0), limit }), (rows) =>
    rows.map(([key, bytes]) => ({ parent: linkParent(key), names: decodeU48(bytes) })),
  );
}

/** Files, not directories: are the directories of its names in link records? */
export function isSpread(inode: Inode): boolean {
  return inode.parent === 0 && inode.nlink > 0;
}

/**
 * The `parent` of a file that loses a name in one directory and gets one in another (either may be undefined). Writes link records
 * where there are several directories before or after, and only then.
 */
export function parentAfter(
  u: Update,
  file: Inode,
  lost: number | undefined,
  gained: number | undefined,
): Awaitable<number> {
  if (lost === gained) return file.parent;
  if (isSpread(file)) return recount(u, file.ino, lost, gained);
  const staying = lost === undefined ? file.nlink : file.nlink - 1;
  if (gained === undefined) return staying > 0 ? file.parent : 0;
  if (staying <= 0 || gained === file.parent) return gained;
  putLink(u, file.ino, { parent: file.parent, names: staying });
  putLink(u, file.ino, { parent: gained, names: 1 });
  return 0;
}

async function recount(
  u: Update,
  ino: number,
  lost: number | undefined,
  gained: number | undefined,
): Promise<number> {
  if (lost !== undefined) await count(u, ino, lost, -1);
  if (gained !== undefined) await count(u, ino, gained, 1);
  const [first, second] = await linksOf(u.tx, ino, 2);
  if (first === undefined || second !== undefined) return 0;
  u.tx.delete(linkKey(ino, first.parent));
  return first.parent;
}

async function count(u: Update, ino: number, parent: number, by: number): Promise<void> {
  const key = linkKey(ino, parent);
  const bytes = await u.tx.get(key);
  putLink(u, ino, { parent, names: (bytes === undefined ? 0 : decodeU48(bytes)) + by });
}

function putLink(u: Update, ino: number, { parent, names }: Link): void {
  const key = linkKey(ino, parent);
  if (names > 0) u.tx.put(key, encodeU48(names));
  else u.tx.delete(key);
}

/** Writes the records anew, for repairs; resolves to the `parent` that goes with them. */
export async function replaceLinks(u: Update, ino: number, links: readonly Link[]): Promise<number> {
  for (const { parent } of await linksOf(u.tx, ino, LINK_MAX)) u.tx.delete(linkKey(ino, parent));
  if (links.length > 1) for (const link of links) putLink(u, ino, link);
  return links.length === 1 && links[0] !== undefined ? links[0].parent : 0;
}
