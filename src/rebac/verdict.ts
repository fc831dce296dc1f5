/** Answers with three values, and waiting only for what is not there at once. */
import type { Awaitable } from '../base/awaitable.ts';
import { RebacError } from './errors.ts';

/** An error stands for "unknown": it is thrown only where nothing else decides. */
export type Verdict = boolean | RebacError;

/** A verdict that others join: true if one of them is, otherwise the first error. */
export function either(a: Verdict, b: Verdict): Verdict {
  if (a === true || b === true) return true;
  return a === false ? b : a;
}

export function both(a: Verdict, b: Verdict): Verdict {
  if (a === false || b === false) return false;
  return a === true ? b : a;
}

/** With the value: at once where it is there. (A module that exports `then` would be taken for a promise.) */
export function after<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Until one is true. */
export function any<T>(
  items: readonly T[],
  decide: (item: T) => Awaitable<Verdict>,
  from = 0,
): Awaitable<Verdict> {
  let verdict: Verdict = false;
  for (let at = from; at < items.length; at++) {
    const answer = decide(items[at] as T);
    if (answer instanceof Promise) {
      const before = verdict;
      return answer.then((now) =>
        now === true ? true : after(any(items, decide, at + 1), (rest) => either(either(before, now), rest)),
      );
    }
    if (answer === true) return true;
    verdict = either(verdict, answer);
  }
  return verdict;
}

/** Until one is false. */
export function every<T>(
  items: readonly T[],
  decide: (item: T) => Awaitable<Verdict>,
  from = 0,
): Awaitable<Verdict> {
  let verdict: Verdict = true;
  for (let at = from; at < items.length; at++) {
    const answer = decide(items[at] as T);
    if (answer instanceof Promise) {
      const before = verdict;
      return answer.then((now) =>
        now === false ? false : after(every(items, decide, at + 1), (rest) => both(both(before, now), rest)),
      );
    }
    if (answer === false) return false;
    verdict = both(verdict, answer);
  }
  return verdict;
}

/** Repeats a step until it gives something. */
export function repeat<T>(step: () => Awaitable<T | undefined>): Awaitable<T> {
  for (;;) {
    const answer = step();
    if (answer instanceof Promise)
      return answer.then((given) => (given === undefined ? repeat(step) : given));
    if (answer !== undefined) return answer;
  }
}

/** The answer, or the error thrown. */
export function settled(verdict: Verdict): boolean {
  if (verdict instanceof RebacError) throw verdict;
  return verdict;
}
