/**
 * Slots: empty files, made ahead of need and used again. Creating a file costs the host's file system a transaction and a directory
 * entry; taking one from the pool costs nothing.
 */
import { ftruncateSync } from 'node:fs';
import type { Native } from '../host/native.ts';
import type { Counter } from './counter.ts';
import type { Files } from './files.ts';
import type { Slot } from './types.ts';

/** Made ahead when idle. */
const READY = 16;
/** Kept of what is given back. */
const POOLED = 64;
/** Freeing more blocks than these hold the loop for too long: such a file is deleted on the thread pool instead of emptied. */
const CHEAP = 4 * 1024 * 1024;

export class SlotPool {
  readonly #files: Files;
  readonly #ids: Counter;
  readonly #native: Native;
  /** Files with lower numbers are of former runs. */
  readonly #firstId: number;
  readonly #ready: Slot[] = [];
  /** Descriptors of the slots that are handed out. */
  readonly #out = new Map<number, number>();
  readonly #stat = new Float64Array(8);
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #created = 0;

  constructor(files: Files, ids: Counter, native: Native) {
    this.#files = files;
    this.#ids = ids;
    this.#native = native;
    this.#firstId = ids.coming;
    this.#plan();
  }

  take(): Slot {
    const slot = this.#ready.pop() ?? this.#create();
    this.#out.set(slot.id, slot.fd);
    if (this.#ready.length < READY / 2) this.#plan();
    return slot;
  }

  reopen(id: number): Slot | undefined {
    const known = this.#out.get(id);
    if (known !== undefined) return { id, fd: known };
    const fd = this.#files.open(id, 'write');
    if (fd === undefined) return undefined;
    this.#out.set(id, fd);
    return { id, fd };
  }

  giveBack(slot: Slot): void {
    if (!this.#out.delete(slot.id)) return;
    if (this.#closed || this.#ready.length >= POOLED || !this.#empty(slot)) this.#discard(slot);
    else this.#ready.push(slot);
  }

  /** The file is a pack from now on: its descriptor is somebody else's. */
  forget(slot: Slot): void {
    this.#out.delete(slot.id);
  }

  /** Deletes the files of former runs that `keep` does not claim. */
  async discardOld(keep: (id: number) => Promise<boolean>): Promise<void> {
    for await (const id of this.#files.list()) {
      if (id < this.#firstId && !(await keep(id)) && !this.#owns(id)) await this.#files.remove(id);
    }
  }

  /** Handed out or pooled in this run, slots of former runs that were given back included. */
  #owns(id: number): boolean {
    return this.#out.has(id) || this.#ready.some((slot) => slot.id === id);
  }

  get counts(): { ready: number; out: number; created: number } {
    return { ready: this.#ready.length, out: this.#out.size, created: this.#created };
  }

  /** Deletes the pooled files; those handed out stay, for the records that name them. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const pooled = this.#ready.splice(0);
    for (const slot of pooled) this.#files.close(slot.fd);
    for (const fd of this.#out.values()) this.#files.close(fd);
    this.#out.clear();
    for (const slot of pooled) await this.#files.remove(slot.id).catch(() => undefined); // Found again at the next start.
  }

  #create(): Slot {
    const id = this.#ids.next();
    this.#created++;
    return { id, fd: this.#files.create(id) };
  }

  /** True when the file is empty now. */
  #empty(slot: Slot): boolean {
    try {
      this.#native.fstat(slot.fd, this.#stat);
      const size = this.#stat[0] ?? 0;
      const allocated = (this.#stat[1] ?? 0) * 512;
      if (size === 0 && allocated === 0) return true;
      if (Math.max(Math.min(size, CHEAP + 1), allocated) > CHEAP || this.#stat[6] === 0) return false;
      ftruncateSync(slot.fd, 0);
      this.#files.forgetTruncation(slot.id);
      return true;
    } catch {
      return false;
    }
  }

  #discard(slot: Slot): void {
    // The name first: blocks are freed by the close, on the thread pool.
    void this.#files
      .remove(slot.id)
      .catch(() => undefined) // Found again at the next start.
      .finally(() => {
        this.#files.close(slot.fd);
      });
  }

  #plan(): void {
    if (this.#timer !== undefined || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refill();
    }, 2);
    this.#timer.unref();
  }

  /** One file a turn, so that nobody waits for more than one. */
  #refill(): void {
    if (this.#closed || this.#ready.length >= READY) return;
    try {
      this.#ready.unshift(this.#create());
      this.#plan();
    } catch {
      // No space, or too many open files: `take` says so when it cannot do without.
    }
  }
}
