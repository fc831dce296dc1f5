/** What a subject is, for the tuples of a zone: itself, everybody of its type, and the usersets it is in. */
import type { Model, Relation, Rewrite, SubjectRef, Tuple, TupleReader } from '../rebac/types.ts';
import { formatSubject } from '../rebac/refs.ts';
import { admits } from './plan.ts';
import { dependencies, relationKey } from './reach.ts';
import type { RelationOf } from './reach.ts';

/** `certain`: whatever the conditions on the way to it say. */
export interface Member {
  readonly subject: SubjectRef;
  readonly certain: boolean;
}

export interface Closure {
  /** By its text. */
  readonly members: ReadonlyMap<string, Member>;
  /** Subjects whose tuples on memberships can change the closure. */
  readonly watched: ReadonlySet<string>;
}

/** How having `relation` on an object of a type leads to another relation: `plain` where nothing can take it back. */
interface Way {
  readonly type: string;
  readonly to: string;
  readonly plain: boolean;
  /** Through tuples of this relation of other objects; undefined on the object itself. */
  readonly tupleset: string | undefined;
}

interface Fact extends RelationOf {
  readonly id: string;
  certain: boolean;
}

/** Facts found between two turns of the loop. */
const slice = 512;

/** How memberships of a model follow from each other. */
export class Memberships {
  /** The relations of other types that tuples on nodes, and their zone, ask for. */
  readonly roots: ReadonlyMap<string, RelationOf>;
  /** All that these depend on. */
  readonly relevant: ReadonlyMap<string, RelationOf>;
  readonly #model: Model;
  readonly #types: readonly string[];
  /** Does any tuple that memberships depend on have a condition? */
  readonly #conditional: boolean;
  readonly #direct = new Map<string, boolean>();
  readonly #ways = new Map<string, Way[]>();

  constructor(model: Model, roots: readonly RelationOf[]) {
    this.#model = model;
    this.roots = new Map(roots.map((each) => [relationKey(each), each]));
    this.relevant = dependencies(model, roots);
    this.#types = [...new Set([...this.relevant.values()].map(({ type }) => type))];
    let conditional = false;
    for (const each of this.relevant.values()) {
      const relation = this.#relation(each);
      if (!relation) continue;
      conditional ||= relation.restrictions.some(({ condition }) => condition !== undefined);
      this.#collect(each, relation.rewrite, true);
    }
    this.#conditional = conditional;
  }

  #relation({ type, relation }: RelationOf): Relation | undefined {
    return this.#model.types.get(type)?.get(relation);
  }

  #collect(of: RelationOf, rewrite: Rewrite, plain: boolean): void {
    switch (rewrite.kind) {
      case 'this':
        this.#direct.set(relationKey(of), plain);
        return;
      case 'computed':
        this.#way(
          { type: of.type, relation: rewrite.relation },
          { ...wayTo(of), plain, tupleset: undefined },
        );
        return;
      case 'from': {
        const tupleset = this.#relation({ type: of.type, relation: rewrite.tupleset });
        for (const { type } of tupleset?.restrictions ?? []) {
          this.#way(
            { type, relation: rewrite.relation },
            { ...wayTo(of), plain, tupleset: rewrite.tupleset },
          );
        }
        return;
      }
      case 'union':
        for (const each of rewrite.of) this.#collect(of, each, plain);
        return;
      case 'intersection':
        for (const each of rewrite.of) this.#collect(of, each, false);
        return;
      case 'exclusion':
        this.#collect(of, rewrite.base, false);
    }
  }

  #way(from: RelationOf, way: Way): void {
    const key = relationKey(from);
    const ways = this.#ways.get(key);
    if (ways) ways.push(way);
    else this.#ways.set(key, [way]);
  }

  /**
   * Walks from the subject to every userset it may be in. What an intersection, an exclusion or a condition stands in the way of is asked of
   * `check`, and stays uncertain where conditions decide or it fails.
   */
  async closure(options: {
    readonly self: readonly SubjectRef[];
    readonly tuples: TupleReader;
    readonly now: number;
    readonly check: (fact: SubjectRef) => Promise<boolean>;
  }): Promise<Closure> {
    const walk = new Walk(
      options.tuples,
      options.now,
      this.#types,
      (tuple) => this.#admitted(tuple),
      this.#ways,
    );
    for (const self of options.self) await walk.from(self, true);
    await walk.finish();
    const members = new Map<string, Member>();
    for (const subject of options.self) members.set(formatSubject(subject), { subject, certain: true });
    for (const fact of walk.facts.values()) {
      if (!this.roots.has(relationKey(fact))) continue;
      const subject = { type: fact.type, id: fact.id, relation: fact.relation };
      const certain = fact.certain || (await this.#verified(subject, options.check));
      if (certain !== false) members.set(formatSubject(subject), { subject, certain: certain === true });
    }
    return { members, watched: walk.watched };
  }

  async #verified(
    subject: SubjectRef,
    check: (fact: SubjectRef) => Promise<boolean>,
  ): Promise<boolean | undefined> {
    if (this.#conditional) return undefined;
    try {
      return await check(subject);
    } catch {
      return undefined;
    }
  }

  /** Does the tuple make a fact, and a certain one? undefined: it counts for nothing. */
  #admitted(tuple: Tuple): boolean | undefined {
    const of = { type: tuple.object.type, relation: tuple.relation };
    const plain = this.#direct.get(relationKey(of));
    const relation = this.#relation(of);
    if (plain === undefined || !relation?.restrictions.some((each) => admits(each, tuple))) return undefined;
    return plain && tuple.condition === undefined;
  }
}

function wayTo({ type, relation }: RelationOf): { type: string; to: string } {
  return { type, to: relation };
}

class Walk {
  readonly facts = new Map<string, Fact>();
  readonly watched = new Set<string>();
  readonly #tuples: TupleReader;
  readonly #now: number;
  readonly #types: readonly string[];
  readonly #admitted: (tuple: Tuple) => boolean | undefined;
  readonly #ways: ReadonlyMap<string, readonly Way[]>;
  readonly #queue: Fact[] = [];

  constructor(
    tuples: TupleReader,
    now: number,
    types: readonly string[],
    admitted: (tuple: Tuple) => boolean | undefined,
    ways: ReadonlyMap<string, readonly Way[]>,
  ) {
    this.#tuples = tuples;
    this.#now = now;
    this.#types = types;
    this.#admitted = admitted;
    this.#ways = ways;
  }

  /** Everything that tuples with this subject say. */
  async from(subject: SubjectRef, certain: boolean): Promise<void> {
    this.watched.add(formatSubject(subject));
    for (const type of this.#types) {
      for (const tuple of await this.#held(subject, type)) {
        const admitted = this.#admitted(tuple);
        if (admitted === undefined) continue;
        const { object, relation } = tuple;
        this.#add(object.type, object.id, relation, certain && admitted);
      }
    }
  }

  async #held(subject: SubjectRef, type: string): Promise<readonly Tuple[]> {
    const tuples = await this.#tuples.objects(subject, type);
    return tuples.filter(({ expires }) => expires === undefined || expires > this.#now);
  }

  /** A fact that becomes certain is followed once more. */
  #add(type: string, id: string, relation: string, certain: boolean): void {
    const key = `${type}:${id}#${relation}`;
    const known = this.facts.get(key);
    if (known && (known.certain || !certain)) return;
    const fact = known ?? { type, id, relation, certain };
    fact.certain = certain;
    this.facts.set(key, fact);
    this.#queue.push(fact);
  }

  async finish(): Promise<void> {
    let count = 0;
    for (let fact = this.#queue.pop(); fact !== undefined; fact = this.#queue.pop()) {
      if (++count % slice === 0) await new Promise((resolve) => setImmediate(resolve));
      await this.from({ type: fact.type, id: fact.id, relation: fact.relation }, fact.certain);
      await this.#follow(fact);
    }
  }

  async #follow(fact: Fact): Promise<void> {
    for (const { type, to, plain, tupleset } of this.#ways.get(relationKey(fact)) ?? []) {
      const certain = fact.certain && plain;
      if (tupleset === undefined) {
        this.#add(type, fact.id, to, certain);
        continue;
      }
      const above = { type: fact.type, id: fact.id };
      this.watched.add(formatSubject(above));
      for (const tuple of await this.#held(above, type)) {
        if (tuple.relation !== tupleset) continue;
        const admitted = this.#admitted(tuple);
        if (admitted !== undefined) this.#add(type, tuple.object.id, to, certain && admitted);
      }
    }
  }
}
