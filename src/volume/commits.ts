/** Makes versions of what was closed when nothing more urgent waits: the bytes are in their slot already, and a crash loses none. */
import type { Caller } from '../base/caller.ts';
import { commit } from './commit.ts';
import type { OpenFile } from './open-file.ts';
import type { Parts } from './types.ts';

/** With more closed files waiting than this, each turn of the loop commits several. */
const CALM = 8;

export class Commits {
  readonly #parts: Parts;
  #turns: (() => void)[] = [];
  /** The latest commit failed: whoever closes waits to be told. */
  failing = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Commits the file as soon as the requests that wait are served; whatever changes it afterwards waits for that. Resolves when
   * it is done. Rejects with why it could not be; the next close or start tries again.
   */
  soon(file: OpenFile, caller: Caller): Promise<void> {
    file.committing ??= this.#commit(file, caller);
    return file.committing;
  }

  async #commit(file: OpenFile, caller: Caller): Promise<void> {
    try {
      await file.serial.run(async () => {
        await this.#turn();
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

  /** Resolves when the loop has nothing else to do, or has done a good deal of it. */
  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#turns.push(resolve);
      if (this.#turns.length === 1) setImmediate(this.#next);
    });
  }

  readonly #next = (): void => {
    const count = 1 + Math.floor(this.#turns.length / CALM);
    for (const resolve of this.#turns.splice(0, count)) resolve();
    if (this.#turns.length > 0) setImmediate(this.#next);
  };
}
