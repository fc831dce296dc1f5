/** Looks for damage: everything the index names must be there, and be what its hash says. */
import { FsError } from '../base/errors.ts';
import type { Entry, KvStore } from '../kv/types.ts';
import type { Files } from './files.ts';
import { Slice } from './flow.ts';
import type { Gate } from './gate.ts';
import { hashOfBytes, hashOfKey, hashToHex } from './hash.ts';
import { BLOCK, blockKey, idOfKey, objectKey, packKey, segmentKey } from './layout.ts';
import type { Packs } from './packs.ts';
import { decodeLocation, decodeObject, decodePack, type Location } from './records.ts';
import { decodeSegment, isRaw, type BlockRef, type Raw } from './segment.ts';
import type { Content, Hash, Problem, Progress } from './types.ts';

export interface VerifyParts {
  readonly kv: KvStore;
  readonly files: Files;
  readonly packs: Packs;
  readonly gate: Gate;
}

type Found = AsyncGenerator<Problem, void>;

export class Verifier {
  readonly #parts: VerifyParts;
  readonly #progress: ((done: Progress) => void) | undefined;
  readonly #slice = new Slice();
  /** Sizes of the files of packs; -1 for missing ones. */
  readonly #sizes = new Map<number, number>();
  #blocks = 0;
  #bytes = 0;

  constructor(parts: VerifyParts, progress?: (done: Progress) => void) {
    this.#parts = parts;
    this.#progress = progress;
  }

  /** Everything. */
  async *all(): Found {
    yield* this.#each('p', (entry) => this.#pack(entry));
    yield* this.#each('b', (entry) => this.#block(entry));
    yield* this.#each('s', ([key, record]) => this.#segment(idOfKey(key), record));
    yield* this.#each('j', ([key, record]) => this.#object(idOfKey(key), record));
  }

  /** What one content needs, without reading any bytes. */
  async *content(content: Content, size: number): Found {
    if (size === 0 || content.kind === 'zero') return;
    if (content.kind === 'block') yield* this.#reference(content.hash, 'a file');
    else yield* this.#wholeObject(content.id);
  }

  async *#wholeObject(object: number): Found {
    const { kv } = this.#parts;
    const record = await kv.get(objectKey(object));
    if (!record) {
      yield { kind: 'missing-object', detail: `object ${String(object)} is missing` };
      return;
    }
    const { segments } = decodeObject(record);
    for (const id of segments) {
      if (id === 0) continue;
      const segment = await kv.get(segmentKey(id));
      if (segment) yield* this.#segment(id, segment);
      else yield missingSegment(object, id);
    }
  }

  async *#each(prefix: string, look: (entry: Entry) => Found): Found {
    const to = String.fromCharCode(prefix.charCodeAt(0) + 1);
    for (let from = prefix; ; ) {
      const page = await this.#parts.kv.scan({ from, to, limit: 32 });
      const last = page.at(-1);
      if (!last) return;
      for (const entry of page) {
        yield* this.#decoded(entry, look);
        await this.#step();
      }
      from = `${last[0]}\0`;
    }
  }

  /** A record that cannot be decoded is a problem, not the end. */
  async *#decoded(entry: Entry, look: (entry: Entry) => Found): Found {
    try {
      yield* look(entry);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      yield {
        kind: 'bad-record',
        detail: `record ${Buffer.from(entry[0], 'latin1').toString('hex')}: ${error.message}`,
      };
    }
  }

  async #step(): Promise<void> {
    if (!this.#slice.over) return;
    this.#progress?.({ blocks: this.#blocks, bytes: this.#bytes });
    await this.#slice.pause();
  }

  #fileSize(pack: number): number {
    let size = this.#sizes.get(pack);
    if (size === undefined) {
      try {
        [size] = this.#parts.packs.extentOf(pack);
      } catch {
        size = -1;
      }
      // Logs grow, and the next blocks may be past what was seen: only what cannot change is remembered.
      if (this.#sizes.size < 4096) this.#sizes.set(pack, size);
    }
    return size;
  }

  async *#pack([key, record]: Entry): Found {
    const id = idOfKey(key);
    const label = this.#parts.files.label(id);
    const { state, bytes } = decodePack(record);
    const size = this.#fileSize(id);
    if (state === 'log') this.#sizes.delete(id);
    if (size < 0 && (await this.#stillThere(key)))
      yield { kind: 'missing-pack', detail: `${label} is missing` };
    else if (size >= 0 && size < bytes) {
      yield { kind: 'short-pack', detail: `${label} has ${String(size)} of ${String(bytes)} bytes` };
    }
  }

  /** A record found by a scan may be gone by now, and rightly so: a sweep works at the same time. */
  async #stillThere(key: string): Promise<boolean> {
    return (await this.#parts.kv.get(key)) !== undefined;
  }

  async *#block([key, record]: Entry): Found {
    const hash = hashOfKey(key);
    const location = decodeLocation(record);
    this.#blocks++;
    this.#bytes += location?.length ?? record.length - 1;
    if (!location) {
      if (hashOfBytes(record.subarray(1)) !== hash) yield corrupt(hash, 'in the index');
      return;
    }
    const problem = await this.#located(hash, location);
    if (problem && (await this.#stillThere(key))) yield problem;
  }

  async #located(hash: Hash, location: Location): Promise<Problem | undefined> {
    const { packs, files, gate } = this.#parts;
    const label = files.label(location.pack);
    const era = gate.enter();
    try {
      const bytes = Buffer.allocUnsafe(location.length);
      const got = await packs.read(location.pack, bytes, 0, location.length, location.offset);
      const where = `${label} at ${String(location.offset)}`;
      if (got < location.length) {
        return {
          kind: 'short-pack',
          detail: `block ${hashToHex(hash)} reaches past the end of ${where}`,
          hash,
        };
      }
      return hashOfBytes(bytes) === hash ? undefined : corrupt(hash, `in ${where}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: 'missing-pack', detail: `block ${hashToHex(hash)} cannot be read: ${reason}`, hash };
    } finally {
      gate.leave(era);
    }
  }

  async *#segment(id: number, record: Uint8Array): Found {
    let refs: BlockRef[] = decodeSegment(record);
    for (let index = 0; index < refs.length; index++) {
      const ref = refs[index] ?? null;
      if (ref === null) continue;
      for await (const problem of isRaw(ref)
        ? this.#raw(ref, id)
        : this.#reference(ref, `segment ${String(id)}`)) {
        // Sealed or swept since it was read: look again at what it says now.
        const now = await this.#parts.kv.get(segmentKey(id));
        if (!now) return;
        const fresh = decodeSegment(now);
        if (!sameRef(fresh[index] ?? null, ref)) {
          refs = fresh;
          index--;
          break;
        }
        yield problem;
      }
      await this.#step();
    }
  }

  async *#reference(hash: Hash, from: string): Found {
    const record = await this.#parts.kv.get(blockKey(hash));
    if (!record) {
      yield { kind: 'missing-block', detail: `block ${hashToHex(hash)}, named by ${from}, is missing`, hash };
      return;
    }
    const location = decodeLocation(record);
    if (!location) return;
    const size = this.#fileSize(location.pack);
    const label = this.#parts.files.label(location.pack);
    if (size < 0)
      yield {
        kind: 'missing-pack',
        detail: `${label} is missing, and block ${hashToHex(hash)} with it`,
        hash,
      };
    else if (
      size < location.offset + location.length &&
      this.#sizeNow(location.pack) < location.offset + location.length
    ) {
      yield { kind: 'short-pack', detail: `block ${hashToHex(hash)} reaches past the end of ${label}`, hash };
    }
  }

  #sizeNow(pack: number): number {
    this.#sizes.delete(pack);
    return this.#fileSize(pack);
  }

  async *#raw(raw: Raw, segment: number): Found {
    const label = this.#parts.files.label(raw.pack);
    const record = await this.#parts.kv.get(packKey(raw.pack));
    const size = this.#fileSize(raw.pack);
    if (!record || size < 0) {
      yield { kind: 'missing-pack', detail: `${label}, named by segment ${String(segment)}, is missing` };
      return;
    }
    const end = Math.min(raw.offset + BLOCK, decodePack(record).bytes);
    if (size < end)
      yield {
        kind: 'short-pack',
        detail: `${label} ends before byte ${String(end)}, which segment ${String(segment)} names`,
      };
  }

  async *#object(id: number, record: Uint8Array): Found {
    for (const segment of decodeObject(record).segments) {
      if (segment === 0 || (await this.#stillThere(segmentKey(segment)))) continue;
      if (await this.#stillThere(objectKey(id))) yield missingSegment(id, segment);
    }
  }
}

function sameRef(a: BlockRef, b: BlockRef): boolean {
  return isRaw(a) && isRaw(b) ? a.pack === b.pack && a.offset === b.offset : a === b;
}

function missingSegment(object: number, segment: number): Problem {
  return {
    kind: 'missing-segment',
    detail: `segment ${String(segment)} of object ${String(object)} is missing`,
  };
}

function corrupt(hash: Hash, where: string): Problem {
  return {
    kind: 'corrupt-block',
    detail: `block ${hashToHex(hash)} is damaged: its bytes ${where} are not what the hash says`,
    hash,
  };
}
