/** Makes what is staged a version: content first, then one transaction that names it. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { encodeContent, ZERO } from '../cas/content.ts';
import { BLOCK, INLINE } from '../cas/layout.ts';
import type { Content, Draft } from '../cas/types.ts';
import type { Inode } from '../meta/types.ts';
import type { KvTransaction } from '../kv/types.ts';
import { after } from './after.ts';
import { bindingKey, encodeBinding } from './binding.ts';
import type { OpenFile } from './open-file.ts';
import { OverlayStaging } from './overlay-staging.ts';
import { PAGE } from './page-map.ts';
import { readSlot } from './slot-io.ts';
import type { SlotState } from './slot-io.ts';
import type { Staging } from './staging.ts';
import type { Binding, Parts } from './types.ts';

export interface CommitWish {
  /** Nobody has the file open any more: large files too become versions, and their slots packs. */
  readonly last: boolean;
  /** The slot is still mapped by somebody and can't become a pack: its bytes are copied. */
  readonly copy?: boolean;
}

/** Commits what changed, as far as it is time for it. Runs in the file's `serial`. The file must have no unknown writers if `last`. */
export async function commit(parts: Parts, file: OpenFile, caller: Caller, wish: CommitWish): Promise<void> {
  const { staging } = file;
  if (staging === undefined || file.gone) return;
  const found = parts.namespace.inode(file.ino);
  const inode = found instanceof Promise ? await found : found;
  if (!isNamed(inode)) return;
  const state = file.observe();
  if (!file.changed) {
    if (file.pending !== undefined) await keepTimes(parts, file, caller, inode);
  } else if (staging instanceof OverlayStaging) {
    if (wish.last || staging.pages.count * PAGE <= BLOCK) {
      await commitOverlay(parts, file, caller, inode, staging);
    }
  } else if (file.size > BLOCK) {
    if (wish.last) await commitLarge(parts, file, caller, inode, staging, wish.copy === true);
  } else if (file.size > 0 || wish.last) {
    // An empty file waits for the last close: a shell that redirects closes a copy of the descriptor before it writes.
    await commitBytes(parts, file, caller, inode, staging, state ?? file.look(staging));
  }
}

/** Without a name a file can be read through open handles only, and these read the slot. */
function isNamed(inode: Inode | undefined): inode is Inode {
  return inode !== undefined && inode.nlink > 0;
}

function commitLarge(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  inode: Inode,
  staging: Staging,
  copy: boolean,
): Promise<void> {
  const commitWhole = copy ? commitCopy : commitAdopted;
  return commitWhole(parts, file, caller, inode, staging);
}

async function keepTimes(parts: Parts, file: OpenFile, caller: Caller, inode: Inode): Promise<void> {
  const { pending, change } = file;
  if (pending === undefined) return;
  await parts.namespace.change(caller, inode.ino, { mtime: pending, ctime: pending });
  if (file.change === change) file.pending = undefined;
}

/**
 * The transaction: index entries, version, binding together. The bytes are stored already. What an fsync covered must not
 * give way to content that a power cut can still take: that content reaches the disk before it is named.
 */
async function name(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  made: { draft: Draft; inode: Inode; size: number; bind: (tx: KvTransaction) => void },
): Promise<void> {
  const { draft, inode, size, bind } = made;
  const { change } = file;
  const what = { content: encodeContent(draft.content), size, mtime: file.pending ?? inode.mtime };
  let named: Inode;
  try {
    if (file.binding?.durable === true && size > INLINE) await parts.content.syncPacks();
    named = await parts.namespace.commit(caller, inode.ino, what, (tx) =>
      after(draft.apply(tx), () => {
        bind(tx);
      }),
    );
  } catch (error) {
    draft.drop();
    throw error;
  }
  file.committed(named, draft.content, size, change);
}

/** A binding that says: at `state` the slot held what is committed. */
function settled(parts: Parts, binding: Binding, state: SlotState, baseLimit: number): Binding {
  const precise = parts.host.preciseTimes;
  return {
    ...binding,
    baseLimit,
    changed: !precise,
    mark: precise ? { size: state.size, mtime: { sec: state.sec, nsec: state.nsec } } : undefined,
    // What is committed replaces the bytes an fsync kept in the record.
    durable: binding.durable && binding.bytes === undefined,
    bytes: undefined,
  };
}

async function commitBytes(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  inode: Inode,
  staging: Staging,
  state: SlotState,
): Promise<void> {
  const { binding } = file;
  if (binding === undefined) return;
  const bytes = Buffer.allocUnsafe(state.size);
  const count = state.size === 0 ? 0 : await readSlot(parts.native, staging.slot.fd, bytes, 0);
  bytes.fill(0, count);
  const draft = await parts.content.draftBytes(bytes);
  const next = settled(parts, binding, state, 0);
  const bind = (tx: KvTransaction): void => {
    tx.put(bindingKey(staging.slot.id), encodeBinding(next));
  };
  await name(parts, file, caller, { draft, inode, size: state.size, bind });
  file.binding = next;
  draft.done();
}

async function commitOverlay(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  inode: Inode,
  staging: OverlayStaging,
): Promise<void> {
  const { binding, size } = file;
  if (binding === undefined) return;
  const state = file.look(staging);
  const draft = await parts.content.draftEdit(
    file.base,
    staging.baseLimit,
    size,
    staging.pages.groups(BLOCK / PAGE),
    (index, into) => readBlock(staging, index, into, size),
  );
  const next = settled(parts, binding, state, size);
  const bind = (tx: KvTransaction): void => {
    tx.put(bindingKey(staging.slot.id), encodeBinding(next));
  };
  await name(parts, file, caller, { draft, inode, size, bind });
  staging.rebase(draft.content, size);
  file.binding = next;
  draft.done();
}

function readBlock(staging: Staging, index: number, into: Buffer, size: number): Awaitable<void> {
  return after(staging.read(into, index * BLOCK, size), (count) => {
    into.fill(0, count);
  });
}

/** The slot becomes a pack: nothing is copied. */
async function commitAdopted(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  inode: Inode,
  staging: Staging,
): Promise<void> {
  const { size } = file;
  const durable = file.binding?.durable === true;
  const draft = await parts.content.draftAdopt(staging.slot, size);
  const bind = (tx: KvTransaction): void => {
    tx.delete(bindingKey(staging.slot.id));
  };
  await name(parts, file, caller, { draft, inode, size, bind });
  file.unstage();
  try {
    // Sealing punches holes into the pack: not before the record that calls it a durable slot is gone for good.
    if (durable) await parts.kv.sync();
  } finally {
    draft.done();
  }
}

/** The bytes are copied out of a slot that others can still write into. */
async function commitCopy(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  inode: Inode,
  staging: Staging,
): Promise<void> {
  const { size } = file;
  const draft = await parts.content.draftEdit(ZERO, 0, size, dataBlocks(staging, size), (index, into) =>
    readBlock(staging, index, into, size),
  );
  const bind = (tx: KvTransaction): void => {
    tx.delete(bindingKey(staging.slot.id));
  };
  await name(parts, file, caller, { draft, inode, size, bind });
  file.unstage();
  draft.done();
}

/** The blocks of a complete slot that are not holes. */
export function* dataBlocks(staging: Staging, size: number): Iterable<number> {
  for (let index = 0; index * BLOCK < size; index++) {
    const data = staging.seek(index * BLOCK, size, 'data');
    if (typeof data === 'number') {
      if (data === -1) return;
      index = Math.floor(data / BLOCK);
    }
    yield index;
  }
}

/**
 * A store through a mapping leaves no trace in the slot's times once its page is dirty already: before a slot the kernel could
 * write into is given away, its bytes are compared with what was committed. Runs in the file's `serial`.
 */
export async function recheck(parts: Parts, file: OpenFile, caller: Caller): Promise<void> {
  const { staging } = file;
  if (staging === undefined || file.gone) return;
  file.observe();
  if (!file.changed && file.mappable && file.size > 0 && file.size <= BLOCK) {
    const bytes = Buffer.allocUnsafe(file.size);
    bytes.fill(0, await readSlot(parts.native, staging.slot.fd, bytes, 0));
    const draft = await parts.content.draftBytes(bytes);
    draft.drop();
    if (!sameContent(draft.content, file.base)) file.touch();
  }
  await commit(parts, file, caller, { last: true });
}

function sameContent(a: Content, b: Content): boolean {
  if (a.kind === 'block') return b.kind === 'block' && a.hash === b.hash;
  return a.kind === 'zero' && b.kind === 'zero';
}
