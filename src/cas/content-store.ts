/** Content-addressed storage: bytes become content under their hashes, and content is read back verified. */
import type { Awaitable } from '../base/awaitable.ts';
import type { KvStore } from '../kv/types.ts';
import type { Content, Draft, Hash, Problem, Progress, Slot } from './types.ts';

export interface ContentStoreOptions {
  /** Where the numbered files are kept (`<data>/content`); made when missing. */
  readonly directory: string;
  /** Holds the index; its `sync` must call `syncPacks` of this store first. */
  readonly kv: KvStore;
}

export declare class ContentStore implements AsyncDisposable {
  private constructor();

  static open(options: ContentStoreOptions): Promise<ContentStore>;

  /** An empty file for staging, pooled or new. ENOSPC, EMFILE, EIO as the host says. */
  slot(): Slot;
  /** Recovery: the slot a record of the last run names; undefined when its file is missing. Ask before `discardSlotsExcept`. */
  reopenSlot(id: number): Slot | undefined;
  /** Nothing refers to these slots any more, durably or not: they are emptied and pooled, or deleted. */
  giveBack(slots: readonly Slot[]): void;
  /** Start-up: deletes the files of former runs that are neither packs nor among `ids`. */
  discardSlotsExcept(ids: ReadonlySet<number>): Promise<void>;

  /** Content of at most BLOCK bytes. The caller may reuse `bytes` as soon as the draft is there. ENOSPC when the disk is full. */
  draftBytes(bytes: Uint8Array): Awaitable<Draft>;
  /**
   * Content of `size` bytes made of the slot's file itself, which is cut or extended to `size` and never written again. Size > BLOCK.
   * With `done` the slot and its descriptor belong to the store; with `drop` they stay with the caller.
   */
  draftAdopt(slot: Slot, size: number): Promise<Draft>;
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
  ): Promise<Draft>;
  /** The caller is about to name again a content that some record names now (a copy, a restored version): no sweep under way takes it. */
  protect(content: Content): void;

  /**
   * Reads into `into` from `offset`; the number of bytes, fewer only at the end (`size`). Verified: bytes that are not what their
   * hash says are EIO, never returned. Answers at once when the bytes are in memory.
   */
  read(content: Content, size: number, into: Uint8Array, offset: number): Awaitable<number>;
  /** SEEK_DATA and SEEK_HOLE by whole blocks; the end of the file is a hole. -1 when there is none (ENXIO). */
  extents(content: Content, size: number, offset: number, whence: 'data' | 'hole'): Awaitable<number>;
  /** BLAKE3-256 of the `size` bytes; remembered. EIO as `read`. */
  hashOf(content: Content, size: number): Promise<Hash>;

  /** When it resolves, every pack written before is on the disk, its name included; so are the names of slots. */
  syncPacks(): Promise<void>;
  /** Resolves when nothing waits to be sealed (what failed is in `stats` and waits for the next start). */
  settle(): Promise<void>;
  /**
   * Deletes what no content of `live()` needs, while everything goes on. `live` yields every content named by a record and every
   * content an open file still reads; what is drafted or protected from the call on is kept. A second call joins the first.
   */
  sweep(
    live: () => AsyncIterable<Content>,
    progress?: (done: Progress) => void,
  ): Promise<{ blocks: number; bytes: number }>;
  /** Reads and checks everything: each block against its hash, each reference of segments and objects. */
  verify(progress?: (done: Progress) => void): AsyncIterable<Problem>;
  /** Can the content be there? Looks at records and lengths of files only, not at bytes: for recovery after a power cut. */
  inspect(content: Content, size: number): Promise<Problem | undefined>;
  /** Counters and gauges for `nexus status`. */
  stats(): Readonly<Record<string, number>>;
  /** Stops sealing (it goes on at the next start) and closes every file. Drafts must be done or dropped. */
  [Symbol.asyncDispose](): Promise<void>;
}
