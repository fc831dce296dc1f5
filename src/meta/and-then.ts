/** Goes on with a value at once where it is there, after it arrived where it is not. */
import type { Awaitable } from '../base/awaitable.ts';

export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
