/** Drafts of content made of a slot's file itself: nothing is copied, the file becomes a pack and its blocks are hashed later. */
import { ftruncateSync } from 'node:fs';
import type { KvTransaction } from '../kv/types.ts';
import type { Native } from '../host/native.ts';
import { ZERO } from './content.ts';
import type { Counter } from './counter.ts';
import { Slice } from './flow.ts';
import { hostError } from './host-error.ts';
import { BLOCK, FAN, objectKey, packKey, queueKey, segmentKey } from './layout.ts';
import type { Packs } from './packs.ts';
import type { Needs, Protection } from './protection.ts';
import { encodeObject, encodePack } from './records.ts';
import type { SealQueue } from './seal-queue.ts';
import { encodeSegment, type BlockRef } from './segment.ts';
import type { SlotPool } from './slot-pool.ts';
import type { Content, Draft, Slot } from './types.ts';

export interface AdoptParts {
  readonly native: Native;
  readonly slots: SlotPool;
  readonly packs: Packs;
  readonly protection: Protection;
  readonly sealing: SealQueue;
  readonly objectIds: Counter;
  readonly segmentIds: Counter;
}

interface Segment {
  id: number;
  readonly record: Uint8Array;
}

/** The blocks of a file that hold data, by segment; undefined for segments without any. */
async function dataBlocks(native: Native, slot: Slot, size: number): Promise<(BlockRef[] | undefined)[]> {
  const blocks = Math.ceil(size / BLOCK);
  const segments = new Array<BlockRef[] | undefined>(Math.ceil(blocks / FAN)).fill(undefined);
  const slice = new Slice();
  for (let place = 0; place < size; ) {
    const data = native.seek(slot.fd, place, 'data');
    if (data < 0 || data >= size) break;
    const hole = native.seek(slot.fd, data, 'hole');
    const end = Math.ceil(Math.min(hole < 0 ? size : hole, size) / BLOCK);
    for (let index = Math.floor(data / BLOCK); index < end; index++) {
      const segment = Math.floor(index / FAN);
      const last = Math.min(FAN, blocks - segment * FAN);
      const refs = (segments[segment] ??= new Array<BlockRef>(last).fill(null));
      refs[index % FAN] = { pack: slot.id, offset: index * BLOCK };
    }
    place = end * BLOCK;
    if (slice.over) await slice.pause();
  }
  return segments;
}

class AdoptDraft implements Draft, Needs {
  readonly content: Content;
  readonly hashes = [];
  readonly segments: readonly number[];
  readonly objects: readonly number[];
  readonly packs: readonly number[];
  readonly #parts: AdoptParts;
  readonly #slot: Slot;
  readonly #size: number;
  readonly #table: readonly (Segment | undefined)[];

  constructor(
    parts: AdoptParts,
    slot: Slot,
    size: number,
    id: number,
    table: readonly (Segment | undefined)[],
  ) {
    this.content = { kind: 'object', id };
    this.segments = table.flatMap((segment) => (segment ? [segment.id] : []));
    this.objects = [id];
    this.packs = [slot.id];
    this.#parts = parts;
    this.#slot = slot;
    this.#size = size;
    this.#table = table;
    parts.protection.hold(this);
    for (const segment of this.segments) parts.sealing.hold(segment, this.packs);
  }

  apply(tx: KvTransaction): void {
    const [id = 0] = this.objects;
    tx.put(packKey(this.#slot.id), encodePack({ state: 'adopted', bytes: this.#size }));
    for (const segment of this.#table) {
      if (!segment) continue;
      tx.put(segmentKey(segment.id), segment.record);
      tx.put(queueKey(segment.id), new Uint8Array(0));
    }
    tx.put(
      objectKey(id),
      encodeObject({ size: this.#size, segments: this.#table.map((segment) => segment?.id ?? 0) }),
    );
  }

  done(): void {
    const { slots, packs, sealing, protection } = this.#parts;
    slots.forget(this.#slot);
    packs.adopt(this.#slot.id, this.#slot.fd, this.#size);
    sealing.add(this.segments);
    protection.release(this);
  }

  drop(): void {
    for (const segment of this.segments) this.#parts.sealing.release(segment);
    this.#parts.protection.release(this);
  }
}

/** A file of zero bytes only needs no pack: the slot is free again. */
function emptyDraft(parts: AdoptParts, slot: Slot): Draft {
  return {
    content: ZERO,
    apply: () => undefined,
    done: () => {
      parts.slots.giveBack(slot);
    },
    drop: () => undefined,
  };
}

export async function draftAdopted(parts: AdoptParts, slot: Slot, size: number): Promise<Draft> {
  const stat = new Float64Array(8);
  try {
    parts.native.fstat(slot.fd, stat);
    if (stat[0] !== size) ftruncateSync(slot.fd, size);
  } catch (error) {
    throw hostError(error, 'cannot set the size of a staged file');
  }
  const tables = await dataBlocks(parts.native, slot, size).catch((error: unknown) => {
    throw hostError(error, 'cannot find the data of a staged file');
  });
  const count = tables.reduce((sum, refs) => sum + (refs ? 1 : 0), 0);
  if (count === 0) return emptyDraft(parts, slot);
  let next = await parts.segmentIds.take(count);
  const table = tables.map((refs) => refs && { id: next++, record: encodeSegment(refs) });
  parts.packs.written(slot.id);
  return new AdoptDraft(parts, slot, size, await parts.objectIds.take(1), table);
}
