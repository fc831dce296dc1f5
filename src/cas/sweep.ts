/**
 * Mark and sweep while everything goes on. Two phases: what live contents need is marked; then records that are neither marked nor
 * protected are deleted, and packs give their space back. Nothing leaves a disk before the index without it is durable.
 */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { Entry, KvStore, KvTransaction } from '../kv/types.ts';
import type { Files } from './files.ts';
import { flow, Slice, wait, type Steps } from './flow.ts';
import type { Gate } from './gate.ts';
import { hashOfKey } from './hash.ts';
import { blockKey, idOfKey, objectKey, packKey, queueKey, segmentKey, wholeKey } from './layout.ts';
import { HashBag, IdSet, PackUse } from './live-set.ts';
import type { Objects } from './objects.ts';
import type { PackLog } from './pack-log.ts';
import type { Packs } from './packs.ts';
import type { Kept, Protection } from './protection.ts';
import type { Puncher } from './puncher.ts';
import { blockLength, decodeLocation, decodeObject, decodePack } from './records.ts';
import { decodeSegment, isRaw } from './segment.ts';
import type { Content, Hash, Progress } from './types.ts';

export interface SweepParts {
  readonly kv: KvStore;
  readonly files: Files;
  readonly native: { seek(fd: number, offset: number, whence: 'data' | 'hole'): number };
  readonly packs: Packs;
  readonly log: PackLog;
  readonly objects: Objects;
  readonly protection: Protection;
  readonly puncher: Puncher;
  readonly gate: Gate;
}

export interface Swept {
  readonly blocks: number;
  readonly bytes: number;
}

export class Sweep {
  readonly #parts: SweepParts;
  readonly #kept: Kept;
  readonly #progress: ((done: Progress) => void) | undefined;
  readonly #slice = new Slice();
  readonly #hashes = new HashBag();
  readonly #objects = new IdSet();
  readonly #segments = new IdSet();
  readonly #use = new Map<number, PackUse>();
  #looked = 0;
  #stopped = false;
  #blocks = 0;
  #bytes = 0;

  constructor(parts: SweepParts, progress?: (done: Progress) => void) {
    this.#parts = parts;
    this.#progress = progress;
    this.#kept = parts.protection.begin();
    parts.log.close();
  }

  async run(live: () => AsyncIterable<Content>): Promise<Swept> {
    try {
      for await (const content of live()) await this.#mark(content);
      for (let content = this.#kept.contents.shift(); content; content = this.#kept.contents.shift())
        await this.#mark(content);
      for (const id of [...this.#kept.objects]) await this.#markObject(id);
      for (const id of [...this.#kept.segments]) await this.#markSegment(id);
      await this.#each('j', 64, (page) => this.#dropObjects(page));
      await this.#each('s', 32, (page) => this.#dropSegments(page));
      await this.#each('b', 64, (page) => this.#dropBlocks(page));
      await this.#freePacks();
      return { blocks: this.#blocks, bytes: this.#bytes };
    } finally {
      this.#parts.protection.end();
    }
  }

  /** Ends `run` soon, with an error; what it has not deleted waits for the next sweep. */
  stop(): void {
    this.#stopped = true;
  }

  async #mark(content: Content): Promise<void> {
    if (content.kind === 'block') this.#hashes.add(content.hash);
    else if (content.kind === 'object') await this.#markObject(content.id);
    await this.#step();
  }

  async #markObject(id: number): Promise<void> {
    if (!this.#objects.add(id)) return;
    const record = await this.#parts.kv.get(objectKey(id));
    if (!record) return; // A draft whose transaction is still to come, or a loss that `verify` reports.
    for (const segment of decodeObject(record).segments) if (segment !== 0) await this.#markSegment(segment);
  }

  async #markSegment(id: number): Promise<void> {
    if (!this.#segments.add(id)) return;
    const record = await this.#parts.kv.get(segmentKey(id));
    if (!record) return;
    for (const ref of decodeSegment(record)) {
      if (isRaw(ref)) (await this.#useOf(ref.pack))?.add(ref.offset, 1);
      else if (ref !== null) this.#hashes.add(ref);
    }
    await this.#step();
  }

  /** undefined for a file that is no pack (yet). */
  async #useOf(pack: number): Promise<PackUse | undefined> {
    const known = this.#use.get(pack);
    if (known) return known;
    const record = await this.#parts.kv.get(packKey(pack));
    if (!record) return undefined;
    const use = new PackUse(decodePack(record));
    this.#use.set(pack, use);
    return use;
  }

  async #each(
    prefix: string,
    limit: number,
    visit: (page: readonly Entry[]) => Promise<void>,
  ): Promise<void> {
    const to = String.fromCharCode(prefix.charCodeAt(0) + 1);
    for (let from = prefix; ; ) {
      const page = await this.#parts.kv.scan({ from, to, limit });
      const last = page.at(-1);
      if (!last) return;
      await visit(page);
      from = `${last[0]}\0`;
      await this.#step();
    }
  }

  async #step(): Promise<void> {
    if (this.#stopped)
      throw new FsError('EINTR', 'the collection of unused content was stopped; start it again later');
    if (!this.#slice.over) return;
    this.#progress?.({ blocks: this.#looked, bytes: this.#bytes });
    await this.#slice.pause();
  }

  async #dropObjects(page: readonly Entry[]): Promise<void> {
    const isLive = (id: number): boolean => this.#objects.has(id) || this.#kept.objects.has(id);
    const dead = page.map(([key]) => idOfKey(key)).filter((id) => !isLive(id));
    if (dead.length === 0) return;
    await this.#parts.kv.write((tx) => {
      for (const id of dead) {
        if (isLive(id)) continue;
        tx.delete(objectKey(id));
        tx.delete(wholeKey(id));
      }
    });
    for (const id of dead) if (!isLive(id)) this.#parts.objects.forget(id);
  }

  async #dropSegments(page: readonly Entry[]): Promise<void> {
    const isLive = (id: number): boolean => this.#segments.has(id) || this.#kept.segments.has(id);
    const dead = page.filter(([key]) => !isLive(idOfKey(key)));
    if (dead.length === 0) return;
    await this.#parts.kv.write((tx) => {
      for (const [key] of dead) {
        const id = idOfKey(key);
        if (isLive(id)) continue;
        tx.delete(key);
        tx.delete(queueKey(id));
      }
    });
    for (const [key, record] of dead) {
      this.#parts.objects.changed(idOfKey(key));
      // Blocks without a hash have no record of their own: they go with their segment.
      this.#blocks += decodeSegment(record).filter(isRaw).length;
    }
  }

  async #dropBlocks(page: readonly Entry[]): Promise<void> {
    this.#looked += page.length;
    const isLive = (hash: Hash): boolean => this.#hashes.has(hash) || this.#kept.hashes.has(hash);
    const dead = new Map<Hash, Uint8Array>();
    for (const [key, record] of page) {
      const hash = hashOfKey(key);
      if (!isLive(hash)) dead.set(hash, record);
    }
    if (dead.size > 0) {
      // From here to the end of the transaction nobody may count on these records; who wanted them before has protected them.
      this.#kept.dying = new Set(dead.keys());
      try {
        await this.#parts.kv.write((tx) => flow(this.#deleteBlocks(dead, isLive, tx)));
      } finally {
        this.#kept.dying = new Set();
      }
    }
    // Counted as they are after the transaction: what was spared is in use.
    for (const [key] of page) await this.#countBlock(key, dead.get(hashOfKey(key)));
  }

  *#deleteBlocks(
    dead: ReadonlyMap<Hash, Uint8Array>,
    isLive: (hash: Hash) => boolean,
    tx: KvTransaction,
  ): Steps<void> {
    for (const [hash, seen] of dead) {
      if (isLive(hash)) continue;
      const now = yield* wait(tx.get(blockKey(hash)));
      if (now && Buffer.compare(now, seen) === 0) tx.delete(blockKey(hash));
    }
  }

  async #countBlock(key: string, dead: Uint8Array | undefined): Promise<void> {
    const answer: Awaitable<Uint8Array | undefined> = this.#parts.kv.get(key);
    const record = answer instanceof Promise ? await answer : answer;
    if (!record) {
      this.#blocks++;
      if (dead && !decodeLocation(dead)) this.#bytes += blockLength(dead);
      return;
    }
    const location = decodeLocation(record);
    if (location) (await this.#useOf(location.pack))?.add(location.offset, location.length);
  }

  async #freePacks(): Promise<void> {
    const unused: number[] = [];
    const partly: number[] = [];
    await this.#each('p', 64, async (page) => {
      for (const [key] of page) {
        const id = idOfKey(key);
        if (!this.#isFixed(id)) continue;
        const use = this.#use.get(id);
        if (use?.any) partly.push(id);
        else unused.push(id);
      }
      await this.#step();
    });
    if (unused.length === 0 && partly.length === 0) return;
    for (let at = 0; at < unused.length; at += 64) {
      await this.#parts.kv.write((tx) => {
        for (const id of unused.slice(at, at + 64)) tx.delete(packKey(id));
      });
    }
    await this.#parts.kv.sync();
    await this.#parts.gate.quiet();
    for (const id of unused) await this.#deletePack(id);
    for (const id of partly) if (this.#isFixed(id)) await this.#punchPack(id);
  }

  /** Neither written just now nor named by anything drafted since the sweep began. */
  #isFixed(id: number): boolean {
    return id !== this.#parts.log.current && !this.#kept.packs.has(id);
  }

  #allocated(id: number): number {
    try {
      return this.#parts.packs.extentOf(id)[1];
    } catch {
      return 0; // Missing: `verify` reports it if anything was in it.
    }
  }

  async #deletePack(id: number): Promise<void> {
    this.#bytes += this.#allocated(id);
    this.#parts.packs.drop(id);
    await this.#parts.files.remove(id);
  }

  async #punchPack(id: number): Promise<void> {
    const before = this.#allocated(id);
    const use = this.#use.get(id);
    if (before === 0 || !use) return;
    await this.#parts.puncher.punch(id, await this.#deadSpans(id, use));
    this.#bytes += Math.max(0, before - this.#allocated(id));
  }

  /** Units that hold data nobody uses. */
  async #deadSpans(id: number, use: PackUse): Promise<{ offset: number; end: number }[]> {
    const { packs, native } = this.#parts;
    const spans: { offset: number; end: number }[] = [];
    const pack = packs.get(id);
    packs.pin(pack);
    try {
      for (let at = native.seek(pack.fd, 0, 'data'); at >= 0; at = native.seek(pack.fd, at, 'data')) {
        const hole = native.seek(pack.fd, at, 'hole');
        at = Math.floor(at / use.unit) * use.unit;
        for (; at < hole; at += use.unit) if (!use.has(at)) spans.push({ offset: at, end: at + use.unit });
        await this.#step();
      }
      return spans;
    } finally {
      packs.unpin(pack);
    }
  }
}
