/** Doubly linked lists of rows, in columns: one list a head. */
import { IntColumn } from './int-column.ts';

export class RowChains {
  readonly #heads = new IntColumn();
  readonly #next = new IntColumn();
  readonly #previous = new IntColumn();

  /** A list that is new and empty. */
  open(head: number): void {
    this.#heads.set(head, -1);
  }

  add(head: number, row: number): void {
    const first = this.#heads.get(head);
    this.#next.set(row, first);
    this.#previous.set(row, -1);
    if (first >= 0) this.#previous.set(first, row);
    this.#heads.set(head, row);
  }

  remove(head: number, row: number): void {
    const next = this.#next.get(row);
    const previous = this.#previous.get(row);
    if (previous >= 0) this.#next.set(previous, next);
    else this.#heads.set(head, next);
    if (next >= 0) this.#previous.set(next, previous);
  }

  first(head: number): number {
    return this.#heads.get(head);
  }

  next(row: number): number {
    return this.#next.get(row);
  }
}
