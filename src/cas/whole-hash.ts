/** The hash of all bytes of a content: worked out once, by the hashing thread, and remembered. */
import { FsError } from '../base/errors.ts';
import type { KvStore } from '../kv/types.ts';
import type { Blocks } from './blocks.ts';
import { flow } from './flow.ts';
import type { Era, Gate } from './gate.ts';
import { hashAt, hashOfBytes, hashToHex } from './hash.ts';
import type { Part } from './hash-jobs.ts';
import type { Hashing } from './hashing.ts';
import { BLOCK, FAN, objectKey, SEGMENT, wholeKey, zeros } from './layout.ts';
import type { Objects } from './objects.ts';
import type { Pack, Packs } from './packs.ts';
import type { Reader } from './reader.ts';
import { blockLength, decodeLocation } from './records.ts';
import { decodeSegment, isRaw, type BlockRef } from './segment.ts';
import type { Content, Hash } from './types.ts';

export interface WholeParts {
  readonly kv: KvStore;
  readonly blocks: Blocks;
  readonly objects: Objects;
  readonly packs: Packs;
  readonly reader: Reader;
  readonly gate: Gate;
  readonly hashing: Hashing;
}

/** Hashes remembered in memory: of zero bytes, and of contents cut or extended. */
const REMEMBERED = 256;

export class WholeHash {
  readonly #parts: WholeParts;
  readonly #asked = new Map<string, Promise<Hash>>();

  constructor(parts: WholeParts) {
    this.#parts = parts;
  }

  async of(content: Content, size: number): Promise<Hash> {
    if (size <= BLOCK && content.kind === 'zero') return hashOfBytes(zeros.subarray(0, size));
    if (content.kind === 'block') {
      const record = await flow(this.#parts.blocks.record(content.hash));
      if (blockLength(record) === size) return content.hash;
    }
    if (size <= BLOCK) {
      const bytes = Buffer.allocUnsafe(size);
      await this.#parts.reader.read(content, size, bytes, 0);
      return hashOfBytes(bytes);
    }
    return content.kind === 'object' ? this.#ofObject(content.id, size) : this.#once(content, size);
  }

  async #ofObject(id: number, size: number): Promise<Hash> {
    const { kv, objects } = this.#parts;
    const content: Content = { kind: 'object', id };
    const object = await objects.object(id);
    if (object.size !== size) return this.#once(content, size);
    const known = await kv.get(wholeKey(id));
    if (known) return hashAt(known, 0);
    const hash = await this.#once(content, size);
    await kv.write((tx) => {
      // An object that was swept meanwhile must leave nothing behind.
      const put = (record: Uint8Array | undefined): void => {
        if (record) tx.put(wholeKey(id), Buffer.from(hash, 'latin1'));
      };
      const record = tx.get(objectKey(id));
      if (record instanceof Promise) return record.then(put);
      put(record);
      return undefined;
    });
    return hash;
  }

  /** Whoever asks while the work is under way gets the same answer; a bounded number of answers is kept. */
  #once(content: Content, size: number): Promise<Hash> {
    const what = content.kind === 'zero' ? '' : content.kind === 'block' ? content.hash : String(content.id);
    const key = `${content.kind}:${what}:${String(size)}`;
    const asked = this.#asked.get(key);
    if (asked) return asked;
    const answer = this.#parts.hashing.whole(this.#batches(content, size)).then((bytes) => hashAt(bytes, 0));
    this.#asked.set(key, answer);
    answer.catch(() => this.#asked.delete(key));
    const oldest = this.#asked.keys().next();
    if (this.#asked.size > REMEMBERED && !oldest.done) this.#asked.delete(oldest.value);
    return answer;
  }

  /** The parts of a content, a segment's worth at a time; what they read stays in place until the next are asked for. */
  async *#batches(content: Content, size: number): AsyncGenerator<readonly Part[], void> {
    for (let start = 0; start < size; start += SEGMENT) {
      const pinned = new Map<number, Pack>();
      const era = this.#parts.gate.enter();
      try {
        yield await this.#batch(content, start, Math.min(size, start + SEGMENT), pinned);
      } finally {
        this.#letGo(era, pinned);
      }
    }
  }

  #letGo(era: Era, pinned: ReadonlyMap<number, Pack>): void {
    for (const pack of pinned.values()) this.#parts.packs.unpin(pack);
    this.#parts.gate.leave(era);
  }

  async #batch(content: Content, start: number, end: number, pinned: Map<number, Pack>): Promise<Part[]> {
    const refs = await this.#refs(content, start);
    if (refs.every((ref) => ref === null)) return [{ zeros: end - start }];
    const parts: Part[] = [];
    for (let place = start; place < end; place += BLOCK) {
      const want = Math.min(BLOCK, end - place);
      const ref = refs[(place - start) / BLOCK] ?? null;
      const got = ref === null ? 0 : await this.#add(parts, ref, want, pinned);
      if (got < want) parts.push({ zeros: want - got });
    }
    return parts;
  }

  /** The blocks from `start` on, at most a segment of them. */
  async #refs(content: Content, start: number): Promise<BlockRef[]> {
    if (content.kind === 'zero') return [];
    if (content.kind === 'block') return start === 0 ? [content.hash] : [];
    const object = await this.#parts.objects.object(content.id);
    const segment = object.segments[start / SEGMENT] ?? 0;
    const refs = segment === 0 ? [] : decodeSegment(await this.#parts.objects.segment(segment));
    // Blocks past the end of the object do not count, nor do bytes of its last one.
    const last = Math.ceil((object.size - start) / BLOCK);
    return refs.slice(0, Math.max(0, Math.min(FAN, last)));
  }

  /** Adds up to `want` bytes of a block; the number. */
  async #add(
    parts: Part[],
    ref: Exclude<BlockRef, null>,
    want: number,
    pinned: Map<number, Pack>,
  ): Promise<number> {
    const { blocks, packs } = this.#parts;
    if (isRaw(ref)) {
      const length = Math.min(BLOCK, (await packs.sizeOf(ref.pack)) - ref.offset);
      const take = Math.min(want, length);
      parts.push({ fd: this.#pin(ref.pack, pinned), offset: ref.offset, length, take, hash: undefined });
      return take;
    }
    const record = await flow(blocks.record(ref));
    const location = decodeLocation(record);
    const take = Math.min(want, blockLength(record));
    if (location) {
      parts.push({
        fd: this.#pin(location.pack, pinned),
        offset: location.offset,
        length: location.length,
        take,
        hash: ref,
      });
      return take;
    }
    const bytes = record.subarray(1);
    if (hashOfBytes(bytes) !== ref)
      throw new FsError(
        'EIO',
        `block ${hashToHex(ref)} is damaged: its bytes in the index are not what the hash says`,
      );
    // A copy of its own: what is posted to a thread takes the whole buffer along.
    parts.push({ bytes: new Uint8Array(bytes.subarray(0, take)) });
    return take;
  }

  #pin(id: number, pinned: Map<number, Pack>): number {
    const known = pinned.get(id);
    if (known) return known.fd;
    const pack = this.#parts.packs.get(id);
    this.#parts.packs.pin(pack);
    pinned.set(id, pack);
    return pack.fd;
  }
}
