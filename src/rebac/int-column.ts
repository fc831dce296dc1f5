/** A growing column of 32-bit numbers. */

export class IntColumn {
  #items = new Int32Array(64);

  get(at: number): number {
    return this.#items[at] ?? -1;
  }

  set(at: number, value: number): void {
    if (at >= this.#items.length) {
      const grown = new Int32Array(Math.max(at + 1, Math.ceil(this.#items.length * 1.5))).fill(
        -1,
        this.#items.length,
      );
      grown.set(this.#items);
      this.#items = grown;
    }
    this.#items[at] = value;
  }
}
