/** A slot whose data pages lie over committed content: an edit of a large file costs what it touches. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { ContentStore } from '../cas/content-store.ts';
import type { Content, Slot } from '../cas/types.ts';
import type { Native } from '../host/native.ts';
import { after } from './after.ts';
import { PAGE, PageMap } from './page-map.ts';
import { breathe, hostError, readSlot, resizeSlot, SLICE, writeSlot } from './slot-io.ts';
import { KEEP_SIZE, PUNCH_HOLE } from './staging.ts';
import type { Staging } from './staging.ts';

/** Part of a read that comes from one place. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly staged: boolean;
}

const pageOf = (offset: number): number => Math.floor(offset / PAGE);
const pagesTo = (offset: number): number => Math.ceil(offset / PAGE);

export class OverlayStaging implements Staging {
  readonly kind = 'overlay';
  readonly slot: Slot;
  /** Pages written since the base was committed. */
  readonly pages: PageMap;
  readonly #native: Native;
  readonly #content: ContentStore;
  #base: Content;
  #baseSize: number;
  #baseLimit: number;

  constructor(
    native: Native,
    content: ContentStore,
    slot: Slot,
    base: { content: Content; size: number; limit: number },
    pages = new PageMap(),
  ) {
    this.#native = native;
    this.#content = content;
    this.slot = slot;
    this.pages = pages;
    this.#base = base.content;
    this.#baseSize = base.size;
    this.#baseLimit = base.limit;
  }

  get baseLimit(): number {
    return this.#baseLimit;
  }

  /** What is staged has become content: it is the base from now on. The slot still holds it, which does no harm. */
  rebase(content: Content, size: number): void {
    this.#base = content;
    this.#baseSize = size;
    this.#baseLimit = size;
    this.pages.clear();
  }

  read(into: Uint8Array, offset: number, size: number): Awaitable<number> {
    const end = Math.min(size, offset + into.length);
    if (end <= offset) return 0;
    const wanted = into.subarray(0, end - offset);
    const first = this.#run(offset, end);
    if (first.to === end)
      return after(
        this.#readRun(first, wanted, this.#base, this.#baseSize, this.#baseLimit),
        () => wanted.length,
      );
    return this.#readRuns(wanted, offset, end);
  }

  /** The whole plan and the base are taken before the first wait: a commit in between changes both. */
  async #readRuns(into: Uint8Array, offset: number, end: number): Promise<number> {
    const base = this.#base;
    const baseSize = this.#baseSize;
    const baseLimit = this.#baseLimit;
    const runs: Run[] = [];
    for (let at = offset; at < end; ) {
      const run = this.#run(at, end);
      runs.push(run);
      at = run.to;
    }
    for (const run of runs) {
      await this.#readRun(run, into.subarray(run.from - offset, run.to - offset), base, baseSize, baseLimit);
    }
    return into.length;
  }

  #run(from: number, end: number): Run {
    const page = pageOf(from);
    const staged = this.pages.has(page);
    const to = Math.min(end, this.pages.next(page, !staged, pagesTo(end)) * PAGE);
    return { from, to, staged };
  }

  #readRun(run: Run, into: Uint8Array, base: Content, baseSize: number, baseLimit: number): Awaitable<void> {
    if (run.staged) {
      return after(readSlot(this.#native, this.slot.fd, into, run.from), (count) => {
        into.fill(0, count);
      });
    }
    const shown = Math.max(0, Math.min(run.to, baseLimit) - run.from);
    if (shown === 0) {
      into.fill(0);
      return undefined;
    }
    return after(this.#content.read(base, baseSize, into.subarray(0, shown), run.from), (count) => {
      into.fill(0, count);
    });
  }

  write(data: Uint8Array, offset: number, size: number): Awaitable<number> {
    const end = offset + data.length;
    const first = pageOf(offset);
    const last = pageOf(end - 1);
    const fillHead = offset > first * PAGE && !this.pages.has(first) && first * PAGE < this.#baseLimit;
    const fillTail = end < this.#baseLimit && end < (last + 1) * PAGE && !this.pages.has(last);
    if (!fillHead && !fillTail) {
      return after(writeSlot(this.slot.fd, data, offset), (count) =>
        this.#written(offset, count, data.length),
      );
    }
    const from = fillHead ? first * PAGE : offset;
    const to = fillTail ? Math.min((last + 1) * PAGE, Math.max(size, end)) : end;
    return this.#writeFilled(data, offset, from, to, size);
  }

  /** Pages written in part get the rest from the base, in the same write: the slot's data pages are whole at all times. */
  async #writeFilled(
    data: Uint8Array,
    offset: number,
    from: number,
    to: number,
    size: number,
  ): Promise<number> {
    const whole = Buffer.allocUnsafe(to - from);
    const end = offset + data.length;
    await this.#fill(whole.subarray(0, offset - from), from, size);
    await this.#fill(whole.subarray(end - from), end, size);
    whole.set(data, offset - from);
    const count = this.#written(from, await writeSlot(this.slot.fd, whole, from), whole.length);
    if (from + count <= offset) throw new FsError('ENOSPC', 'the disk of the data directory is full');
    return Math.min(data.length, from + count - offset);
  }

  /** Marks what a write of `asked` bytes left in the slot; the bytes that count as written. */
  #written(from: number, count: number, asked: number): number {
    const end = from + count;
    const broken = pageOf(end);
    if (count === asked || this.pages.has(broken) || end % PAGE === 0) {
      this.pages.mark(pageOf(from), pagesTo(end));
      return count;
    }
    // The disk is full in the middle of a page that is not staged: the page stays the base's.
    this.#fallocate(PUNCH_HOLE | KEEP_SIZE, broken * PAGE, (broken + 1) * PAGE);
    if (broken * PAGE <= from) throw new FsError('ENOSPC', 'the disk of the data directory is full');
    this.pages.mark(pageOf(from), broken);
    return broken * PAGE - from;
  }

  async #fill(into: Uint8Array, offset: number, size: number): Promise<void> {
    if (into.length > 0) into.fill(0, await this.read(into, offset, size));
  }

  truncate(from: number, to: number): Awaitable<void> {
    return after(resizeSlot(this.slot.fd, from, to), () => {
      if (to >= from) return;
      this.pages.erase(pagesTo(to), Number.MAX_SAFE_INTEGER);
      this.#baseLimit = Math.min(this.#baseLimit, to);
    });
  }

  /**
   * Where the base shows through, zeros have to be written (a hole of the slot means the base); behind it the slot is punched.
   */
  async zero(from: number, to: number, size: number): Promise<void> {
    const covered = Math.min(to, pagesTo(this.#baseLimit) * PAGE, size);
    let at = from;
    const zeros = new Uint8Array(Math.max(0, Math.min(SLICE, covered - from)));
    while (at < covered) {
      at += await this.write(zeros.subarray(0, Math.min(zeros.length, covered - at)), at, size);
      if (at < covered) await breathe();
    }
    if (at >= to) return;
    this.#fallocate(PUNCH_HOLE | KEEP_SIZE, at, to);
    if (pageOf(to) > pagesTo(at)) this.pages.erase(pagesTo(at), pageOf(to));
  }

  reserve(from: number, to: number): void {
    // Below the limit there is room: the base has it, and a page that is staged anew is a change, which may fail.
    const start = Math.max(from, pagesTo(this.#baseLimit) * PAGE);
    if (start < to) this.#fallocate(KEEP_SIZE, start, to);
  }

  async seek(offset: number, size: number, whence: 'data' | 'hole'): Promise<number> {
    for (let at = offset; at < size; ) {
      const run = this.#run(at, size);
      const found = run.staged ? (whence === 'data' ? at : -1) : await this.#seekClean(run, whence);
      if (found !== -1) return found;
      at = run.to;
    }
    return whence === 'data' ? -1 : size;
  }

  /** Within a run of clean pages; -1 for nothing in it. */
  async #seekClean(run: Run, whence: 'data' | 'hole'): Promise<number> {
    const shown = Math.min(run.to, this.#baseLimit);
    if (run.from >= shown) return whence === 'hole' ? run.from : -1;
    const found = await this.#content.extents(this.#base, this.#baseSize, run.from, whence);
    if (found !== -1 && found < shown) return found;
    return whence === 'hole' && shown < run.to ? shown : -1;
  }

  #fallocate(mode: number, from: number, to: number): void {
    try {
      this.#native.fallocate(this.slot.fd, mode, from, to - from);
    } catch (error) {
      throw hostError(error, 'room in the staging file cannot be reserved or given up');
    }
  }
}
