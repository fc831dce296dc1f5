/** What happens inside the transaction of a change: preconditions, tuples and their indexes, the log. */
import { FsError } from '../base/errors.ts';
import type { Key, KvTransaction } from '../kv/types.ts';
import { RebacError } from './errors.ts';
import { checkTuple, nameOf } from './store-check.ts';
import { decodeTuple, encodeChange, encodeTuple, type Head } from './store-codec.ts';
import type { KeyRange, StoreKeys } from './store-keys.ts';
import { sameKey } from './store-read.ts';
import type { Tuple, TupleChange, TupleKey } from './types.ts';

/** Most tuples that one revision changes. */
export const WRITE_LIMIT = 1000;

/** What must hold or nothing is written. A tuple that has expired is absent. */
export type Precondition =
  | { readonly kind: 'exists' | 'absent'; readonly tuple: TupleKey }
  | { readonly kind: 'revision'; readonly revision: number };

export interface TupleWrite {
  /** A tuple with this key is replaced; writing what is there already changes nothing. */
  readonly writes?: readonly Tuple[];
  /** Deleting what is not there changes nothing. */
  readonly deletes?: readonly TupleKey[];
  readonly must?: readonly Precondition[];
}

/** Throws for a write that can be refused without looking at what is stored. */
export function checkWrite(keys: StoreKeys, { writes = [], deletes = [], must = [] }: TupleWrite): void {
  const count = writes.length + deletes.length;
  if (count > WRITE_LIMIT || must.length > WRITE_LIMIT) {
    const text = `${count} tuples and ${must.length} preconditions in one write: at most ${WRITE_LIMIT} of each, split it`;
    throw new FsError('E2BIG', text);
  }
  const seen = new Set<Key>();
  for (const key of [...deletes, ...writes]) {
    const at = keys.tuple(key);
    if (seen.has(at)) throw new RebacError(2000, `${nameOf(key)} is named twice in one write`);
    seen.add(at);
  }
  for (const tuple of writes) checkTuple(tuple);
}

/** The transaction of one change of a zone. Everything it does is taken back when the KvStore runs it again. */
export class StoreChange {
  readonly head: Head;
  readonly tx: KvTransaction;
  readonly changes: TupleChange[] = [];
  readonly #keys: StoreKeys;

  constructor(tx: KvTransaction, keys: StoreKeys, head: Head) {
    this.head = head;
    this.tx = tx;
    this.#keys = keys;
  }

  /** The revision the change makes. */
  get revision(): number {
    return this.head.revision + 1;
  }

  async require(must: readonly Precondition[], now: number): Promise<void> {
    for (const condition of must) {
      if (condition.kind === 'revision') {
        if (condition.revision === this.head.revision) continue;
        const text = `the permissions are at revision ${this.head.revision}, not ${condition.revision}: read again`;
        throw new FsError('EAGAIN', text);
      }
      const { tuple: key, kind } = condition;
      const at = this.#keys.tuple(key);
      const value = await this.tx.get(at);
      const stored = value === undefined ? undefined : this.#tuple(at, value);
      const exists = stored !== undefined && sameKey(stored, key) && (stored.expires ?? Infinity) > now;
      if (exists && kind === 'absent') throw new FsError('EEXIST', `${nameOf(key)} must not exist, but does`);
      if (!exists && kind === 'exists')
        throw new FsError('ENOENT', `${nameOf(key)} must exist, but does not`);
    }
  }

  async delete(keys: readonly TupleKey[]): Promise<void> {
    const places = keys.map((key) => this.#keys.tuple(key));
    await this.#remove(places, (tuple, index) => {
      const key = keys[index];
      return key !== undefined && sameKey(tuple, key);
    });
  }

  /** Deletes wanted tuples of ranges of any index, as many as one revision may change. Are there more? */
  async deleteIn(ranges: readonly KeyRange[], wanted: (tuple: Tuple) => boolean): Promise<boolean> {
    const places = new Set<Key>();
    for (const range of ranges) {
      const entries = await this.tx.scan({ ...range, limit: WRITE_LIMIT + 1 });
      for (const [key, value] of entries) places.add(this.#keys.place(key, () => this.#tuple(key, value)));
    }
    await this.#remove([...places].slice(0, WRITE_LIMIT), wanted);
    return places.size > WRITE_LIMIT;
  }

  async write(tuples: readonly Tuple[]): Promise<void> {
    const places = tuples.map((tuple) => this.#keys.tuple(tuple));
    const stored = await Promise.all(places.map(async (at) => this.tx.get(at)));
    for (const [index, tuple] of tuples.entries()) {
      const at = places[index] ?? '';
      const before = stored[index];
      const value = encodeTuple(this.#keys, tuple);
      const old = before === undefined ? undefined : this.#tuple(at, before);
      if (old !== undefined && !sameKey(old, tuple)) {
        throw new FsError('EIO', `${nameOf(tuple)} has the same key as ${nameOf(old)}: give it another id`);
      }
      if (before !== undefined && Buffer.compare(before, value) === 0) continue;
      if (old !== undefined) for (const key of this.#keys.all(at, old, old.expires)) this.tx.delete(key);
      for (const key of this.#keys.all(at, tuple, tuple.expires)) this.tx.put(key, value);
      // What is told is what was stored, not an object its maker may still change.
      this.#log('write', at, value);
    }
  }

  async #remove(places: readonly Key[], wanted: (tuple: Tuple, index: number) => boolean): Promise<void> {
    const stored = await Promise.all(places.map(async (at) => this.tx.get(at)));
    for (const [index, at] of places.entries()) {
      const value = stored[index];
      if (value === undefined) continue;
      const tuple = this.#tuple(at, value);
      if (!wanted(tuple, index)) continue;
      for (const key of this.#keys.all(at, tuple, tuple.expires)) this.tx.delete(key);
      this.#log('delete', at, value);
    }
  }

  #log(kind: TupleChange['kind'], at: Key, value: Uint8Array): void {
    const key = this.#keys.change(this.revision, this.changes.length);
    this.tx.put(key, encodeChange(kind, this.#keys.local(at), value));
    this.changes.push({ revision: this.revision, kind, tuple: this.#tuple(at, value) });
  }

  #tuple(at: Key, value: Uint8Array): Tuple {
    return decodeTuple(this.#keys, this.#keys.local(at), value);
  }
}
