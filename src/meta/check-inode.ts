/** One inode against what the entries, the directories above and the version records say of it. */
import type { Awaitable } from '../base/awaitable.ts';
import { root } from '../fs/types.ts';
import { type Report, findVersionProblems, repairVersions } from './check-versions.ts';
import { attach, cutEntry, dropOtherEntries } from './lost-found.ts';
import { placesAgree, replacePlaces } from './check-parents.ts';
import { orphanKey } from './keys.ts';
import type { Store } from './store.ts';
import type { Tally } from './tally.ts';
import type { Inode, Problem } from './types.ts';
import { type Update, isDirectory, update } from './update.ts';

/** Steps up after which a walk remembers where it was: hardly any tree is that deep. */
const DEEP = 1_000;

/** The problems of an inode; 'changing' when it looks wrong and was written since the tally was begun. */
export async function checkInode(
  store: Store,
  tally: Tally,
  seen: Inode,
  repair: boolean,
): Promise<readonly Problem[] | 'changing'> {
  if (!(await looksWrong(store, tally, seen))) return [];
  return update(store, async (u) => {
    if (tally.wasWritten(seen.ino)) return 'changing';
    const inode = await u.inode(seen.ino);
    if (inode === undefined) return [];
    const problems: Problem[] = [];
    const report: Report = (kind, detail, repaired = repair) => {
      problems.push({ kind, detail: `inode ${inode.ino}: ${detail}`, repaired });
    };
    const placed = await checkPlace(u, tally, inode, repair, report);
    const chain = await findVersionProblems(u.tx, placed, report);
    if (repair) repairVersions(u, placed, chain);
    return problems;
  });
}

async function looksWrong(store: Store, tally: Tally, inode: Inode): Promise<boolean> {
  const named = tally.named(inode.ino);
  if (inode.nlink !== linksOf(tally, inode)) return true;
  if (named === 0 && inode.ino !== root) {
    if (inode.nlink > 0 || (await store.kv.get(orphanKey(inode.ino))) === undefined) return true;
  }
  if (isDirectory(inode) && inode.nlink > 0) {
    if (named > 1 || inode.parent !== parentOf(tally, inode)) return true;
    if (await isInCircle((ino) => store.inode(ino), inode)) return true;
  }
  if (!isDirectory(inode) && !(await placesAgree(store.kv, tally, inode))) return true;
  let wrong = false;
  await findVersionProblems(store.kv, inode, () => {
    wrong = true;
  });
  return wrong;
}

/** Names, link count, parent. Resolves to the inode as it is then. */
async function checkPlace(
  u: Update,
  tally: Tally,
  inode: Inode,
  repair: boolean,
  report: Report,
): Promise<Inode> {
  const named = tally.named(inode.ino);
  const isOrphan = inode.nlink === 0 && (await u.tx.get(orphanKey(inode.ino))) !== undefined;
  if (named === 0 && inode.ino !== root) {
    if (isOrphan) return inode;
    report('unreachable', 'no name leads to it');
    return repair ? attach(u, inode, tally.subdirectories(inode.ino)) : inode;
  }
  if (isDirectory(inode) && (await isInCircle((ino) => u.inode(ino), inode))) {
    report('unreachable', 'it lies below itself');
    if (!repair) return inode;
    await cutEntry(u, inode);
    return attach(u, inode, tally.subdirectories(inode.ino));
  }
  return checkLinks(u, tally, inode, repair, report);
}

async function checkLinks(
  u: Update,
  tally: Tally,
  inode: Inode,
  repair: boolean,
  report: Report,
): Promise<Inode> {
  const next = { ...inode };
  let changed = false;
  if (!isDirectory(inode)) {
    if (!(await placesAgree(u.tx, tally, inode))) {
      report('parent', 'the directories given for its names are not those that name it');
      changed = true;
      if (repair) next.parent = await replacePlaces(u, inode.ino);
    }
  } else {
    next.parent = parentOf(tally, inode);
    if (tally.named(inode.ino) > 1) {
      report('directory-links', `a directory with ${tally.named(inode.ino)} names`);
      next.parent = repair ? await dropOtherEntries(u, inode) : inode.parent;
    } else if (next.parent !== inode.parent) {
      report('parent', `its parent is given as ${inode.parent}, but ${next.parent} names it`);
    }
  }
  next.nlink = linksOf(tally, { ...inode, nlink: 1 });
  if (next.nlink !== inode.nlink)
    report('link-count', `${inode.nlink} links are counted, ${next.nlink} exist`);
  changed ||= next.nlink !== inode.nlink || next.parent !== inode.parent;
  if (!repair || !changed) return inode;
  u.tx.delete(orphanKey(inode.ino));
  return u.put(inode, next);
}

/** The link count that the entries make; an orphaned directory has none. */
function linksOf(tally: Tally, inode: Inode): number {
  const named = tally.named(inode.ino);
  if (!isDirectory(inode)) return named;
  return inode.nlink === 0 && named === 0 ? 0 : 2 + tally.subdirectories(inode.ino);
}

function parentOf(tally: Tally, inode: Inode): number {
  return inode.ino === root ? root : tally.above(inode.ino);
}

/** Do the directories above lead back to this one? */
async function isInCircle(
  get: (ino: number) => Awaitable<Inode | undefined>,
  inode: Inode,
): Promise<boolean> {
  const seen = new Set<number>();
  let at = inode;
  for (let depth = 0; at.ino !== root; depth++) {
    const above = await get(at.parent);
    if (above === undefined) return false;
    if (above.ino === inode.ino) return true;
    if (depth > DEEP) {
      // A circle further up is found by those who are in it.
      if (seen.has(above.ino)) return false;
      seen.add(above.ino);
    }
    at = above;
  }
  return false;
}
