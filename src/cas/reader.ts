/** Reads content by range: which blocks the range touches, zero bytes where there are none. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Blocks } from './blocks.ts';
import { flow, Slice, wait, type Steps } from './flow.ts';
import type { Gate } from './gate.ts';
import { BLOCK, FAN, SEGMENT } from './layout.ts';
import type { Objects } from './objects.ts';
import { blockLength } from './records.ts';
import { isRaw, refAt, type BlockRef } from './segment.ts';
import type { Content } from './types.ts';

export class Reader {
  readonly #objects: Objects;
  readonly #blocks: Blocks;
  readonly #gate: Gate;

  constructor(objects: Objects, blocks: Blocks, gate: Gate) {
    this.#objects = objects;
    this.#blocks = blocks;
    this.#gate = gate;
  }

  read(content: Content, size: number, into: Uint8Array, offset: number): Awaitable<number> {
    const length = Math.min(into.length, size - offset);
    if (length <= 0) return 0;
    if (content.kind === 'zero') {
      into.fill(0, 0, length);
      return length;
    }
    const steps =
      content.kind === 'block'
        ? this.#readBlock(content.hash, into, offset, length)
        : this.#readObject(content.id, into, offset, length);
    return this.guarded(steps);
  }

  /** Runs steps that read places of blocks: nothing they may have looked up is punched out before they end. */
  guarded<T>(steps: Steps<T>): Awaitable<T> {
    const era = this.#gate.enter();
    let waiting = false;
    try {
      const answer = flow(steps);
      if (!(answer instanceof Promise)) return answer;
      waiting = true;
      return answer.finally(() => {
        this.#gate.leave(era);
      });
    } finally {
      if (!waiting) this.#gate.leave(era);
    }
  }

  *#readBlock(hash: BlockRef, into: Uint8Array, offset: number, length: number): Steps<number> {
    const got = yield* this.readRef(hash, offset, into, 0, length);
    if (got < length) into.fill(0, got, length);
    return length;
  }

  *#readObject(id: number, into: Uint8Array, offset: number, length: number): Steps<number> {
    const { size, segments } = yield* wait(this.#objects.object(id));
    const end = Math.min(length, Math.max(0, size - offset));
    for (let at = 0; at < end; ) {
      const position = offset + at;
      const segment = segments[Math.floor(position / SEGMENT)] ?? 0;
      // A segment of zero bytes is filled as a whole, others block by block.
      const unit = segment === 0 ? SEGMENT : BLOCK;
      const from = position % unit;
      const count = Math.min(unit - from, end - at);
      let got = 0;
      if (segment !== 0) {
        const record = yield* wait(this.#objects.segment(segment));
        const ref = refAt(record, Math.floor(position / BLOCK) % FAN);
        got = yield* this.readRef(ref, from, into, at, count);
      }
      if (got < count) into.fill(0, at + got, at + count);
      at += count;
    }
    if (end < length) into.fill(0, end, length);
    return length;
  }

  /** Copies bytes of one block; the number, fewer where the block ends (zero bytes follow). */
  *readRef(ref: BlockRef, from: number, into: Uint8Array, at: number, length: number): Steps<number> {
    if (ref === null) return 0;
    if (isRaw(ref)) return yield* this.#blocks.readRaw(ref, from, into, at, length);
    return yield* this.#blocks.read(ref, from, into, at, length);
  }

  extents(content: Content, size: number, offset: number, whence: 'data' | 'hole'): Awaitable<number> {
    if (offset >= size || offset < 0) return -1;
    if (content.kind === 'zero') return whence === 'hole' ? offset : -1;
    return flow(
      content.kind === 'block'
        ? this.#blockExtents(content.hash, size, offset, whence)
        : this.#objectExtents(content.id, size, offset, whence),
    );
  }

  *#blockExtents(hash: BlockRef, size: number, offset: number, whence: 'data' | 'hole'): Steps<number> {
    const record = typeof hash === 'string' ? yield* this.#blocks.record(hash) : undefined;
    const end = Math.min(size, record ? blockLength(record) : 0);
    if (whence === 'data') return offset < end ? offset : -1;
    return Math.max(offset, end);
  }

  *#objectExtents(id: number, size: number, offset: number, whence: 'data' | 'hole'): Steps<number> {
    const object = yield* wait(this.#objects.object(id));
    const end = Math.min(size, object.size);
    const slice = new Slice();
    for (let at = offset; at < end; ) {
      const segment = object.segments[Math.floor(at / SEGMENT)] ?? 0;
      if (segment === 0) {
        if (whence === 'hole') return at;
        at = (Math.floor(at / SEGMENT) + 1) * SEGMENT;
        continue;
      }
      const record = yield* wait(this.#objects.segment(segment));
      const next = this.#findIn(record, at, end, whence);
      if (next >= 0) return next;
      at = (Math.floor(at / SEGMENT) + 1) * SEGMENT;
      if (slice.over) yield slice.pause();
    }
    return whence === 'data' ? -1 : Math.max(offset, end);
  }

  /** The place in the segment of `at` where a block of the kind asked for is; -1 when there is none before `end`. */
  #findIn(record: Uint8Array, at: number, end: number, whence: 'data' | 'hole'): number {
    const stop = Math.min(end, (Math.floor(at / SEGMENT) + 1) * SEGMENT);
    for (let place = at; place < stop; place = (Math.floor(place / BLOCK) + 1) * BLOCK) {
      const zero = refAt(record, Math.floor(place / BLOCK) % FAN) === null;
      if (zero === (whence === 'hole')) return place;
    }
    return -1;
  }
}
