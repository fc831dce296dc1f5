/** Makes versions of what was closed when nothing more urgent waits: the bytes are in their slot already, and a crash loses none. */
import type { Caller } from '../base/caller.ts';
import { commit } from './commit.ts';
import type { OpenFile } from './open-file.ts';
import type { Parts } from './types.ts';

/** How long a version nobody asks for is put off, ms: what is removed right after it was closed (a journal, a lock) needs none. */
const DELAY = 2;
/** With more closed files waiting than this, each turn of the loop commits several. */
const CALM = 8;

export class Commits {
  readonly #parts: Parts;
  /** Whose turn comes, in the order of closing. */
  readonly #waiting = new Map<OpenFile, () => void>();
  #planned = false;
  /** The latest commit failed: whoever closes waits to be told. */
  failing = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Commits the file a little later, when the requests that wait are served; at once where something waits for it. Resolves when it
   * is done. Rejects with why it could not be; the next close or start tries again.
   */
  soon(file: OpenFile, caller: Caller): Promise<void> {
    file.committing ??= this.#commit(file, caller);
    return file.committing;
  }

  /** `soon` for who waits for it. */
  now(file: OpenFile, caller: Caller): Promise<void> {
    const committed = this.soon(file, caller);
    this.hurry(file);
    return committed;
  }

  /** Begins what `soon` put off. */
  hurry(file: OpenFile): void {
    const begin = this.#waiting.get(file);
    this.#waiting.delete(file);
    begin?.();
  }

  async #commit(file: OpenFile, caller: Caller): Promise<void> {
    try {
      await file.serial.run(async () => {
        await this.#turn(file);
        file.committing = undefined;
        const last = file.users.count === file.users.leaving && !this.#usedByKernel(file);
        await commit(this.#parts, file, caller, { last });
      });
      this.failing = false;
    } catch (error) {
      this.failing = true;
      throw error;
    }
  }

  /** A mapping outlives the descriptors, and the kernel's own descriptor lives a moment longer. */
  #usedByKernel({ mappable, staging }: OpenFile): boolean {
    return mappable && staging !== undefined && this.#parts.native.usedElsewhere(staging.slot.fd);
  }

  /** Resolves after a while when the loop has nothing else to do, or has done a good deal of it. */
  async #turn(file: OpenFile): Promise<void> {
    if (file.serial.waiting > 0) return;
    // Whatever comes to wait for the file ends the delay.
    file.serial.awaited = () => {
      this.hurry(file);
    };
    await new Promise<void>((resolve) => {
      this.#waiting.set(file, resolve);
      if (this.#planned) return;
      this.#planned = true;
      setTimeout(this.#next, DELAY);
    });
    file.serial.awaited = undefined;
  }

  readonly #next = (): void => {
    let count = 1 + Math.floor(this.#waiting.size / CALM);
    for (const file of this.#waiting.keys()) {
      if (count-- === 0) break;
      this.hurry(file);
    }
    this.#planned = this.#waiting.size > 0;
    if (this.#planned) setImmediate(this.#next);
  };
}
