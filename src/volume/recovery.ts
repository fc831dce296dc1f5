/** What a crash left: bound slots become versions of their files, files without a name go, lost content gives way to what it replaced. */
import { type Caller, nobody } from '../base/caller.ts';
import { compareTimes } from '../base/time.ts';
import type { Time } from '../base/time.ts';
import { decodeContent, encodeContent } from '../cas/content.ts';
import { BLOCK } from '../cas/layout.ts';
import type { Draft, Slot } from '../cas/types.ts';
import type { Inode } from '../meta/types.ts';
import { after } from './after.ts';
import { bindingKey, bindings } from './binding.ts';
import { OverlayStaging } from './overlay-staging.ts';
import { PAGE, PageMap } from './page-map.ts';
import { revertLost } from './revert-lost.ts';
import { readSlot, slotState } from './slot-io.ts';
import type { SlotState } from './slot-io.ts';
import type { Binding, Parts } from './types.ts';

/** In whose name versions are made that a crash kept from being made. */
export const recoverer: Caller = { ...nobody, subject: 'system:recovery' };

interface Bound {
  readonly slot: number;
  readonly binding: Binding;
}

/**
 * Runs before anything else uses the stores; may be cut short at any point and run again. After a power cut only what an fsync
 * covered is believed.
 */
export async function recover(parts: Parts, powerCut: boolean): Promise<void> {
  for (const ino of await parts.namespace.orphans()) await parts.namespace.reap(ino);
  if (powerCut) await revertLost(parts, recoverer);
  const found: Bound[] = [];
  for await (const bound of bindings(parts.kv)) found.push(bound);
  const reopened: Slot[] = [];
  for (const bound of found) await recoverSlot(parts, bound, powerCut, reopened);
  if (reopened.length > 0) {
    // A record that a power cut could bring back must not name an emptied slot.
    await parts.kv.sync();
    parts.content.giveBack(reopened);
  }
  await parts.content.discardSlotsExcept(new Set());
}

/** Slots that are free afterwards are added to `reopened`. */
async function recoverSlot(parts: Parts, bound: Bound, powerCut: boolean, reopened: Slot[]): Promise<void> {
  const { binding } = bound;
  const inode = await parts.namespace.inode(binding.ino);
  if (!isNamed(inode) || (powerCut && !binding.durable)) return unbind(parts, bound);
  if (powerCut && binding.bytes !== undefined) return recoverBytes(parts, bound, inode, binding.bytes);
  const slot = parts.content.reopenSlot(bound.slot);
  if (slot === undefined) {
    const text = `the staging file of inode ${String(binding.ino)} is missing: the file keeps its last version`;
    parts.onError(new Error(`no slot ${String(bound.slot)}`), text);
    return unbind(parts, bound);
  }
  const state = slotState(parts.native, slot.fd);
  const marked = isMarked(binding, state);
  const clean = !binding.changed && (marked || powerCut);
  if (clean || binding.kind === 'overlay' || state.size <= BLOCK) reopened.push(slot);
  if (clean) return unbind(parts, bound);
  // The times of a slot are not synced with its bytes: after a power cut the inode knows better.
  const mtime = marked || powerCut ? inode.mtime : { sec: state.sec, nsec: state.nsec };
  return commitSlot(parts, bound, inode, slot, { state, mtime });
}

/** What an fsync kept of a small file in its record. */
async function recoverBytes(parts: Parts, bound: Bound, inode: Inode, bytes: Uint8Array): Promise<void> {
  if (!bound.binding.changed) return unbind(parts, bound);
  return name(parts, bound, inode, await parts.content.draftBytes(bytes), bytes.length, inode.mtime);
}

function isNamed(inode: Inode | undefined): inode is Inode {
  return inode !== undefined && inode.nlink > 0;
}

/** Is the slot as its record says it was? */
function isMarked({ mark }: Binding, { size, sec, nsec }: SlotState): boolean {
  return mark !== undefined && mark.size === size && compareTimes(mark.mtime, { sec, nsec }) === 0;
}

/** The slot holds nothing that is not kept elsewhere. */
async function unbind(parts: Parts, bound: Bound): Promise<void> {
  await parts.kv.write((tx) => {
    tx.delete(bindingKey(bound.slot));
  });
}

async function commitSlot(
  parts: Parts,
  bound: Bound,
  inode: Inode,
  slot: Slot,
  seen: { state: SlotState; mtime: Time },
): Promise<void> {
  const { size } = seen.state;
  if (bound.binding.kind === 'overlay') {
    const draft = await draftOverlay(parts, bound.binding, inode, slot, size);
    return name(parts, bound, inode, draft, size, seen.mtime);
  }
  if (size > BLOCK) {
    return name(parts, bound, inode, await parts.content.draftAdopt(slot, size), size, seen.mtime);
  }
  const bytes = Buffer.allocUnsafe(size);
  bytes.fill(0, size === 0 ? 0 : await readSlot(parts.native, slot.fd, bytes, 0));
  return name(parts, bound, inode, await parts.content.draftBytes(bytes), size, seen.mtime);
}

async function draftOverlay(
  parts: Parts,
  binding: Binding,
  inode: Inode,
  slot: Slot,
  size: number,
): Promise<Draft> {
  const base = { content: decodeContent(inode.content), size: inode.size, limit: binding.baseLimit };
  const staging = new OverlayStaging(parts.native, parts.content, slot, base, dataPages(parts, slot, size));
  return parts.content.draftEdit(
    base.content,
    base.limit,
    size,
    staging.pages.groups(BLOCK / PAGE),
    (index, into) =>
      after(staging.read(into, index * BLOCK, size), (count) => {
        into.fill(0, count);
      }),
  );
}

/** The pages of an overlay that were written: the slot has data there. */
function dataPages(parts: Parts, slot: Slot, size: number): PageMap {
  const pages = new PageMap();
  for (let at = 0; at < size; ) {
    const data = parts.native.seek(slot.fd, at, 'data');
    if (data === -1 || data >= size) break;
    const hole = parts.native.seek(slot.fd, data, 'hole');
    at = hole === -1 ? size : hole;
    pages.mark(Math.floor(data / PAGE), Math.ceil(at / PAGE));
  }
  return pages;
}

/** The version and the end of the binding are one transaction: a crash in here leaves either all to do or nothing. */
async function name(
  parts: Parts,
  bound: Bound,
  inode: Inode,
  draft: Draft,
  size: number,
  mtime: Time,
): Promise<void> {
  const what = { content: encodeContent(draft.content), size, mtime };
  const same = inode.size === size && Buffer.compare(what.content, inode.content) === 0;
  try {
    if (same) await unbind(parts, bound);
    else {
      await parts.namespace.commit(recoverer, inode.ino, what, (tx) =>
        after(draft.apply(tx), () => {
          tx.delete(bindingKey(bound.slot));
        }),
      );
    }
  } catch (error) {
    draft.drop();
    throw error;
  }
  if (same) draft.drop();
  else draft.done();
}
