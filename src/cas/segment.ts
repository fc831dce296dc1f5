/**
 * A segment: up to FAN blocks, kept as runs of one kind so that a fresh one is a few bytes and a sealed one its hashes.
 * A run is its kind, its count less one, and: nothing (zero blocks) | the hashes | the place of its first block, the others following
 * at multiples of BLOCK (blocks not hashed yet).
 */
import { FsError } from '../base/errors.ts';
import { hashAt } from './hash.ts';
import { BLOCK, FAN } from './layout.ts';
import type { Hash } from './types.ts';

/** Bytes of an adopted pack that have no hash yet. They end at BLOCK bytes or at the end of the pack. */
export interface Raw {
  readonly pack: number;
  readonly offset: number;
}

/** One block of a segment; null for zero bytes. */
export type BlockRef = Hash | Raw | null;

export function isRaw(ref: BlockRef): ref is Raw {
  return typeof ref === 'object' && ref !== null;
}

function kindOf(ref: BlockRef): number {
  if (ref === null) return 0;
  return typeof ref === 'string' ? 1 : 2;
}

function follows(before: BlockRef, ref: BlockRef): boolean {
  if (!isRaw(before) || !isRaw(ref)) return kindOf(before) === kindOf(ref);
  return before.pack === ref.pack && before.offset + BLOCK === ref.offset;
}

function runEnd(refs: readonly BlockRef[], start: number): number {
  let end = start + 1;
  while (end < refs.length && follows(refs[end - 1] ?? null, refs[end] ?? null)) end++;
  return end;
}

export function encodeSegment(refs: readonly BlockRef[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(refs.length * 34);
  let at = 0;
  for (let start = 0; start < refs.length; ) {
    const end = runEnd(refs, start);
    const first = refs[start] ?? null;
    bytes[at++] = kindOf(first);
    bytes[at++] = end - start - 1;
    if (isRaw(first)) {
      at = bytes.writeUIntBE(first.offset, bytes.writeUInt32BE(first.pack, at), 6);
    } else if (first !== null) {
      for (let index = start; index < end; index++) at += bytes.write(refs[index] as Hash, at, 'latin1');
    }
    start = end;
  }
  // A slice would keep the whole buffer alive for as long as the record is in memory.
  return Uint8Array.prototype.slice.call(bytes, 0, at);
}

/** Bytes of a run's payload. */
function payload(kind: number, count: number): number {
  if (kind === 0) return 0;
  if (kind === 1) return count * 32;
  if (kind === 2) return 10;
  throw new FsError('EIO', 'a record of a segment is damaged; run `nexus fsck`');
}

function refInRun(bytes: Uint8Array, at: number, kind: number, index: number): BlockRef {
  if (kind === 0) return null;
  if (kind === 1) return hashAt(bytes, at + index * 32);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + at, 10);
  return { pack: view.readUInt32BE(0), offset: view.readUIntBE(4, 6) + index * BLOCK };
}

/** Calls back for every run; the callback returns true to stop. */
function walk(
  bytes: Uint8Array,
  visit: (kind: number, first: number, count: number, at: number) => boolean,
): void {
  let first = 0;
  for (let at = 0; at < bytes.length; ) {
    const kind = bytes[at] ?? 0;
    const count = (bytes[at + 1] ?? 0) + 1;
    const end = at + 2 + payload(kind, count);
    if (end > bytes.length || first + count > FAN)
      throw new FsError('EIO', 'a record of a segment is cut short; run `nexus fsck`');
    if (visit(kind, first, count, at + 2)) return;
    first += count;
    at = end;
  }
}

/** The block at an index of an encoded segment; null past its end. */
export function refAt(bytes: Uint8Array, index: number): BlockRef {
  let found: BlockRef = null;
  walk(bytes, (kind, first, count, at) => {
    if (index >= first + count) return false;
    found = refInRun(bytes, at, kind, index - first);
    return true;
  });
  return found;
}

export function decodeSegment(bytes: Uint8Array): BlockRef[] {
  const refs: BlockRef[] = [];
  walk(bytes, (kind, _first, count, at) => {
    for (let index = 0; index < count; index++) refs.push(refInRun(bytes, at, kind, index));
    return false;
  });
  return refs;
}

/** The packs that hold blocks of a segment which have no hash yet. */
export function rawPacks(refs: Iterable<BlockRef>): Set<number> {
  const packs = new Set<number>();
  for (const ref of refs) if (isRaw(ref)) packs.add(ref.pack);
  return packs;
}
