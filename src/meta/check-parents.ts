/** The directories an inode speaks of against those that name it. */
import type { KvReader } from '../kv/types.ts';
import { linkParent, readId6 } from './keys.ts';
import { type Link, linksOf, replaceLinks } from './links.ts';
import { entriesOf } from './lost-found.ts';
import { LINK_MAX } from './make.ts';
import { records } from './records.ts';
import type { Store } from './store.ts';
import { type Tally, scatter } from './tally.ts';
import type { Inode, Problem } from './types.ts';
import { type Update, isDirectory, update } from './update.ts';

/** Do the parent or the link records of a file say what the entries say? True where nothing names it: that is another problem. */
export async function placesAgree(kv: KvReader, tally: Tally, file: Inode): Promise<boolean> {
  const { ino, parent } = file;
  const named = tally.named(ino);
  if (named === 0) return true;
  if (parent !== 0) return sumOf([{ parent, names: named }]) === tally.places(ino);
  const links = await linksOf(kv, ino, LINK_MAX);
  return links.length > 1 && links.every(({ names }) => names > 0) && sumOf(links) === tally.places(ino);
}

function sumOf(links: readonly Link[]): number {
  return links.reduce((sum, { parent, names }) => (sum + Math.imul(scatter(parent), names)) >>> 0, 0);
}

/** Counts the names of a file anew; resolves to the `parent` it has. */
export async function replacePlaces(u: Update, ino: number): Promise<number> {
  const names = new Map<number, number>();
  for await (const key of entriesOf(u, ino, 'e', 'f')) {
    const parent = readId6(key, 1);
    names.set(parent, (names.get(parent) ?? 0) + 1);
  }
  return replaceLinks(
    u,
    ino,
    [...names].map(([parent, count]) => ({ parent, names: count })),
  );
}

/** Link records of inodes that are missing or speak of one directory. */
export async function* checkLinkRecords(store: Store, repair: boolean): AsyncGenerator<Problem> {
  for await (const [key] of records(store.kv, 'l')) {
    const ino = readId6(key, 1);
    if (mayHaveLinks(await store.inode(ino))) continue;
    const wrong = await update(store, async (u) => {
      if (mayHaveLinks(await u.inode(ino)) || (await u.tx.get(key)) === undefined) return false;
      if (repair) u.tx.delete(key);
      return true;
    });
    const detail = `directory ${linkParent(key)} is recorded for inode ${ino}, which is missing or lies in one directory`;
    if (wrong) yield { kind: 'link-record', detail, repaired: repair };
  }
}

/** A wrong count of names, or none, is told by others. */
function mayHaveLinks(inode: Inode | undefined): boolean {
  return inode !== undefined && inode.parent === 0 && !isDirectory(inode);
}
