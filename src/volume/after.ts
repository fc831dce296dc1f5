/** Goes on with a value that may be there at once, without a turn of the loop when it is. */
import type { Awaitable } from '../base/awaitable.ts';

export function after<T, U>(value: Awaitable<T>, fn: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(fn) : fn(value);
}
