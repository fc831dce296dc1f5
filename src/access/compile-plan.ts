/** Compiles the relations of a type of nodes to a Plan: one bit each, and one for each part of a relation that stands for itself. */
import type { Model, Relation, Rewrite } from '../rebac/types.ts';
import { orderSteps } from './order-steps.ts';
import { Plan } from './plan.ts';
import type { DirectBits, FromZone, Inherited, Step } from './plan.ts';
import { fileDependent } from './reach.ts';

/** The relations that come from the tree, not from what is stored. */
export const structural = { parent: 'parent', zone: 'zone' } as const;

/** More do not fit a mask that is never negative. */
const maximum = 31;

class Compiler {
  readonly bits = new Map<string, number>();
  readonly direct = new Map<string, DirectBits>();
  readonly inherited: Inherited[] = [];
  readonly fromZone: FromZone[] = [];
  readonly steps: Step[] = [];
  opaque = 0;
  readonly #model: Model;
  readonly #type: string;
  readonly #relations: ReadonlyMap<string, Relation>;
  #used = 0;

  constructor(model: Model, type: string) {
    this.#model = model;
    this.#type = type;
    this.#relations = model.types.get(type) ?? new Map<string, Relation>();
  }

  /** Bits for what the permissions depend on first, then for the other relations while there are bits left. */
  run(): void {
    const wanted = ['can_read', 'can_write', 'can_own'].filter((name) => this.#relations.has(name));
    const order = new Set(wanted);
    for (const name of order) {
      const relation = this.#relations.get(name);
      for (const next of relation ? namedIn(relation.rewrite) : [])
        if (this.#relations.has(next)) order.add(next);
    }
    for (const name of this.#relations.keys()) order.add(name);
    for (const name of order) {
      if (name === structural.parent || name === structural.zone) continue;
      const bit = this.#allocate();
      if (bit !== 0) this.bits.set(name, bit);
    }
    for (const [name, bit] of this.bits) {
      const relation = this.#relations.get(name);
      if (relation !== undefined) this.#compile(relation.rewrite, bit, name, relation);
    }
  }

  #allocate(): number {
    return this.#used === maximum ? 0 : 1 << this.#used++;
  }

  /** What `rewrite` says sets `to`. */
  #compile(rewrite: Rewrite, to: number, name: string, relation: Relation): void {
    switch (rewrite.kind) {
      case 'this':
        this.#this(to, name, relation);
        return;
      case 'computed':
        this.#computed(rewrite.relation, to);
        return;
      case 'from':
        this.#from(rewrite.tupleset, rewrite.relation, to);
        return;
      case 'union':
        for (const each of rewrite.of) this.#compile(each, to, name, relation);
        return;
      case 'intersection': {
        const parts = rewrite.of.map((each) => this.#part(each, name, relation));
        if (parts.includes(0)) this.opaque |= to;
        else this.#step({ kind: 'all', from: parts.reduce((all, each) => all | each, 0), except: 0, to });
        return;
      }
      case 'exclusion': {
        const from = this.#part(rewrite.base, name, relation);
        const except = this.#part(rewrite.subtract, name, relation);
        if (from === 0 || except === 0) this.opaque |= to;
        else this.#step({ kind: 'butNot', from, except, to });
      }
    }
  }

  /** A bit for a part of a relation that is combined with others; 0 where there is none left. */
  #part(rewrite: Rewrite, name: string, relation: Relation): number {
    if (rewrite.kind === 'computed') return this.bits.get(rewrite.relation) ?? 0;
    const bit = this.#allocate();
    if (bit !== 0) this.#compile(rewrite, bit, name, relation);
    return bit;
  }

  #step(step: Step): void {
    this.steps.push(step);
  }

  #this(to: number, name: string, { restrictions }: Relation): void {
    this.direct.set(name, { bits: (this.direct.get(name)?.bits ?? 0) | to, restrictions });
    // A userset that depends on nodes is nothing a subject has once for all nodes.
    const follows = restrictions.some(
      ({ type, relation }) =>
        relation !== undefined && fileDependent(this.#model, this.#type, { type, relation }),
    );
    if (follows) this.opaque |= to;
  }

  #computed(relation: string, to: number): void {
    const from = this.bits.get(relation);
    if (from === undefined) this.opaque |= to;
    else this.#step({ kind: 'any', from, except: 0, to });
  }

  #from(tupleset: string, relation: string, to: number): void {
    if (tupleset === structural.parent) {
      if (!this.#leadsTo(tupleset, this.#type) || !this.#relations.has(relation)) return;
      const from = this.bits.get(relation);
      if (from === undefined) this.opaque |= to;
      else this.inherited.push({ from, to });
    } else if (tupleset === structural.zone) {
      if (!this.#leadsTo(tupleset, 'zone') || this.#model.types.get('zone')?.has(relation) !== true) return;
      if (fileDependent(this.#model, this.#type, { type: 'zone', relation })) this.opaque |= to;
      else this.fromZone.push({ relation, to });
    } else this.opaque |= to;
  }

  #leadsTo(tupleset: string, type: string): boolean {
    const restrictions = this.#relations.get(tupleset)?.restrictions ?? [];
    return restrictions.some(
      (each) => each.type === type && !each.wildcard && !each.relation && !each.condition,
    );
  }
}

/** The relations of the same type that a rewrite names. */
function namedIn(rewrite: Rewrite): readonly string[] {
  switch (rewrite.kind) {
    case 'this':
      return [];
    case 'computed':
    case 'from':
      return [rewrite.relation];
    case 'union':
    case 'intersection':
      return rewrite.of.flatMap(namedIn);
    case 'exclusion':
      return [...namedIn(rewrite.base), ...namedIn(rewrite.subtract)];
  }
}

/** For each bit all that is subtracted on the way to it, by steps on the node or above it. */
function blockersOf(steps: readonly Step[], inherited: readonly Inherited[]): Map<number, number> {
  const blockers = new Map<number, number>();
  for (let moved = true; moved; ) {
    moved = false;
    const add = (to: number, mask: number): void => {
      for (let rest = to; rest !== 0; rest &= rest - 1) {
        const bit = rest & -rest;
        const old = blockers.get(bit) ?? 0;
        if ((old | mask) === old) continue;
        blockers.set(bit, old | mask);
        moved = true;
      }
    };
    const behind = (from: number): number => {
      let mask = 0;
      for (let rest = from; rest !== 0; rest &= rest - 1) mask |= blockers.get(rest & -rest) ?? 0;
      return mask;
    };
    for (const { from, except, to } of steps) add(to, except | behind(from));
    for (const { from, to } of inherited) add(to, behind(from));
  }
  return blockers;
}

export function compilePlan(model: Model, type: string): Plan {
  const compiler = new Compiler(model, type);
  compiler.run();
  const { bits, direct, inherited, fromZone } = compiler;
  const { steps, unordered } = orderSteps(compiler.steps);
  const blockers = blockersOf(compiler.steps, inherited);
  const opaque = compiler.opaque | unordered;
  return new Plan({ type, bits, direct, inherited, fromZone, steps, opaque, blockers });
}
