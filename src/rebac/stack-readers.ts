/** Several readers read as one. */
import type { Awaitable } from '../base/awaitable.ts';
import { formatTuple } from './refs.ts';
import type { Tuple, TupleKey, TupleReader } from './types.ts';
import { after } from './verdict.ts';

/** Where two readers have a tuple with the same key, the earlier reader's counts. */
export function stackReaders(...readers: readonly TupleReader[]): TupleReader {
  const [only] = readers;
  if (readers.length === 1 && only !== undefined) return only;
  return {
    get: (key) => first(readers, key),
    usersets: (object, relation) => merged(readers, (reader) => reader.usersets(object, relation)),
    subjects: (object, relation) => merged(readers, (reader) => reader.subjects(object, relation)),
    objects: (subject, type) => merged(readers, (reader) => reader.objects(subject, type)),
    ofType: (type) => merged(readers, (reader) => reader.ofType(type)),
  };
}

function first(readers: readonly TupleReader[], key: TupleKey, from = 0): Awaitable<Tuple | undefined> {
  for (let at = from; at < readers.length; at++) {
    const found = readers[at]?.get(key);
    if (found instanceof Promise) return found.then((tuple) => tuple ?? first(readers, key, at + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

type Read = (reader: TupleReader) => Awaitable<readonly Tuple[]>;

function merged(readers: readonly TupleReader[], read: Read, from = 0): Awaitable<readonly Tuple[]> {
  let all: readonly Tuple[] = [];
  for (let at = from; at < readers.length; at++) {
    const found = read(readers[at] as TupleReader);
    if (found instanceof Promise) {
      const before = all;
      return found.then((now) =>
        after(merged(readers, read, at + 1), (rest) => joined(joined(before, now), rest)),
      );
    }
    all = joined(all, found);
  }
  return all;
}

function joined(earlier: readonly Tuple[], later: readonly Tuple[]): readonly Tuple[] {
  if (later.length === 0) return earlier;
  if (earlier.length === 0) return later;
  const seen = new Set(earlier.map(keyText));
  return [...earlier, ...later.filter((tuple) => !seen.has(keyText(tuple)))];
}

/** Ids contain no `:` and no `#`: the text of a key is the key's alone. */
function keyText(tuple: Tuple): string {
  return formatTuple(tuple);
}
