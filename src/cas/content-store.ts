/** Content-addressed storage: bytes become content under their hashes, and content is read back verified. */
import type { Awaitable } from '../base/awaitable.ts';
import { loadNative } from '../host/native.ts';
import type { KvStore } from '../kv/types.ts';
import { Blocks } from './blocks.ts';
import { Counter } from './counter.ts';
import { draftAdopted, type AdoptParts } from './draft-adopt.ts';
import { draftBlock } from './draft-block.ts';
import { draftEdited, type EditParts } from './draft-edit.ts';
import { Files } from './files.ts';
import { Gate } from './gate.ts';
import { Hashing } from './hashing.ts';
import { packKey } from './layout.ts';
import { Objects } from './objects.ts';
import { PackLog } from './pack-log.ts';
import { Packs } from './packs.ts';
import { Protection } from './protection.ts';
import { Puncher } from './puncher.ts';
import { Reader } from './reader.ts';
import { SealQueue } from './seal-queue.ts';
import { SlotPool } from './slot-pool.ts';
import { Sweep, type Swept, type SweepParts } from './sweep.ts';
import type { Content, Draft, Hash, Problem, Progress, Slot } from './types.ts';
import { Verifier, type VerifyParts } from './verify.ts';
import { WholeHash, type WholeParts } from './whole-hash.ts';

export interface ContentStoreOptions {
  /** Where the numbered files are kept (`<data>/content`); made when missing. */
  readonly directory: string;
  /** Holds the index; its `sync` must call `syncPacks` of this store first. */
  readonly kv: KvStore;
  /** The compiled hashing thread, where it is not beside this file. */
  readonly worker?: URL;
}

/** Everything the store is made of. */
interface Parts extends AdoptParts, EditParts, SweepParts, VerifyParts, WholeParts {
  readonly native: AdoptParts['native'];
  readonly kv: KvStore;
}

async function assemble(options: ContentStoreOptions): Promise<Parts> {
  const { kv, directory } = options;
  const native = loadNative();
  const files = await Files.open(directory);
  const slots = new SlotPool(files, await Counter.open(kv, 'file'), native);
  const packs = new Packs(files, kv, native);
  let log: PackLog | undefined;
  try {
    log = await PackLog.open(kv, files, slots, packs);
    return await assembleOver(options, { native, kv, files, slots, packs, log });
  } catch (error) {
    await slots.close();
    log?.close();
    packs.close();
    throw error;
  }
}

async function assembleOver(
  { kv, worker }: ContentStoreOptions,
  disk: Pick<Parts, 'native' | 'kv' | 'files' | 'slots' | 'packs' | 'log'>,
): Promise<Parts> {
  const { native, files, packs, log } = disk;
  const protection = new Protection();
  const gate = new Gate();
  const blocks = new Blocks(kv, files, packs, log, protection);
  const objects = new Objects(kv);
  const reader = new Reader(objects, blocks, gate);
  const objectIds = await Counter.open(kv, 'object');
  const segmentIds = await Counter.open(kv, 'segment');
  const hashing = new Hashing(worker);
  const puncher = new Puncher(kv, files, native, gate);
  const sealing = new SealQueue({ kv, blocks, objects, packs, hashing, protection, puncher });
  return {
    ...disk,
    protection,
    gate,
    blocks,
    objects,
    reader,
    hashing,
    puncher,
    sealing,
    objectIds,
    segmentIds,
  };
}

export class ContentStore implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #whole: WholeHash;
  #syncing: Promise<void> | undefined;
  #syncNext: Promise<void> | undefined;
  #sweep: Sweep | undefined;
  #sweeping: Promise<Swept> | undefined;
  #closed = false;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#whole = new WholeHash(parts);
  }

  static async open(options: ContentStoreOptions): Promise<ContentStore> {
    const store = new ContentStore(await assemble(options));
    try {
      await store.#parts.sealing.start();
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    }
    return store;
  }

  /** An empty file for staging, pooled or new. ENOSPC, EMFILE, EIO as the host says. */
  slot(): Slot {
    return this.#parts.slots.take();
  }

  /**
   * A slot with bytes in it has been truncated to nothing, and is still empty. Unless ext4 is told, closing any descriptor of the
   * file (each close of a passthrough file is one) waits for its new bytes to be written out: milliseconds instead of microseconds.
   */
  truncated(slot: Slot): void {
    this.#parts.files.forgetTruncation(slot.id);
  }

  /** Recovery: the slot a record of the last run names; undefined when its file is missing. Ask before `discardSlotsExcept`. */
  reopenSlot(id: number): Slot | undefined {
    return this.#parts.slots.reopen(id);
  }

  /** Nothing refers to these slots any more, durably or not: they are emptied and pooled, or deleted. */
  giveBack(slots: readonly Slot[]): void {
    for (const slot of slots) this.#parts.slots.giveBack(slot);
  }

  /** Start-up: deletes the files of former runs that are neither packs nor among `ids`. */
  async discardSlotsExcept(ids: ReadonlySet<number>): Promise<void> {
    await this.#parts.slots.discardOld(
      async (id) => ids.has(id) || (await this.#parts.kv.get(packKey(id))) !== undefined,
    );
  }

  /** Content of at most BLOCK bytes. The caller may reuse `bytes` as soon as the draft is there. ENOSPC when the disk is full. */
  draftBytes(bytes: Uint8Array): Awaitable<Draft> {
    const { blocks, log, protection } = this.#parts;
    return draftBlock(bytes, blocks, log, protection);
  }

  /**
   * Content of `size` bytes made of the slot's file itself, which is cut or extended to `size` and never written again. Size > BLOCK.
   * With `done` the slot and its descriptor belong to the store; with `drop` they stay with the caller.
   */
  draftAdopt(slot: Slot, size: number): Promise<Draft> {
    return draftAdopted(this.#parts, slot, size);
  }

  /**
   * Content of `size` bytes: those of `base`, of which everything from `baseLimit` on counts as zero, with the blocks at the
   * indexes `blocks` (of BLOCK bytes each; any order) replaced. `readBlock(index, into)` fills `into` with the whole new bytes
   * of that block; the last block is shorter. The loop gets its turn between blocks.
   */
  draftEdit(
    base: Content,
    baseLimit: number,
    size: number,
    blocks: Iterable<number>,
    readBlock: (index: number, into: Buffer) => Awaitable<void>,
  ): Promise<Draft> {
    return draftEdited(this.#parts, { base, baseLimit, size, blocks, readBlock });
  }

  /** The caller is about to name again a content that some record names now (a copy, a restored version): no sweep under way takes it. */
  protect(content: Content): void {
    this.#parts.protection.protect(content);
  }

  /**
   * Reads into `into` from `offset`; the number of bytes, fewer only at the end (`size`). Verified: bytes that are not what their
   * hash says are EIO, never returned. Answers at once when the bytes are in memory.
   */
  read(content: Content, size: number, into: Uint8Array, offset: number): Awaitable<number> {
    return this.#parts.reader.read(content, size, into, offset);
  }

  /** SEEK_DATA and SEEK_HOLE by whole blocks; the end of the file is a hole. -1 when there is none (ENXIO). */
  extents(content: Content, size: number, offset: number, whence: 'data' | 'hole'): Awaitable<number> {
    return this.#parts.reader.extents(content, size, offset, whence);
  }

  /** BLAKE3-256 of the `size` bytes; remembered. EIO as `read`. */
  hashOf(content: Content, size: number): Promise<Hash> {
    return this.#whole.of(content, size);
  }

  /** When it resolves, every pack written before is on the disk, its name included; so are the names of slots. */
  syncPacks(): Promise<void> {
    if (this.#syncing) {
      // What is written since the one under way began takes another, which serves everybody who asks meanwhile.
      this.#syncNext ??= this.#syncing
        .catch(() => undefined) // Told to those who asked for it.
        .then(() => {
          this.#syncNext = undefined;
          return this.syncPacks();
        });
      return this.#syncNext;
    }
    this.#syncing = this.#sync().finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  async #sync(): Promise<void> {
    await this.#parts.packs.sync();
    await this.#parts.files.syncNames();
  }

  /** Resolves when nothing waits to be sealed (what failed is in `stats` and waits for the next start). */
  settle(): Promise<void> {
    return this.#parts.sealing.settle();
  }

  /**
   * Deletes what no content of `live()` needs, while everything goes on. `live` yields every content named by a record and every
   * content an open file still reads; what is drafted or protected from the call on is kept. A second call joins the first.
   */
  sweep(
    live: () => AsyncIterable<Content>,
    progress?: (done: Progress) => void,
  ): Promise<{ readonly blocks: number; readonly bytes: number }> {
    if (this.#sweeping) return this.#sweeping;
    this.#sweep = new Sweep(this.#parts, progress);
    this.#sweeping = this.#sweep.run(live).finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  /** Reads and checks everything: each block against its hash, each reference of segments and objects. */
  verify(progress?: (done: Progress) => void): AsyncIterable<Problem> {
    return new Verifier(this.#parts, progress).all();
  }

  /** Can the content be there? Looks at records and lengths of files only, not at bytes: for recovery after a power cut. */
  async inspect(content: Content, size: number): Promise<Problem | undefined> {
    for await (const problem of new Verifier(this.#parts).content(content, size)) return problem;
    return undefined;
  }

  /** Counters and gauges for `nexus status`. */
  stats(): Readonly<Record<string, number>> {
    const { slots, packs, blocks, sealing, puncher, protection } = this.#parts;
    const { ready, out, created } = slots.counts;
    return {
      slotsReady: ready,
      slotsOut: out,
      slotsCreated: created,
      packsOpen: packs.opened,
      packsUnsynced: packs.unsynced,
      draftsUnderWay: protection.drafts,
      blocksStored: blocks.counts.stored,
      bytesStored: blocks.counts.storedBytes,
      blocksKnown: blocks.counts.known,
      blocksHealed: blocks.counts.healed,
      blocksDamaged: blocks.counts.damaged,
      segmentsWaiting: sealing.waiting,
      segmentsFailed: sealing.counts.failed,
      blocksSealed: sealing.counts.sealed,
      blocksDuplicate: sealing.counts.duplicates,
      bytesPunched: puncher.punched,
    };
  }

  /** Why sealing failed last; '' when it never did. */
  get sealError(): string {
    return this.#parts.sealing.lastError;
  }

  /** Stops sealing (it goes on at the next start) and closes every file. Drafts must be done or dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { sealing, hashing, slots, log, packs, files } = this.#parts;
    this.#sweep?.stop();
    await this.#sweeping?.catch(() => undefined); // Told to whoever asked for it.
    await sealing.stop();
    await hashing.close();
    await slots.close();
    log.close();
    packs.close();
    await files.closed();
  }
}
