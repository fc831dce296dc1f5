/** Gives the space of blocks in packs back to the disk, when nobody can come to read it any more. */
import { closeSync } from 'node:fs';
import type { Native } from '../host/native.ts';
import type { KvStore } from '../kv/types.ts';
import type { Files } from './files.ts';
import { Slice } from './flow.ts';
import type { Gate } from './gate.ts';
import { blockKey, PAGE } from './layout.ts';
import { decodeLocation, type Location } from './records.ts';
import type { Hash } from './types.ts';

/** FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */
const PUNCH = 2 | 1;

/** Bytes in a pack that no segment refers to. They are those of a hash stored elsewhere, or (undefined) zero bytes. */
export interface Dead {
  readonly location: Location;
  readonly hash: Hash | undefined;
}

interface Span {
  readonly offset: number;
  end: number;
}

export class Puncher {
  readonly #kv: KvStore;
  readonly #files: Files;
  readonly #native: Native;
  readonly #gate: Gate;
  #waiting = new Map<number, Dead[]>();
  punched = 0;

  constructor(kv: KvStore, files: Files, native: Native, gate: Gate) {
    this.#kv = kv;
    this.#files = files;
    this.#native = native;
    this.#gate = gate;
  }

  add(pack: number, dead: readonly Dead[]): void {
    this.#waiting.set(pack, [...(this.#waiting.get(pack) ?? []), ...dead]);
  }

  /** Punches what was added so far. */
  async run(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const work = this.#waiting;
    this.#waiting = new Map();
    // After a power cut the index must not be older than the holes: it would name the bytes that were here.
    await this.#kv.sync();
    await this.#gate.quiet();
    for (const [pack, dead] of work) {
      const spans: Span[] = [];
      for (const place of dead) {
        if (await this.#isFree(place))
          spans.push({ offset: place.location.offset, end: endOf(place.location) });
      }
      await this.punch(pack, spans);
    }
  }

  /** Punches spans of whole pages out of a pack. The caller has seen to it that nothing durable or under way names them. */
  async punch(pack: number, spans: readonly Span[]): Promise<void> {
    const merged = merge(spans);
    const fd = merged.length > 0 ? this.#files.open(pack, 'write') : undefined;
    if (fd === undefined) return;
    const slice = new Slice();
    try {
      for (const { offset, end } of merged) {
        // Large spans take the file system a while: one step each.
        for (let at = offset; at < end; at += 16 * 1024 * 1024) {
          const length = Math.min(end - at, 16 * 1024 * 1024);
          this.#native.fallocate(fd, PUNCH, at, length);
          this.punched += length;
          if (slice.over) await slice.pause();
        }
      }
    } finally {
      closeSync(fd);
    }
  }

  /** The record of the hash may have come to name this very place: when the other copy was swept away in between. */
  async #isFree({ hash, location }: Dead): Promise<boolean> {
    if (hash === undefined) return true;
    const record = await this.#kv.get(blockKey(hash));
    const now = record && decodeLocation(record);
    return !(now && now.pack === location.pack && now.offset === location.offset);
  }
}

function endOf({ offset, length }: Location): number {
  return offset + Math.ceil(length / PAGE) * PAGE;
}

function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.offset - b.offset)) {
    const last = merged.at(-1);
    if (last && span.offset <= last.end) last.end = Math.max(last.end, span.end);
    else merged.push({ ...span });
  }
  return merged;
}
