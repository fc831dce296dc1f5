/** A value that may be there at once: plugs that can answer without waiting do, and cost no turn of the loop. */
export type Awaitable<T> = T | Promise<T>;
