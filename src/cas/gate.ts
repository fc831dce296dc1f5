/** Who is still reading: lets what is about to be punched out wait for the reads that may have looked up its place already. */

interface Era {
  readers: number;
  ended: (() => void) | undefined;
}

export class Gate {
  #now: Era = { readers: 0, ended: undefined };
  /** Ends of the eras that still have readers. */
  readonly #old = new Set<Promise<void>>();

  /** A read begins; hand what this returns to `leave`. */
  enter(): Era {
    this.#now.readers++;
    return this.#now;
  }

  leave(era: Era): void {
    if (--era.readers === 0) era.ended?.();
  }

  /** Resolves when every read that has begun before is over. Reads that begin later are not waited for. */
  async quiet(): Promise<void> {
    const era = this.#now;
    if (era.readers > 0) {
      this.#now = { readers: 0, ended: undefined };
      const ended = new Promise<void>((resolve) => {
        era.ended = resolve;
      }).then(() => void this.#old.delete(ended));
      this.#old.add(ended);
    }
    await Promise.all(this.#old);
  }
}

export type { Era };
