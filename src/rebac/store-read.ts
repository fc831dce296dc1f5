/** Reading stored tuples: at once where the KvStore answers at once. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { Key, KvStore } from '../kv/types.ts';
import { checkObject, checkRelation, checkSubject } from './store-check.ts';
import { decodeTuple } from './store-codec.ts';
import type { KeyRange, StoreKeys } from './store-keys.ts';
import type { ObjectRef, SubjectRef, Tuple, TupleKey, TupleReader } from './types.ts';

/** What is left out does not narrow; an id means nothing without its type. `relation: ''` of a subject is none. */
export interface TupleFilter {
  readonly object?: { readonly type: string; readonly id?: string };
  readonly relation?: string;
  readonly subject?: { readonly type: string; readonly id?: string; readonly relation?: string };
}

export interface TuplePage {
  readonly tuples: readonly Tuple[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/** One scan sees one moment, so a list that decides about access is read in one piece. */
const ALL = Number.MAX_SAFE_INTEGER;
const STEP = 1000;

export class StoredTuples implements TupleReader {
  readonly #kv: KvStore;
  readonly #keys: StoreKeys;

  constructor(kv: KvStore, keys: StoreKeys) {
    this.#kv = kv;
    this.#keys = keys;
  }

  get(key: TupleKey): Awaitable<Tuple | undefined> {
    const at = this.#keys.tuple(key);
    return andThen(this.#kv.get(at), (value) => {
      if (value === undefined) return undefined;
      const tuple = this.#decode(at, value);
      return sameKey(tuple, key) ? tuple : undefined;
    });
  }

  usersets(object: ObjectRef, relation: string): Awaitable<readonly Tuple[]> {
    checkObject(object);
    checkRelation(relation);
    return this.#all(this.#keys.onObjects(object.type, object.id, relation, true), isOn(object));
  }

  subjects(object: ObjectRef, relation: string): Awaitable<readonly Tuple[]> {
    checkObject(object);
    checkRelation(relation);
    return this.#all(this.#keys.onObjects(object.type, object.id, relation), isOn(object));
  }

  objects(subject: SubjectRef, type?: string): Awaitable<readonly Tuple[]> {
    checkSubject(subject);
    if (type !== undefined) checkObject({ type });
    const range = this.#keys.ofSubjects(subject.type, subject.id, subject.relation ?? '', type);
    return this.#all(range, (tuple) => tuple.subject.id === subject.id);
  }

  ofType(type: string): Awaitable<readonly Tuple[]> {
    checkObject({ type });
    return this.#all(this.#keys.onObjects(type), () => true);
  }

  /** At most `limit` tuples of a filter, from `after` (`next` of the page before) on. */
  async page(filter: TupleFilter, after: string | undefined, limit: number): Promise<TuplePage> {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new FsError('EINVAL', `cannot read ${limit} tuples: the limit is a whole number from 1 on`);
    }
    const range = rangeOf(this.#keys, filter);
    const tuples: Tuple[] = [];
    let from = after === undefined ? range.from : this.#continued(range, after);
    for (let last: Key | undefined; ; ) {
      const entries = await this.#kv.scan({ from, to: range.to, limit: STEP });
      for (const [key, value] of entries) {
        const tuple = this.#decode(key, value);
        if (!matches(filter, tuple)) continue;
        if (tuples.length === limit && last !== undefined)
          return { tuples, next: cursorOf(this.#keys, last) };
        tuples.push(tuple);
        last = key;
      }
      const end = entries.at(-1);
      if (end === undefined || entries.length < STEP) return { tuples };
      from = `${end[0]}\0`;
      await breath();
    }
  }

  #continued(range: KeyRange, after: string): Key {
    const local = Buffer.from(after, 'base64url').toString('latin1');
    const key = range.from.slice(0, range.from.length - this.#keys.local(range.from).length) + local;
    if (key >= range.from && key < range.to) return `${key}\0`;
    throw new FsError('EINVAL', 'the cursor belongs to another question: start again without one');
  }

  #all(range: KeyRange, wanted: (tuple: Tuple) => boolean): Awaitable<readonly Tuple[]> {
    return andThen(this.#kv.scan({ ...range, limit: ALL }), (entries) => {
      const tuples: Tuple[] = [];
      for (const [key, value] of entries) {
        const tuple = this.#decode(key, value);
        if (wanted(tuple)) tuples.push(tuple);
      }
      return tuples;
    });
  }

  #decode(key: Key, value: Uint8Array): Tuple {
    return decodeTuple(this.#keys, this.#keys.local(key), value);
  }
}

/** Where the tuples of a filter are. */
function rangeOf(keys: StoreKeys, { object, relation, subject }: TupleFilter): KeyRange {
  if (object !== undefined) checkObject(object);
  if (relation !== undefined) checkRelation(relation);
  if (subject !== undefined) {
    const { relation: own, ...named } = subject;
    checkSubject(own === undefined || own === '' ? named : subject);
  }
  if (object?.id !== undefined) return keys.onObjects(object.type, object.id, relation);
  if (subject?.id !== undefined || (subject !== undefined && object === undefined)) {
    return keys.ofSubjects(subject.type, subject.id, subject.relation, object?.type);
  }
  return keys.onObjects(object?.type);
}

function matches({ object, relation, subject }: TupleFilter, tuple: Tuple): boolean {
  if (object !== undefined && tuple.object.type !== object.type) return false;
  if (object?.id !== undefined && tuple.object.id !== object.id) return false;
  if (relation !== undefined && tuple.relation !== relation) return false;
  if (subject === undefined) return true;
  if (tuple.subject.type !== subject.type) return false;
  if (subject.id !== undefined && tuple.subject.id !== subject.id) return false;
  return subject.relation === undefined || (tuple.subject.relation ?? '') === subject.relation;
}

/** Do both name the same tuple? */
export function sameKey(a: TupleKey, b: TupleKey): boolean {
  return (
    a.object.id === b.object.id &&
    a.subject.id === b.subject.id &&
    a.relation === b.relation &&
    a.object.type === b.object.type &&
    a.subject.type === b.subject.type &&
    a.subject.relation === b.subject.relation
  );
}

// Two long ids may share a hash, and then their tuples share a range.
function isOn(object: ObjectRef): (tuple: Tuple) => boolean {
  return (tuple) => tuple.object.id === object.id;
}

function cursorOf(keys: StoreKeys, key: Key): string {
  return Buffer.from(keys.local(key), 'latin1').toString('base64url');
}

function andThen<T, U>(value: Awaitable<T>, next: (value: T) => U): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Lets others run between the pages of a long scan. */
export function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
