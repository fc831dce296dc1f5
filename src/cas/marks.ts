/** A bounded memory of what was verified: forgets the oldest half when it is full. */
export class Marks<T> {
  readonly #half: number;
  #young = new Set<T>();
  #old = new Set<T>();

  constructor(limit: number) {
    this.#half = Math.ceil(limit / 2);
  }

  has(mark: T): boolean {
    if (this.#young.has(mark)) return true;
    if (!this.#old.has(mark)) return false;
    this.add(mark);
    return true;
  }

  add(mark: T): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(mark);
  }

  delete(mark: T): void {
    this.#young.delete(mark);
    this.#old.delete(mark);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
