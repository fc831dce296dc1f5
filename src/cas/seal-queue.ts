/**
 * Sealing: blocks of adopted packs get their hashes in the background, a segment at a time. Blocks that are stored already, and blocks
 * of zero bytes, are punched out of the pack once no segment refers to them by place and the index that says so is durable.
 */
import type { KvStore, KvTransaction } from '../kv/types.ts';
import type { Blocks } from './blocks.ts';
import { flow, Slice, wait, type Steps } from './flow.ts';
import { hashAt } from './hash.ts';
import type { FileRange } from './hash-jobs.ts';
import type { Hashing } from './hashing.ts';
import { BLOCK, blockKey, idOfKey, queueKey, segmentKey } from './layout.ts';
import type { Objects } from './objects.ts';
import type { Pack, Packs } from './packs.ts';
import type { Protection } from './protection.ts';
import type { Dead, Puncher } from './puncher.ts';
import { decodeLocation, encodeLocation, type Location } from './records.ts';
import { decodeSegment, encodeSegment, isRaw, rawPacks, type Raw } from './segment.ts';
import type { Hash } from './types.ts';

/** Blocks a transaction gives their hashes: each costs a look-up, and the loop waits. */
const AT_ONCE = 64;

export interface SealParts {
  readonly kv: KvStore;
  readonly blocks: Blocks;
  readonly objects: Objects;
  readonly packs: Packs;
  readonly hashing: Hashing;
  readonly protection: Protection;
  readonly puncher: Puncher;
}

/** A block that has its hash now; undefined when it is zero bytes. */
interface Hashed {
  readonly index: number;
  readonly location: Location;
  readonly hash: Hash | undefined;
  /** Its hash has a record of another place where the bytes are damaged. */
  damaged: boolean;
}

export class SealQueue {
  readonly #parts: SealParts;
  readonly #queue: number[] = [];
  /** Packs that a segment refers to by place, of segments queued and of drafts under way. */
  readonly #held = new Map<number, ReadonlySet<number>>();
  /** Segments by pack. */
  readonly #users = new Map<number, number>();
  /** Places that are free when nobody uses their pack by place any more. */
  readonly #dead = new Map<number, Dead[]>();
  #running: Promise<void> | undefined;
  #stopping = false;
  readonly counts = { sealed: 0, duplicates: 0, failed: 0 };
  /** Why sealing failed last; '' when it never did. */
  lastError = '';

  constructor(parts: SealParts) {
    this.#parts = parts;
  }

  /** Takes up what earlier runs left. */
  async start(): Promise<void> {
    const ids: number[] = [];
    const { kv, objects } = this.#parts;
    const slice = new Slice();
    for (let from = 'q'; ; ) {
      const page = await kv.scan({ from, to: 'r', limit: 256 });
      for (const [key] of page) {
        const id = idOfKey(key);
        ids.push(id);
        const record = await kv.get(segmentKey(id));
        if (record) this.hold(id, rawPacks(decodeSegment(record)));
        objects.changed(id);
      }
      const last = page.at(-1);
      if (!last) break;
      from = `${last[0]}\0`;
      if (slice.over) await slice.pause();
    }
    this.add(ids);
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** The segment refers to blocks of these packs by place: nothing is punched out of them until `release`, or the segment is sealed. */
  hold(segment: number, packs: Iterable<number>): void {
    const set = new Set(packs);
    this.#held.set(segment, set);
    for (const pack of set) this.#users.set(pack, (this.#users.get(pack) ?? 0) + 1);
  }

  release(segment: number): void {
    for (const pack of this.#held.get(segment) ?? []) {
      const users = (this.#users.get(pack) ?? 1) - 1;
      if (users > 0) this.#users.set(pack, users);
      else this.#unused(pack);
    }
    this.#held.delete(segment);
  }

  /** Segments whose records are committed are to be sealed. */
  add(segments: readonly number[]): void {
    for (const id of segments) this.#queue.push(id);
    if (this.#queue.length === 0 || this.#stopping) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#queue.length > 0) this.add([]);
    });
  }

  async settle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.settle();
  }

  #unused(pack: number): void {
    this.#users.delete(pack);
    const dead = this.#dead.get(pack);
    if (!dead) return;
    this.#dead.delete(pack);
    this.#parts.puncher.add(pack, dead);
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const id = this.#queue.shift();
      if (id === undefined) break;
      try {
        await this.#seal(id);
        this.release(id);
      } catch (error) {
        // The segment stays in the queue of the index, and its packs stay held: the next start tries again.
        this.counts.failed++;
        this.lastError = error instanceof Error ? error.message : String(error);
      }
    }
    if (!this.#stopping) {
      await this.#parts.puncher.run().catch((error: unknown) => {
        this.lastError = error instanceof Error ? error.message : String(error);
      });
    }
  }

  async #seal(id: number): Promise<void> {
    const { kv, objects } = this.#parts;
    const record = await kv.get(segmentKey(id));
    const raws = record ? decodeSegment(record).map((ref) => (isRaw(ref) ? ref : null)) : [];
    const hashed = await this.#hash(raws);
    await this.#findDamaged(hashed);
    for (const { hash } of hashed) if (hash !== undefined) this.#parts.protection.holdHash(hash);
    for (let from = 0; from === 0 || from < hashed.length; from += AT_ONCE) {
      const part = hashed.slice(from, from + AT_ONCE);
      const last = from + AT_ONCE >= hashed.length;
      const dead = await kv.write((tx) => flow(this.#write(id, part, last, tx)));
      objects.changed(id);
      this.counts.sealed += part.length;
      this.counts.duplicates += dead.length;
      for (const place of dead) this.#free(place);
      if (!last) await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #free(place: Dead): void {
    const known = this.#dead.get(place.location.pack);
    if (known) known.push(place);
    else this.#dead.set(place.location.pack, [place]);
  }

  async #hash(raws: readonly (Raw | null)[]): Promise<Hashed[]> {
    const { packs, hashing } = this.#parts;
    const places: { index: number; location: Location }[] = [];
    const ranges: FileRange[] = [];
    const pinned = new Map<number, Pack>();
    try {
      for (const [index, raw] of raws.entries()) {
        if (!raw) continue;
        const length = Math.min(BLOCK, (await packs.sizeOf(raw.pack)) - raw.offset);
        let pack = pinned.get(raw.pack);
        if (!pack) {
          pack = packs.get(raw.pack);
          packs.pin(pack);
          pinned.set(raw.pack, pack);
        }
        places.push({ index, location: { ...raw, length } });
        ranges.push({ fd: pack.fd, offset: raw.offset, length });
      }
      if (ranges.length === 0) return [];
      const hashes = await hashing.blocks(ranges);
      const zero = '\0'.repeat(32);
      return places.map(({ index, location }, at) => {
        const hash = hashAt(hashes, at * 32);
        return { index, location, hash: hash === zero ? undefined : hash, damaged: false };
      });
    } finally {
      for (const pack of pinned.values()) packs.unpin(pack);
    }
  }

  /** A duplicate may only be given up for bytes that are what their hash says. */
  async #findDamaged(hashed: readonly Hashed[]): Promise<void> {
    const { kv, blocks } = this.#parts;
    const slice = new Slice();
    for (const block of hashed) {
      if (block.hash === undefined) continue;
      const answer = kv.get(blockKey(block.hash));
      const record = answer instanceof Promise ? await answer : answer;
      const other = record && decodeLocation(record);
      if (other && !samePlace(other, block.location))
        block.damaged = !(await blocks.holds(block.hash, other));
      if (slice.over) await slice.pause();
    }
  }

  /** Puts hashes into the segment; what it returns lies in packs for nothing. */
  *#write(id: number, hashed: readonly Hashed[], last: boolean, tx: KvTransaction): Steps<Dead[]> {
    if (last) tx.delete(queueKey(id));
    const record = yield* wait(tx.get(segmentKey(id)));
    // A sweep has deleted it meanwhile, and with it everything it named.
    if (!record) return [];
    const refs = decodeSegment(record);
    const dead: Dead[] = [];
    for (const { index, location, hash, damaged } of hashed) {
      refs[index] = hash ?? null;
      if (hash === undefined) {
        dead.push({ location, hash });
        continue;
      }
      const known = yield* wait(tx.get(blockKey(hash)));
      const other = known && decodeLocation(known);
      if (known && !damaged && !(other && samePlace(other, location))) dead.push({ location, hash });
      else if (!other || damaged) tx.put(blockKey(hash), encodeLocation(location));
    }
    tx.put(segmentKey(id), encodeSegment(refs));
    return dead;
  }
}

function samePlace(a: Location, b: Location): boolean {
  return a.pack === b.pack && a.offset === b.offset;
}
