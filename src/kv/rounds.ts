/** Group commit: callers share a round of work, and each is covered by one that began after its call. */
export class Rounds {
  readonly #work: () => Promise<void>;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  join(): Promise<void> {
    if (this.#current === undefined && this.#next === undefined) return this.#begin();
    const before = this.#current ?? Promise.resolve();
    this.#next ??= before.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#next = undefined;
    this.#current = this.#work().finally(() => {
      this.#current = undefined;
    });
    return this.#current;
  }
}
