/** Code that waits only where it must: a generator that yields promises runs to its end at once when nothing has to be waited for. */
import type { Awaitable } from '../base/awaitable.ts';

/** Steps that end in a T; what they yield are promises to wait for. */
export type Steps<T> = Generator<Promise<unknown>, T, never>;

/** Inside steps: the value, waited for if it is a promise. */
export function* wait<T>(value: Awaitable<T>): Steps<T> {
  return value instanceof Promise ? yield value : value;
}

/** Runs steps: synchronously (throwing synchronously too) up to the first promise, if there is one. */
export function flow<T>(steps: Steps<T>): Awaitable<T> {
  const first = steps.next();
  return first.done ? first.value : drive(steps, first.value);
}

async function drive<T>(steps: Steps<T>, first: Promise<unknown>): Promise<T> {
  let waited = first;
  for (;;) {
    let next: IteratorResult<Promise<unknown>, T>;
    try {
      next = steps.next((await waited) as never);
    } catch (error) {
      // Thrown by the steps themselves, the generator is finished and throws it again; rejected by the promise, it may be handled inside.
      next = steps.throw(error);
    }
    if (next.done) return next.value;
    waited = next.value;
  }
}

/** Keeps long work on the loop in slices of about a millisecond. */
export class Slice {
  #until = performance.now() + 1;

  /** True when the slice is used up; `pause` then. */
  get over(): boolean {
    return performance.now() > this.#until;
  }

  /** One turn of the loop for everybody else. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#until = performance.now() + 1;
  }
}
