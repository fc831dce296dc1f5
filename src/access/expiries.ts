/** When tuples end: the earliest first. */
import type { Tuple } from '../rebac/types.ts';

interface Ending {
  readonly at: number;
  readonly tuple: Tuple;
}

/** A heap. A tuple that was written again is in it more than once: who hears of an end looks whether it is one. */
export class Expiries {
  readonly #heap: Ending[] = [];

  /** The next end; infinite where there is none. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(tuple: Tuple): void {
    if (tuple.expires === undefined) return;
    const heap = this.#heap;
    const ending = { at: tuple.expires, tuple };
    let at = heap.length;
    heap.push(ending);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above];
      if (other === undefined || other.at <= ending.at) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = ending;
  }

  /** Takes out what has ended by now. */
  take(now: number): Tuple[] {
    const ended: Tuple[] = [];
    while (this.next <= now) {
      const first = this.#heap[0];
      const last = this.#heap.pop();
      if (first === undefined || last === undefined) break;
      ended.push(first.tuple);
      if (this.#heap.length > 0) this.#sink(last);
    }
    return ended;
  }

  #sink(ending: Ending): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      const right = heap[below + 1];
      const left = heap[below];
      if (left === undefined) break;
      if (right !== undefined && right.at < left.at) below++;
      const least = heap[below];
      if (least === undefined || least.at >= ending.at) break;
      heap[at] = least;
      at = below;
    }
    heap[at] = ending;
  }
}
