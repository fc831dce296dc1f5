/** Records of objects and segments, with small caches of both. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { KvReader } from '../kv/types.ts';
import { flow, wait, type Steps } from './flow.ts';
import { objectKey, segmentKey } from './layout.ts';
import { decodeObject, type ObjectRecord } from './records.ts';

/** Segment numbers held by cached objects, all together. */
const OBJECT_BUDGET = 262_144;
/** A segment is at most 8 KiB. */
const SEGMENT_LIMIT = 256;

export class Objects {
  readonly #kv: KvReader;
  readonly #objects = new Map<number, ObjectRecord>();
  readonly #segments = new Map<number, Uint8Array>();
  #held = 0;
  /** Moves with every change of a segment: an answer asked for before must not be cached after. */
  #change = 0;

  constructor(kv: KvReader) {
    this.#kv = kv;
  }

  /** EIO when there is no such object. An object never changes. */
  object(id: number): Awaitable<ObjectRecord> {
    return this.#objects.get(id) ?? flow(this.#load(id));
  }

  *#load(id: number): Steps<ObjectRecord> {
    const record = yield* wait(this.#kv.get(objectKey(id)));
    if (!record)
      throw new FsError(
        'EIO',
        `object ${String(id)} is missing from the index; run \`nexus fsck\` to see what is lost`,
      );
    const object = decodeObject(record);
    this.#objects.set(id, object);
    this.#held += object.segments.length;
    for (const [oldest, old] of this.#objects) {
      if (this.#held <= OBJECT_BUDGET || oldest === id) break;
      this.#objects.delete(oldest);
      this.#held -= old.segments.length;
    }
    return object;
  }

  /** The encoded segment; EIO when there is no such segment. Sealing changes segments: do not keep it over a wait. */
  segment(id: number): Awaitable<Uint8Array> {
    return this.#segments.get(id) ?? flow(this.#loadSegment(id));
  }

  *#loadSegment(id: number): Steps<Uint8Array> {
    const change = this.#change;
    const record = yield* wait(this.#kv.get(segmentKey(id)));
    if (!record)
      throw new FsError(
        'EIO',
        `segment ${String(id)} is missing from the index; run \`nexus fsck\` to see what is lost`,
      );
    if (change === this.#change) {
      this.#segments.set(id, record);
      if (this.#segments.size > SEGMENT_LIMIT) {
        const oldest = this.#segments.keys().next();
        if (!oldest.done) this.#segments.delete(oldest.value);
      }
    }
    return record;
  }

  /** A segment was rewritten or deleted. */
  changed(id: number): void {
    this.#change++;
    this.#segments.delete(id);
  }

  /** An object was deleted. */
  forget(id: number): void {
    const object = this.#objects.get(id);
    if (!object) return;
    this.#objects.delete(id);
    this.#held -= object.segments.length;
  }
}
