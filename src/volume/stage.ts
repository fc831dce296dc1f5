/** Begins staging: gets a slot, puts into it what the file holds, and binds it to the file before anything is acknowledged. */
import { BLOCK } from '../cas/layout.ts';
import type { Slot } from '../cas/types.ts';
import { bindingKey, encodeBinding } from './binding.ts';
import { CompleteStaging } from './complete-staging.ts';
import type { OpenFile } from './open-file.ts';
import { OverlayStaging } from './overlay-staging.ts';
import { breathe, resizeSlot, SLICE, writeSlot } from './slot-io.ts';
import type { Staging } from './staging.ts';
import type { Binding, Mark, Parts } from './types.ts';

/** Files up to this size are copied whole for the kernel to write into by itself. */
export const BACKING_LIMIT = 4 * 1024 * 1024;

/** The record of a slot that a new, empty file gets. */
export function newBinding(ino: number): Binding {
  return {
    ino,
    kind: 'complete',
    baseLimit: 0,
    durable: false,
    changed: true,
    mark: undefined,
    bytes: undefined,
  };
}

/** Writes a changed record of the file's slot. */
export async function rebind(parts: Parts, file: OpenFile, change: Partial<Binding>): Promise<void> {
  const { staging, binding } = file;
  if (staging === undefined || binding === undefined) return;
  const next = { ...binding, ...change };
  await parts.kv.write((tx) => {
    tx.put(bindingKey(staging.slot.id), encodeBinding(next));
  });
  file.binding = next;
}

/** Does the record say that more of the base shows through than does? A cut could not be recorded then. */
export function isBehind({ staging, binding }: OpenFile): boolean {
  return staging !== undefined && binding !== undefined && staging.baseLimit < binding.baseLimit;
}

/** Records a cut. Before the slot may grow again: recovery would show the base's bytes in the new room. */
export async function catchUp(parts: Parts, file: OpenFile): Promise<void> {
  if (file.staging !== undefined && isBehind(file)) {
    await rebind(parts, file, { baseLimit: file.staging.baseLimit, changed: true });
  }
}

/**
 * Stages a file that is not staged. Of its bytes the first `keep` are kept. The slot is complete where that is cheap, and where
 * `whole` asks for it. Runs in the file's `serial`.
 */
export async function stage(parts: Parts, file: OpenFile, keep: number, whole: boolean): Promise<Staging> {
  const kept = Math.min(keep, file.baseSize);
  const slot = parts.content.slot();
  try {
    const complete = whole || kept <= BLOCK || !parts.host.pageHoles;
    const staging = complete
      ? await copyWhole(parts, file, slot, kept)
      : await layOver(parts, file, slot, kept);
    const changed = kept < file.baseSize;
    const mark = file.settle(staging);
    await bind(parts, file, staging, changed, mark);
    file.size = kept;
    if (changed) file.touch();
    return staging;
  } catch (error) {
    parts.content.giveBack([slot]);
    throw error;
  }
}

async function bind(
  parts: Parts,
  file: OpenFile,
  staging: Staging,
  changed: boolean,
  mark: Mark,
): Promise<void> {
  const precise = parts.host.preciseTimes;
  const binding: Binding = {
    ino: file.ino,
    kind: staging.kind,
    baseLimit: staging.baseLimit,
    durable: false,
    changed: changed || !precise,
    mark: precise && !changed ? mark : undefined,
    bytes: undefined,
  };
  await parts.kv.write((tx) => {
    tx.put(bindingKey(staging.slot.id), encodeBinding(binding));
  });
  file.binding = binding;
  file.staging = staging;
}

async function layOver(parts: Parts, file: OpenFile, slot: Slot, kept: number): Promise<Staging> {
  await resizeSlot(slot.fd, 0, kept);
  const base = { content: file.base, size: file.baseSize, limit: kept };
  return new OverlayStaging(parts.native, parts.content, slot, base);
}

async function copyWhole(parts: Parts, file: OpenFile, slot: Slot, kept: number): Promise<Staging> {
  if (kept > 0) {
    if (file.base.kind !== 'zero') await copyData(parts, file, slot, kept);
    await resizeSlot(slot.fd, 0, kept);
  }
  return new CompleteStaging(parts.native, slot);
}

/** Copies what is data: holes stay holes. */
async function copyData(parts: Parts, file: OpenFile, slot: Slot, kept: number): Promise<void> {
  const { content } = parts;
  const buffer = Buffer.allocUnsafe(Math.min(SLICE, kept));
  let at = 0;
  for (;;) {
    const from = await content.extents(file.base, file.baseSize, at, 'data');
    if (from === -1 || from >= kept) return;
    const hole = await content.extents(file.base, file.baseSize, from, 'hole');
    const to = Math.min(kept, hole === -1 ? kept : hole, from + buffer.length);
    const slice = buffer.subarray(0, to - from);
    const count = await content.read(file.base, file.baseSize, slice, from);
    await writeWhole(slot, slice.subarray(0, count), from);
    at = to;
    if (at >= kept) return;
    await breathe();
  }
}

/** Writes all of it, or tells why not. */
export async function writeWhole(slot: Slot, data: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < data.length) done += await writeSlot(slot.fd, data.subarray(done), offset + done);
}
