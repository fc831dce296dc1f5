/** After the last close: slots are unbound many at a time, and only then emptied; those still mapped by somebody wait. */
import type { Caller } from '../base/caller.ts';
import type { Slot } from '../cas/types.ts';
import { bindingKey } from './binding.ts';
import { commit, recheck } from './commit.ts';
import type { OpenFile } from './open-file.ts';
import type { Parts } from './types.ts';

/** Slots unbound in one transaction. */
const BATCH = 64;
/** How long a slot waits for others, ms. */
const DELAY = 20;
/** How often mapped files are looked at, ms. */
const MAPPED_DELAY = 200;

interface Retiring {
  readonly file: OpenFile;
  readonly caller: Caller;
  /** Looks that found it in use elsewhere: the kernel closes its own descriptor a moment after the release. */
  looks: number;
}

export class Retirement {
  readonly #parts: Parts;
  readonly #forget: (file: OpenFile) => void;
  #queue: Retiring[] = [];
  #mapped: Retiring[] = [];
  /** Slots whose unbinding failed: tried again with the next. */
  #unbound: { slot: Slot; sync: boolean }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #mappedTimer: NodeJS.Timeout | undefined;
  #soon = false;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(parts: Parts, forget: (file: OpenFile) => void) {
    this.#parts = parts;
    this.#forget = forget;
  }

  /** Nobody has the file open any more. */
  add(file: OpenFile, caller: Caller): void {
    if (this.#closed) return;
    this.#queue.push({ file, caller, looks: 0 });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#queue.length >= BATCH && !this.#soon) {
      this.#soon = true;
      setImmediate(() => void this.#run());
    }
    this.#timer ??= setTimeout(() => void this.#run(), DELAY).unref();
  }

  /** Commits what a file without users still has to commit, if nobody maps it. */
  async finish(file: OpenFile, caller?: Caller): Promise<void> {
    const by = caller ?? this.#queue.concat(this.#mapped).find((entry) => entry.file === file)?.caller;
    if (by === undefined || this.#isUsed(file)) return;
    await file.serial.run(async () => {
      if (file.users.count === 0) await recheck(this.#parts, file, by);
    });
  }

  async drain(): Promise<void> {
    await this.#running;
    while (this.#queue.length > 0 || this.#unbound.length > 0) {
      const before = this.#unbound.length;
      await this.#run();
      if (this.#queue.length === 0 && this.#unbound.length >= before && before > 0) return;
    }
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#soon = false;
    if (this.#running !== undefined) {
      await this.#running;
      if (this.#queue.length > 0 && !this.#closed) this.#schedule();
      return;
    }
    this.#running = this.#pass();
    await this.#running;
    this.#running = undefined;
  }

  async #pass(): Promise<void> {
    const queue = this.#queue;
    this.#queue = [];
    for (const entry of queue) {
      const { file } = entry;
      if (file.users.count > 0) continue;
      if (this.#isUsed(file)) {
        this.#wait(entry);
        continue;
      }
      if ((file.watched || file.changed) && !file.gone && !(await this.#finishQuietly(entry))) continue;
      await file.serial.idle();
      this.#take(file);
    }
    await this.#unbind();
  }

  #isUsed(file: OpenFile): boolean {
    return (
      file.mappable && file.staging !== undefined && this.#parts.native.usedElsewhere(file.staging.slot.fd)
    );
  }

  #wait(entry: Retiring): void {
    entry.looks++;
    if (this.#closed) return;
    if (entry.looks === 1) {
      this.#queue.push(entry);
      this.#schedule();
      return;
    }
    entry.file.mapped = true;
    this.#mapped.push(entry);
    this.#mappedTimer ??= setTimeout(() => {
      this.#mappedTimer = undefined;
      this.#queue.push(...this.#mapped.splice(0));
      void this.#run();
    }, MAPPED_DELAY).unref();
  }

  /** False: it could not be committed, or is open again. */
  async #finishQuietly(entry: Retiring): Promise<boolean> {
    const { file, caller } = entry;
    try {
      await this.finish(file, caller);
    } catch (error) {
      this.#parts.onError(
        error,
        `inode ${String(file.ino)} cannot be committed; its bytes stay in slot ${slotName(file)}`,
      );
      return false;
    }
    return file.users.count === 0 && (!file.changed || file.gone || !(await this.#hasName(file)));
  }

  async #hasName(file: OpenFile): Promise<boolean> {
    const inode = await this.#parts.namespace.inode(file.ino);
    return inode !== undefined && inode.nlink > 0;
  }

  /** From here on the file is what is committed; whoever opens it gets another object. Nothing may wait in here. */
  #take(file: OpenFile): void {
    if (file.users.count > 0) return;
    const { staging, binding } = file;
    this.#forget(file);
    if (staging === undefined) return;
    file.unstage();
    // A durable record of an emptied slot would be believed after a power cut: it must be gone for good first.
    this.#unbound.push({
      slot: staging.slot,
      sync: binding?.durable === true && binding.bytes === undefined,
    });
  }

  /** First the records go, then the slots are emptied. */
  async #unbind(): Promise<void> {
    const unbound = this.#unbound;
    if (unbound.length === 0) return;
    this.#unbound = [];
    try {
      await this.#parts.kv.write((tx) => {
        for (const { slot } of unbound) tx.delete(bindingKey(slot.id));
      });
      if (unbound.some(({ sync }) => sync)) await this.#parts.kv.sync();
    } catch (error) {
      this.#unbound.push(...unbound);
      this.#parts.onError(error, `${String(unbound.length)} slots cannot be unbound; they are kept for now`);
      return;
    }
    this.#parts.content.giveBack(unbound.map(({ slot }) => slot));
  }

  /** The end: everything is committed, also what is open or mapped. */
  async close(files: Iterable<OpenFile>): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#mappedTimer);
    await this.#running;
    const callers = new Map<OpenFile, Caller>();
    for (const { file, caller } of [...this.#queue, ...this.#mapped]) callers.set(file, caller);
    for (const file of [...files]) await this.#closeFile(file, callers.get(file) ?? file.lastCaller);
    await this.#unbind();
  }

  async #closeFile(file: OpenFile, caller: Caller | undefined): Promise<void> {
    await file.serial.idle();
    const copy = this.#isUsed(file);
    try {
      if (caller !== undefined) {
        await file.serial.run(() => commit(this.#parts, file, caller, { last: true, copy }));
      }
      if (file.nameless) await this.#parts.namespace.reap(file.ino);
    } catch (error) {
      this.#parts.onError(error, `inode ${String(file.ino)} cannot be committed; the next start tries again`);
      return;
    }
    file.users.count = 0;
    if (copy) await this.#leave(file);
    else this.#take(file);
  }

  /** A slot that is still mapped is unbound, but not emptied under who maps it: the next start deletes it. */
  async #leave(file: OpenFile): Promise<void> {
    const { staging } = file;
    if (staging === undefined) return;
    await this.#parts.kv.write((tx) => {
      tx.delete(bindingKey(staging.slot.id));
    });
    file.unstage();
  }
}

function slotName(file: OpenFile): string {
  return file.staging === undefined ? '?' : String(file.staging.slot.id);
}
