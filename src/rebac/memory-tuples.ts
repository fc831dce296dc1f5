/** Tuples in memory, indexed every way an engine asks. */
import { TupleTable } from './tuple-table.ts';
import type { ObjectRef, SubjectRef, Tuple, TupleKey, TupleReader } from './types.ts';

/** Rows that are gone before the table is worth making anew. */
const slack = 1024;

export class MemoryTuples implements TupleReader {
  #table = new TupleTable();

  constructor(tuples: Iterable<Tuple> = []) {
    this.write(tuples);
  }

  get size(): number {
    return this.#table.size;
  }

  /** A tuple with the same object, relation and subject is replaced. */
  write(tuples: Iterable<Tuple>): void {
    for (const tuple of tuples) this.#table.write(tuple);
  }

  /** What is not there stays away. */
  delete(keys: Iterable<TupleKey>): void {
    for (const key of keys) this.#table.delete(key);
    if (this.#table.gone > this.#table.size + slack) this.#renew();
  }

  get(key: TupleKey): Tuple | undefined {
    return this.#table.get(key);
  }

  usersets(object: ObjectRef, relation: string): readonly Tuple[] {
    return this.#table.usersets(object, relation);
  }

  subjects(object: ObjectRef, relation: string): readonly Tuple[] {
    return this.#table.subjects(object, relation);
  }

  objects(subject: SubjectRef, type?: string): readonly Tuple[] {
    return this.#table.objects(subject, type);
  }

  ofType(type: string): readonly Tuple[] {
    return this.#table.ofType(type);
  }

  [Symbol.iterator](): Iterator<Tuple> {
    return this.#table.all();
  }

  /** Names of what is gone are forgotten: ids are not used again, and would pile up. */
  #renew(): void {
    const table = new TupleTable();
    for (const tuple of this) table.write(tuple);
    this.#table = table;
  }
}
