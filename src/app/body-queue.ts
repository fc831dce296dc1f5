/** Content on its way from a client to an operation: a queue with room for a few pieces. */

export class BodyQueue implements AsyncIterable<Uint8Array> {
  readonly #pieces: Uint8Array[] = [];
  readonly #taken: () => void;
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** `taken` is called for each piece the operation has done with. */
  constructor(taken: () => void) {
    this.#taken = taken;
  }

  push(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#failure = error;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const piece = this.#pieces.shift();
      if (piece) {
        yield piece;
        this.#taken();
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }
}
