/** Drafts of content that differs from another in some blocks: the segments without changes are shared, the others are copied. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { KvTransaction } from '../kv/types.ts';
import type { Blocks } from './blocks.ts';
import type { Counter } from './counter.ts';
import { draftBlock, zeroDraft } from './draft-block.ts';
import { flow, Slice, wait, type Steps } from './flow.ts';
import { hashOfBytes } from './hash.ts';
import { BLOCK, blockKey, FAN, isZero, objectKey, queueKey, segmentKey } from './layout.ts';
import type { Objects } from './objects.ts';
import type { PackLog } from './pack-log.ts';
import type { Packs } from './packs.ts';
import type { Needs, Protection } from './protection.ts';
import type { Reader } from './reader.ts';
import { blockLength, encodeObject } from './records.ts';
import type { SealQueue } from './seal-queue.ts';
import { decodeSegment, encodeSegment, isRaw, rawPacks, type BlockRef } from './segment.ts';
import type { Content, Draft, Hash } from './types.ts';

export interface EditParts {
  readonly blocks: Blocks;
  readonly log: PackLog;
  readonly packs: Packs;
  readonly objects: Objects;
  readonly reader: Reader;
  readonly protection: Protection;
  readonly sealing: SealQueue;
  readonly objectIds: Counter;
  readonly segmentIds: Counter;
}

export interface Edit {
  readonly base: Content;
  /** Bytes of the base from here on count as zero. */
  readonly baseLimit: number;
  readonly size: number;
  readonly blocks: Iterable<number>;
  readonly readBlock: (index: number, into: Buffer) => Awaitable<void>;
}

/** What is to be known of the base. */
interface Base {
  readonly segments: readonly number[];
  /** The one block of a base that is no object. */
  readonly first: BlockRef;
  /** Bytes that count. */
  readonly limit: number;
}

/** A segment of the new object that is not the base's. */
interface Copy {
  id: number;
  /** The base's segment, 0 when nothing of it is left. */
  readonly from: number;
  /** Blocks of the base's segment that are kept, from its start. */
  readonly keep: number;
  readonly length: number;
  readonly changes: Map<number, BlockRef>;
}

class EditDraft implements Draft, Needs {
  content: Content = { kind: 'object', id: 0 };
  readonly hashes = new Set<Hash>();
  readonly segments = new Set<number>();
  readonly objects = new Set<number>();
  readonly packs = new Set<number>();
  readonly records = new Map<Hash, Uint8Array>();
  readonly copies: Copy[] = [];
  /** Copies with blocks that had no hash yet when they were planned. */
  readonly unsealed: number[] = [];
  #table: readonly number[] = [];
  #size = 0;
  readonly #parts: EditParts;

  constructor(parts: EditParts) {
    this.#parts = parts;
    parts.protection.hold(this);
  }

  finish(id: number, size: number, table: readonly number[]): void {
    this.content = { kind: 'object', id };
    this.objects.add(id);
    this.#size = size;
    this.#table = table;
    this.#parts.protection.hold(this);
  }

  apply(tx: KvTransaction): Awaitable<void> {
    for (const [hash, record] of this.records) tx.put(blockKey(hash), record);
    for (const pack of this.packs) this.#parts.log.apply(tx, pack);
    const [id = 0] = this.objects;
    tx.put(objectKey(id), encodeObject({ size: this.#size, segments: this.#table }));
    return flow(this.#copy(tx));
  }

  /** Clean blocks are taken as they are now: sealing may have changed the base's segment since the draft was planned. */
  *#copy(tx: KvTransaction): Steps<void> {
    for (const { id, from, keep, length, changes } of this.copies) {
      const record = from === 0 ? undefined : yield* wait(tx.get(segmentKey(from)));
      if (from !== 0 && !record)
        throw new FsError('EIO', `segment ${String(from)} is missing from the index; run \`nexus fsck\``);
      const refs = record ? decodeSegment(record).slice(0, keep) : [];
      while (refs.length < length) refs.push(null);
      for (const [index, ref] of changes) refs[index] = ref;
      tx.put(segmentKey(id), encodeSegment(refs));
      if (refs.some(isRaw)) tx.put(queueKey(id), new Uint8Array(0));
    }
  }

  done(): void {
    for (const pack of this.packs) this.#parts.log.applied(pack);
    this.#parts.sealing.add(this.unsealed);
    this.#parts.protection.release(this);
  }

  drop(): void {
    for (const id of this.unsealed) this.#parts.sealing.release(id);
    this.#parts.protection.release(this);
  }
}

class Editor {
  readonly #parts: EditParts;
  readonly #edit: Edit;
  readonly #draft: EditDraft;
  readonly #copies = new Map<number, Copy>();
  readonly #buffer: Buffer;
  /** Indexes of blocks that got new bytes. */
  readonly #written = new Set<number>();
  #base: Base = { segments: [], first: null, limit: 0 };

  constructor(parts: EditParts, edit: Edit) {
    this.#parts = parts;
    this.#edit = edit;
    this.#draft = new EditDraft(parts);
    this.#buffer = Buffer.allocUnsafe(BLOCK);
  }

  async run(): Promise<Draft> {
    try {
      this.#base = await flow(this.#findBase());
      await this.#writeBlocks();
      await this.#writeBoundary();
      this.#cutBase();
      return await this.#assemble();
    } catch (error) {
      this.#draft.drop();
      throw error;
    }
  }

  *#findBase(): Steps<Base> {
    const { base, baseLimit } = this.#edit;
    if (base.kind === 'zero') return { segments: [], first: null, limit: 0 };
    if (base.kind === 'block') {
      this.#draft.hashes.add(base.hash);
      const length = blockLength(yield* this.#parts.blocks.record(base.hash));
      return { segments: [], first: base.hash, limit: Math.min(baseLimit, length) };
    }
    const { size, segments } = yield* wait(this.#parts.objects.object(base.id));
    for (const id of segments) if (id !== 0) this.#draft.segments.add(id);
    return { segments, first: null, limit: Math.min(baseLimit, size) };
  }

  async #writeBlocks(): Promise<void> {
    const { size, blocks, readBlock } = this.#edit;
    const slice = new Slice();
    for (const index of blocks) {
      if (index * BLOCK >= size) continue;
      const into = this.#buffer.subarray(0, Math.min(BLOCK, size - index * BLOCK));
      await readBlock(index, into);
      await this.#put(index, into);
      if (slice.over) await slice.pause();
    }
  }

  /** Stores the new bytes of a block. */
  async #put(index: number, bytes: Uint8Array): Promise<void> {
    const { changes } = this.#copyOf(Math.floor(index / FAN));
    this.#written.add(index);
    if (isZero(bytes)) {
      changes.set(index % FAN, null);
      return;
    }
    const hash = hashOfBytes(bytes);
    this.#draft.hashes.add(hash);
    const stored = await this.#parts.blocks.store(hash, bytes);
    if (stored.record) this.#draft.records.set(hash, stored.record);
    if (stored.pack !== 0 && !this.#draft.packs.has(stored.pack)) {
      this.#draft.packs.add(stored.pack);
      this.#parts.protection.hold(this.#draft);
    }
    changes.set(index % FAN, hash);
  }

  #copyOf(segment: number): Copy {
    const known = this.#copies.get(segment);
    if (known) return known;
    const { segments, limit } = this.#base;
    const length = Math.min(FAN, Math.ceil(this.#edit.size / BLOCK) - segment * FAN);
    const kept = Math.ceil(limit / BLOCK) - segment * FAN;
    const keep = Math.max(0, Math.min(length, kept));
    const copy: Copy = {
      id: 0,
      from: keep > 0 ? (segments[segment] ?? 0) : 0,
      keep,
      length,
      changes: new Map(),
    };
    if (segment === 0 && this.#base.first !== null && keep > 0) copy.changes.set(0, this.#base.first);
    this.#copies.set(segment, copy);
    return copy;
  }

  /** The block in which the base ends may hold more bytes than count: they must not come to light again when the content grows. */
  async #writeBoundary(): Promise<void> {
    const { base, size } = this.#edit;
    const { limit } = this.#base;
    const index = Math.floor(limit / BLOCK);
    const start = index * BLOCK;
    if (limit === start || size <= limit || this.#written.has(index)) return;
    const ref = await this.#baseRef(index);
    if (ref === null || (await this.#lengthOf(ref)) <= limit - start) return;
    const into = this.#buffer.subarray(0, Math.min(BLOCK, size - start)).fill(0);
    await this.#parts.reader.read(base, limit, into, start);
    await this.#put(index, into);
  }

  async #baseRef(index: number): Promise<BlockRef> {
    if (this.#base.first !== null) return index === 0 ? this.#base.first : null;
    const segment = this.#base.segments[Math.floor(index / FAN)] ?? 0;
    return segment === 0
      ? null
      : (decodeSegment(await this.#parts.objects.segment(segment))[index % FAN] ?? null);
  }

  async #lengthOf(ref: Exclude<BlockRef, null>): Promise<number> {
    if (isRaw(ref)) return Math.min(BLOCK, (await this.#parts.packs.sizeOf(ref.pack)) - ref.offset);
    return blockLength(await flow(this.#parts.blocks.record(ref)));
  }

  /** Segments of the base with blocks past its limit are copied without these, where the new content reaches that far. */
  #cutBase(): void {
    const { size } = this.#edit;
    const { segments, first, limit } = this.#base;
    if (first !== null) this.#copyOf(0);
    const segment = Math.floor(limit / (FAN * BLOCK));
    if (size > limit && (segments[segment] ?? 0) !== 0 && limit % (FAN * BLOCK) !== 0) this.#copyOf(segment);
  }

  async #assemble(): Promise<Draft> {
    const { size } = this.#edit;
    const count = Math.ceil(size / (FAN * BLOCK));
    const kept = Math.ceil(this.#base.limit / (FAN * BLOCK));
    const table = Array.from({ length: count }, (_, index) =>
      index < kept ? (this.#base.segments[index] ?? 0) : 0,
    );
    for (const [segment, copy] of this.#copies) table[segment] = await this.#identify(copy);
    if (table.every((id) => id === 0)) {
      this.#draft.drop();
      return zeroDraft;
    }
    this.#draft.finish(await this.#parts.objectIds.take(1), size, table);
    return this.#draft;
  }

  /** The number of a copied segment: 0 when only zero blocks are left. */
  async #identify(copy: Copy): Promise<number> {
    const base =
      copy.from === 0 ? [] : decodeSegment(await this.#parts.objects.segment(copy.from)).slice(0, copy.keep);
    const clean = base.filter((_, index) => !copy.changes.has(index));
    if (![...clean, ...copy.changes.values()].some((ref) => ref !== null)) return 0;
    copy.id = await this.#parts.segmentIds.take(1);
    const packs = rawPacks(clean);
    if (packs.size > 0) {
      this.#draft.unsealed.push(copy.id);
      this.#parts.sealing.hold(copy.id, packs);
    }
    this.#draft.copies.push(copy);
    this.#draft.segments.add(copy.id);
    return copy.id;
  }
}

/** All new bytes at once, for content of at most one block. */
async function draftSmall(parts: EditParts, edit: Edit): Promise<Draft> {
  const bytes = Buffer.alloc(edit.size);
  let dirty = false;
  for (const index of edit.blocks) dirty ||= index === 0;
  if (dirty) await edit.readBlock(0, bytes);
  else await parts.reader.read(edit.base, Math.min(edit.baseLimit, edit.size), bytes, 0);
  return draftBlock(bytes, parts.blocks, parts.log, parts.protection);
}

export async function draftEdited(parts: EditParts, edit: Edit): Promise<Draft> {
  if (edit.size === 0) return zeroDraft;
  return edit.size <= BLOCK ? draftSmall(parts, edit) : new Editor(parts, edit).run();
}
