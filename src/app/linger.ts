/** Ends a daemon that nobody uses any more. */

export class Linger implements Disposable {
  readonly #milliseconds: number;
  readonly #end: () => void;
  #timer: NodeJS.Timeout | undefined;
  #users = new Map<string, number>();

  /** `end` is called once there have been no users for so long; never with Infinity. */
  constructor(milliseconds: number, end: () => void) {
    this.#milliseconds = milliseconds;
    this.#end = end;
  }

  /** Says how many users of one kind there are. */
  count(kind: 'mounts' | 'clients', count: number): void {
    this.#users.set(kind, count);
    const idle = [...this.#users.values()].every((users) => users === 0);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (idle && this.#milliseconds !== Infinity) this.#timer = setTimeout(this.#end, this.#milliseconds);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#users = new Map([['ended', 1]]);
  }
}
