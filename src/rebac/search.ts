/**
 * Whether a relation holds by any of the ways that unions, usersets and parents offer: a walk over relations of objects, nearest first,
 * each once. Cycles end by themselves, and a chain of directories is no recursion. Intersections and exclusions on the way are gates:
 * somebody else decides those.
 */
import type { Awaitable } from '../base/awaitable.ts';
import type { Direct, From, Gate, Node, Op } from './compile-model.ts';
import type { RebacError } from './errors.ts';
import { isIndirect } from './refs.ts';
import type { ObjectRef, SubjectRef, Tuple, TupleReader } from './types.ts';
import { after, any, both, either, repeat } from './verdict.ts';
import type { Verdict } from './verdict.ts';

/** What a search needs of the evaluation it is part of. */
export interface Surroundings {
  readonly subject: SubjectRef;
  readonly tuples: TupleReader;
  /** How many steps away is too far. */
  readonly depth: number;
  node(type: string, relation: string): Node | undefined;
  stands(tuple: Tuple, direct: Direct): Verdict;
  gate(gate: Gate, at: Stop): Awaitable<Verdict>;
  /** What is known of a relation already. */
  known(node: Node, id: string): boolean | undefined;
  /** Counts work; gives the error if it becomes too much. */
  spend(steps: number, at: Stop): RebacError | undefined;
  tooFar(at: Stop): RebacError;
}

/** A relation of an object on the way. */
export interface Stop {
  readonly node: Node;
  readonly object: ObjectRef;
  /** How many steps away from the question. */
  readonly level: number;
  /** True, or why it is not known whether the way here counts. */
  readonly stands: Verdict;
  readonly via: Stop | undefined;
}

export class Search {
  readonly #around: Surroundings;
  /** As far away as what is looked at; one step further; and what is reached by doubtful ways only. */
  #near: Stop[] = none;
  #far: Stop[] = none;
  #doubtful: Stop[] = none;
  #nearAt = 0;
  #doubtfulAt = 0;
  /** Made when the first stop besides the start is reached. */
  #seen: Map<Node, Set<string>> | undefined;
  #start: Stop | undefined;
  #verdict: Verdict = false;
  /** The last stop of a sure way, if there is one. */
  end: Stop | undefined;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** From one part of the definition of a relation; from all of it where the part is the whole. */
  run(op: Op, start: Stop): Awaitable<Verdict> {
    if (op === start.node.op) this.#start = start;
    const first =
      this.#spent(1, start) ?? after(this.#visit(op, start), (found) => this.#settle(start, found));
    return after(first, (verdict) => (verdict === undefined ? repeat(() => this.#step()) : verdict));
  }

  /** All that was looked at. */
  *visited(): Iterable<readonly [Node, string]> {
    if (this.#seen === undefined) {
      if (this.#start !== undefined) yield [this.#start.node, this.#start.object.id];
      return;
    }
    for (const [node, ids] of this.#seen) for (const id of ids) yield [node, id];
  }

  #step(): Awaitable<Verdict | undefined> {
    const stop = this.#next();
    if (stop === undefined) return this.#verdict;
    return (
      this.#spent(1, stop) ?? after(this.#visit(stop.node.op, stop), (found) => this.#settle(stop, found))
    );
  }

  #next(): Stop | undefined {
    for (;;) {
      if (this.#nearAt === this.#near.length && this.#far.length > 0) {
        this.#near = this.#far;
        this.#nearAt = 0;
        this.#far = none;
      }
      const stop =
        this.#near[this.#nearAt] === undefined
          ? this.#doubtful[this.#doubtfulAt++]
          : this.#near[this.#nearAt++];
      if (stop === undefined || this.#see(stop)) return stop;
    }
  }

  #see({ node, object }: Stop): boolean {
    const seen = (this.#seen ??= this.#begin());
    const ids = seen.get(node);
    if (ids === undefined) {
      seen.set(node, new Set([object.id]));
      return true;
    }
    const before = ids.size;
    return ids.add(object.id).size > before;
  }

  #begin(): Map<Node, Set<string>> {
    const start = this.#start;
    return new Map(start === undefined ? [] : [[start.node, new Set([start.object.id])]]);
  }

  #settle(stop: Stop, found: Verdict): Verdict | undefined {
    const verdict = both(stop.stands, found);
    if (verdict === true) {
      this.end ??= stop;
      return true;
    }
    this.#verdict = either(this.#verdict, verdict);
    return undefined;
  }

  #spent(steps: number, stop: Stop): Verdict | undefined {
    return this.#around.spend(steps, stop);
  }

  #visit(op: Op, stop: Stop): Awaitable<Verdict> {
    switch (op.kind) {
      case 'this':
        return this.#direct(stop);
      case 'computed':
        return this.#reach(op.node, stop.object, stop, true, 0);
      case 'from':
        return this.#from(op, stop);
      case 'union':
        return any(op.of, (child) => this.#visit(child, stop));
      case 'intersection':
      case 'exclusion':
        return this.#around.gate(op, stop);
    }
  }

  #direct(stop: Stop): Awaitable<Verdict> {
    const { object } = stop;
    const { direct, relation } = stop.node;
    const { subject, tuples } = this.#around;
    const own = direct.takes(subject)
      ? after(
          tuples.get({ object, relation, subject }),
          (tuple) => tuple !== undefined && this.#around.stands(tuple, direct),
        )
      : false;
    if (own === true) return true;
    const wildcard = !isIndirect(subject) && direct.takesWildcard(subject.type);
    if (!wildcard && !direct.takesUsersets) return own;
    return after(own, (verdict) => {
      if (verdict === true) return true;
      const followed = after(tuples.usersets(object, relation), (found) => this.#follow(found, stop));
      return verdict === false ? followed : after(followed, (given) => either(verdict, given));
    });
  }

  #follow(found: readonly Tuple[], stop: Stop): Awaitable<Verdict> {
    if (found.length === 0) return false;
    const { direct } = stop.node;
    const { subject: asker } = this.#around;
    return (
      this.#spent(found.length, stop) ??
      any(found, (tuple) => {
        const { subject } = tuple;
        if (subject.relation === undefined) {
          return subject.type === asker.type && !isIndirect(asker) && this.#around.stands(tuple, direct);
        }
        const target = this.#around.node(subject.type, subject.relation);
        return (
          target !== undefined && this.#reach(target, subject, stop, this.#around.stands(tuple, direct), 1)
        );
      })
    );
  }

  #from(op: From, stop: Stop): Awaitable<Verdict> {
    const { tupleset, targets } = op;
    return after(
      this.#around.tuples.subjects(stop.object, tupleset.relation),
      (found) =>
        // One parent more is one stop more, and counted there.
        (found.length > 1 ? this.#spent(found.length, stop) : undefined) ??
        any(found, (tuple) => {
          const target = isIndirect(tuple.subject) ? undefined : targets.get(tuple.subject.type);
          if (target === undefined) return false;
          const steps = target.type === stop.node.type ? 0 : 1;
          return this.#reach(target, tuple.subject, stop, this.#around.stands(tuple, tupleset.direct), steps);
        }),
    );
  }

  /** Puts a relation in the queue, unless what it gives is clear. `stands`: does what leads there from the stop count? */
  #reach(node: Node, object: ObjectRef, from: Stop, stands: Verdict, steps: number): Verdict {
    if (stands === false) return false;
    const { subject } = this.#around;
    // A userset has itself.
    const itself =
      subject.relation === node.relation && subject.id === object.id && subject.type === object.type;
    const known = itself || this.#around.known(node, object.id);
    if (known !== undefined) return known && stands;
    if (this.#seen?.get(node)?.has(object.id) === true) return false;
    const stop = { node, object, level: from.level + steps, stands: both(from.stands, stands), via: from };
    if (stop.level > this.#around.depth) return this.#around.tooFar(stop);
    if (stop.stands !== true) this.#doubtful = appended(this.#doubtful, stop);
    else if (steps === 0) this.#near = appended(this.#near, stop);
    else this.#far = appended(this.#far, stop);
    return false;
  }
}

/** Most searches end before there is a queue. */
const none: Stop[] = [];

function appended(queue: Stop[], stop: Stop): Stop[] {
  if (queue === none) return [stop];
  queue.push(stop);
  return queue;
}
