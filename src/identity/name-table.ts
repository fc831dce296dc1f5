/** Records by name, in memory: found at once, listed in the order of the bytes of their names. */
import { FsError } from '../base/errors.ts';
import { bytesOf } from './records.ts';
import type { PageOptions } from './types.ts';

export class NameTable<T extends { readonly name: string }> {
  readonly #records = new Map<string, T>();
  /** Sorted when it is first asked for after a change. */
  #order: { readonly bytes: string; readonly record: T }[] | undefined;

  get size(): number {
    return this.#records.size;
  }

  get(name: string): T | undefined {
    return this.#records.get(name);
  }

  set(record: T): void {
    this.#records.set(record.name, record);
    this.#order = undefined;
  }

  delete(name: string): void {
    if (this.#records.delete(name)) this.#order = undefined;
  }

  values(): IterableIterator<T> {
    return this.#records.values();
  }

  /** Those behind the name `after`, whether or not there is one of that name. */
  page({ after, limit = 1000 }: PageOptions, wanted: (record: T) => boolean = () => true): readonly T[] {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new FsError('EINVAL', `cannot list ${limit} entries: the limit is a whole number from 1 on`);
    }
    const order = this.#sorted();
    const found: T[] = [];
    for (let at = after === undefined ? 0 : firstBehind(order, bytesOf(after)); at < order.length; at++) {
      const record = order[at]?.record;
      if (record !== undefined && wanted(record) && found.push(record) === limit) break;
    }
    return found;
  }

  #sorted(): readonly { readonly bytes: string; readonly record: T }[] {
    this.#order ??= [...this.#records.values()]
      .map((record) => ({ bytes: bytesOf(record.name), record }))
      .sort((a, b) => (a.bytes < b.bytes ? -1 : 1));
    return this.#order;
  }
}

function firstBehind(order: readonly { readonly bytes: string }[], bytes: string): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((order[middle]?.bytes ?? '') <= bytes) low = middle + 1;
    else high = middle;
  }
  return low;
}
