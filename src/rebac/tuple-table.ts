/** Tuples as rows of numbers: what a million of them need is measured in bytes, not objects. */
import { Entities } from './entities.ts';
import { IntColumn } from './int-column.ts';
import { PairTable } from './pair-table.ts';
import { isIndirect } from './refs.ts';
import { RowChains } from './row-chains.ts';
import type { ObjectRef, SubjectRef, Tuple, TupleCondition, TupleKey } from './types.ts';

/** What few tuples have. */
interface Extra {
  readonly condition?: TupleCondition;
  readonly expires?: number;
}

export class TupleTable {
  readonly #entities = new Entities();
  readonly #relations: string[] = [];
  readonly #relationNumbers = new Map<string, number>();
  /** A place is a relation of an object; a row is a subject at a place. */
  readonly #objectOf = new IntColumn();
  readonly #relationOf = new IntColumn();
  readonly #places = new PairTable(this.#objectOf, this.#relationOf);
  #placeCount = 0;
  readonly #placeOf = new IntColumn();
  readonly #subjectOf = new IntColumn();
  readonly #rows = new PairTable(this.#placeOf, this.#subjectOf);
  /** Rows of a place: plain subjects at its even head, usersets and wildcards at its odd one. */
  readonly #atPlace = new RowChains();
  readonly #ofSubject = new RowChains();
  readonly #extras = new Map<number, Extra>();
  #free: number[] = [];
  #rowCount = 0;

  get size(): number {
    return this.#rowCount - this.#free.length;
  }

  /** Rows that were deleted since. */
  gone = 0;

  write(tuple: Tuple): void {
    const { object, relation, subject } = tuple;
    const place = this.#place(object, relation);
    const known = this.#entities.count;
    const number = this.#entities.intern(subject.type, subject.id, subject.relation);
    if (number >= known) this.#ofSubject.open(number);
    let row = this.#rows.get(place, number);
    if (row < 0) {
      row = this.#free.pop() ?? this.#rowCount++;
      this.#placeOf.set(row, place);
      this.#subjectOf.set(row, number);
      this.#rows.add(row);
      this.#atPlace.add(headOf(place, subject), row);
      this.#ofSubject.add(number, row);
    } else this.#extras.delete(row);
    if (tuple.condition !== undefined || tuple.expires !== undefined) this.#extras.set(row, extraOf(tuple));
  }

  delete(key: TupleKey): void {
    const row = this.#find(key);
    if (row < 0) return;
    const place = this.#placeOf.get(row);
    const subject = this.#subjectOf.get(row);
    this.#rows.delete(place, subject);
    this.#atPlace.remove(headOf(place, key.subject), row);
    this.#ofSubject.remove(subject, row);
    this.#extras.delete(row);
    this.#placeOf.set(row, -1);
    this.#free.push(row);
    this.gone += 1;
  }

  get(key: TupleKey): Tuple | undefined {
    const row = this.#find(key);
    return row < 0 ? undefined : this.#tuple(row, key.object, key.relation, key.subject);
  }

  usersets(object: ObjectRef, relation: string): readonly Tuple[] {
    return this.#listed([1], object, relation);
  }

  subjects(object: ObjectRef, relation: string): readonly Tuple[] {
    return this.#listed([0, 1], object, relation);
  }

  objects(subject: SubjectRef, type?: string): readonly Tuple[] {
    const number = this.#entities.find(subject.type, subject.id, subject.relation);
    if (number < 0) return [];
    const found: Tuple[] = [];
    for (let row = this.#ofSubject.first(number); row >= 0; row = this.#ofSubject.next(row)) {
      const object = this.#objectOf.get(this.#placeOf.get(row));
      if (type === undefined || this.#entities.type(object) === type)
        found.push(this.#tuple(row, undefined, undefined, subject));
    }
    return found;
  }

  ofType(type: string): readonly Tuple[] {
    const found: Tuple[] = [];
    for (let row = 0; row < this.#rowCount; row++) {
      const place = this.#placeOf.get(row);
      if (place >= 0 && this.#entities.type(this.#objectOf.get(place)) === type) found.push(this.#tuple(row));
    }
    return found;
  }

  *all(): Iterator<Tuple> {
    for (let row = 0; row < this.#rowCount; row++) if (this.#placeOf.get(row) >= 0) yield this.#tuple(row);
  }

  #listed(chains: readonly number[], object: ObjectRef, relation: string): readonly Tuple[] {
    const place = this.#findPlace(object, relation);
    if (place < 0) return none;
    const found: Tuple[] = [];
    for (const chain of chains) {
      for (let row = this.#atPlace.first(2 * place + chain); row >= 0; row = this.#atPlace.next(row)) {
        found.push(this.#tuple(row, object, relation));
      }
    }
    return found;
  }

  #tuple(row: number, object?: ObjectRef, relation?: string, subject?: SubjectRef): Tuple {
    const place = this.#placeOf.get(row);
    const key = {
      object: object ?? this.#object(this.#objectOf.get(place)),
      relation: relation ?? this.#relationName(place),
      subject: subject ?? this.#subject(this.#subjectOf.get(row)),
    };
    const extra = this.#extras.size === 0 ? undefined : this.#extras.get(row);
    return extra === undefined ? key : { ...key, ...extra };
  }

  #relationName(place: number): string {
    return this.#relations[this.#relationOf.get(place)] as string;
  }

  #object(number: number): ObjectRef {
    return { type: this.#entities.type(number), id: this.#entities.id(number) };
  }

  #subject(number: number): SubjectRef {
    const relation = this.#entities.relation(number);
    return relation === undefined ? this.#object(number) : { ...this.#object(number), relation };
  }

  #find(key: TupleKey): number {
    const place = this.#findPlace(key.object, key.relation);
    if (place < 0) return -1;
    const { type, id, relation } = key.subject;
    const subject = this.#entities.find(type, id, relation);
    return subject < 0 ? -1 : this.#rows.get(place, subject);
  }

  #findPlace(object: ObjectRef, relation: string): number {
    const number = this.#relationNumbers.get(relation);
    if (number === undefined) return -1;
    const entity = this.#entities.find(object.type, object.id);
    return entity < 0 ? -1 : this.#places.get(entity, number);
  }

  #place(object: ObjectRef, relation: string): number {
    const known = this.#entities.count;
    const entity = this.#entities.intern(object.type, object.id);
    if (entity >= known) this.#ofSubject.open(entity);
    let number = this.#relationNumbers.get(relation);
    if (number === undefined) {
      number = this.#relations.push(relation) - 1;
      this.#relationNumbers.set(relation, number);
    }
    let place = this.#places.get(entity, number);
    if (place < 0) {
      place = this.#placeCount++;
      this.#objectOf.set(place, entity);
      this.#relationOf.set(place, number);
      this.#places.add(place);
      this.#atPlace.open(2 * place);
      this.#atPlace.open(2 * place + 1);
    }
    return place;
  }
}

const none: readonly Tuple[] = [];

function headOf(place: number, subject: SubjectRef): number {
  return 2 * place + (isIndirect(subject) ? 1 : 0);
}

function extraOf(tuple: Tuple): Extra {
  const { condition, expires } = tuple;
  return { ...(condition !== undefined && { condition }), ...(expires !== undefined && { expires }) };
}
