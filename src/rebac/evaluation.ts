/** Decides whether one subject has relations to objects. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Context } from './conditions.ts';
import type { Direct, Gate, Node, Op, Plan } from './compile-model.ts';
import { entry } from './entry.ts';
import { RebacError } from './errors.ts';
import { Memo } from './memo.ts';
import { formatObject, formatSubject } from './refs.ts';
import { Search } from './search.ts';
import type { Stop, Surroundings } from './search.ts';
import type { ObjectRef, SubjectRef, Tuple, TupleReader } from './types.ts';
import { after, both, every } from './verdict.ts';
import type { Verdict } from './verdict.ts';

export interface Limits {
  /** How many objects away: each userset followed and each `from` counts; objects inside objects of their own type do not. */
  readonly depth: number;
  /** How many relations and tuples may be looked at in all. */
  readonly work: number;
  /** How many intersections and exclusions may be within each other, over all objects. */
  readonly nesting: number;
}

export const defaultLimits: Limits = { depth: 25, work: 100_000, nesting: 400 };

/** What all questions of an evaluation have in common. */
export interface Scope {
  readonly plan: Plan;
  readonly tuples: TupleReader;
  readonly subject: SubjectRef;
  readonly context: Context | undefined;
  readonly now: number;
  readonly limits: Limits;
}

export class Evaluation implements Surroundings {
  readonly subject: SubjectRef;
  readonly tuples: TupleReader;
  readonly depth: number;
  readonly #scope: Scope;
  /** There once a gate is met: most questions meet none. */
  #memo: Memo | undefined;
  /** Kept only where it is asked for again: in gates, and where many questions share an evaluation. */
  #known: Map<Node, Map<string, boolean>> | undefined;
  readonly #again: boolean;
  #spent = 0;

  /** `again`: will it decide more than one question? */
  constructor(scope: Scope, { again }: { again: boolean }) {
    this.#scope = scope;
    this.#again = again;
    this.subject = scope.subject;
    this.tuples = scope.tuples;
    this.depth = scope.limits.depth;
  }

  decide(node: Node, object: ObjectRef): Awaitable<Verdict> {
    const { subject } = this;
    // A userset has itself.
    if (subject.relation === node.relation && subject.id === object.id && subject.type === object.type)
      return true;
    this.#spent = 0;
    return (
      this.known(node, object.id) ??
      this.#search(node.op, { node, object, level: 0, stands: true, via: undefined })
    );
  }

  node(type: string, relation: string): Node | undefined {
    return this.#scope.plan.node(type, relation);
  }

  /** Does this tuple count now: allowed by the model as it is, not expired, its condition met? */
  stands(tuple: Tuple, direct: Direct): Verdict {
    const { plan, context, now } = this.#scope;
    if (!direct.counts(tuple)) return false;
    if (tuple.expires !== undefined && tuple.expires <= now) return false;
    if (tuple.condition === undefined) return true;
    try {
      return plan.conditions.holds(tuple.condition, context);
    } catch (error) {
      if (error instanceof RebacError) return error;
      throw error;
    }
  }

  known(node: Node, id: string): boolean | undefined {
    return this.#known?.get(node)?.get(id);
  }

  spend(steps: number, at: Stop): RebacError | undefined {
    this.#spent += steps;
    const { work } = this.#scope.limits;
    return this.#spent > work ? this.#tooComplex(at, `needs more than ${work} steps`) : undefined;
  }

  tooFar(at: Stop): RebacError {
    return this.#tooComplex(at, `is more than ${this.depth} steps away`);
  }

  gate(gate: Gate, at: Stop): Awaitable<Verdict> {
    const key = `${gate.number} ${at.object.id}`;
    const memo = (this.#memo ??= new Memo());
    const found = memo.find(key);
    if (found !== undefined) return found;
    const { nesting } = this.#scope.limits;
    if (memo.depth >= nesting)
      return this.#tooComplex(at, `nests more than ${nesting} exclusions and intersections`);
    const frame = memo.enter(key);
    const verdict =
      gate.kind === 'intersection'
        ? every(gate.of, (op) => this.#operand(op, at))
        : after(this.#operand(gate.base, at), (base) =>
            base === false ? false : this.#subtract(memo, base, gate.subtract, at),
          );
    return after(verdict, (given) => memo.leave(frame, given));
  }

  #subtract(memo: Memo, base: Verdict, op: Op, at: Stop): Awaitable<Verdict> {
    const outer = memo.watch();
    return after(this.#operand(op, at), (subtracted) => {
      const relied = memo.relied(outer);
      if (subtracted === true) return false;
      if (subtracted === false && relied) {
        // Nobody is given what would follow from not having it.
        memo.mix();
        return false;
      }
      return both(base, subtracted === false ? true : subtracted);
    });
  }

  /** One side of a gate. Doubts about the way to the gate are not its own. */
  #operand(op: Op, { node, object, level }: Stop): Awaitable<Verdict> {
    const at: Stop = { node, object, level, stands: true, via: undefined };
    if (op.kind === 'computed') {
      const known = this.known(op.node, object.id);
      const { subject } = this;
      if (subject.relation === op.node.relation && subject.id === object.id && subject.type === object.type)
        return true;
      return known ?? this.#search(op.node.op, { ...at, node: op.node });
    }
    return this.#search(op, at);
  }

  #search(op: Op, start: Stop): Awaitable<Verdict> {
    const search = new Search(this);
    const outer = this.#memo?.watch() ?? Infinity;
    return after(search.run(op, start), (verdict) => {
      const relied = this.#memo?.relied(outer) ?? false;
      if (!this.#again && (this.#memo?.depth ?? 0) === 0) return verdict;
      if (verdict === true) this.#keepWay(search.end, op);
      else if (verdict === false && !relied)
        for (const [node, id] of search.visited()) this.#keep(node, id, false);
      return verdict;
    });
  }

  /** A way that ends well is a way from each of its stops. */
  #keepWay(end: Stop | undefined, op: Op): void {
    if (this.#memo?.mixed === true) return;
    for (let stop = end; stop !== undefined; stop = stop.via) {
      if (stop.via !== undefined || stop.node.op === op) this.#keep(stop.node, stop.object.id, true);
    }
  }

  #keep(node: Node, id: string, verdict: boolean): void {
    this.#known ??= new Map<Node, Map<string, boolean>>();
    entry(this.#known, node, () => new Map<string, boolean>()).set(id, verdict);
  }

  #tooComplex({ node, object }: Stop, problem: string): RebacError {
    const question = `${formatSubject(this.subject)} at ${formatObject(object)}#${node.relation}`;
    return new RebacError(2002, `too complex: ${question} ${problem}; flatten groups or split the relation`);
  }
}
