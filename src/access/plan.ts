/** A type's relations as bits of one integer: what a node's rights are made of, and the steps from given bits to all that follow. */
import type { Restriction, Tuple } from '../rebac/types.ts';
import type { Permission } from './types.ts';

/** What tuples on a node say directly, per relation. */
export interface DirectBits {
  readonly bits: number;
  readonly restrictions: readonly Restriction[];
}

/** `any`: one of `from` is set; `all`: every one; `butNot`: one of `from` and none of `except`. Then `to` is set. */
export interface Step {
  readonly kind: 'any' | 'all' | 'butNot';
  readonly from: number;
  readonly except: number;
  readonly to: number;
}

/** What one bit takes from another one of the directories above. */
export interface Inherited {
  readonly from: number;
  readonly to: number;
}

/** A relation of the zone that gives a bit on all of its nodes. */
export interface FromZone {
  readonly relation: string;
  readonly to: number;
}

export interface PlanParts {
  readonly type: string;
  /** The bit of each relation that got one. */
  readonly bits: ReadonlyMap<string, number>;
  readonly direct: ReadonlyMap<string, DirectBits>;
  readonly inherited: readonly Inherited[];
  readonly fromZone: readonly FromZone[];
  /** In an order in which one pass finds everything. */
  readonly steps: readonly Step[];
  /** Bits that may be set for reasons only the engine can follow. */
  readonly opaque: number;
  /** For each bit, the bits that take it away where they are set. */
  readonly blockers: ReadonlyMap<number, number>;
}

/** Whether tuples with a subject count for a relation: for certain, as far as their condition holds, or not at all. */
export type Admission = 'yes' | 'conditional' | 'no';

const relations = { read: 'can_read', write: 'can_write', own: 'can_own' } as const;

/** Does the restriction stand for subjects like the tuple's, condition included? */
export function admits(restriction: Restriction, { subject, condition }: Tuple): boolean {
  return (
    restriction.type === subject.type &&
    restriction.relation === subject.relation &&
    (restriction.wildcard === true) === (subject.id === '*' && subject.relation === undefined) &&
    restriction.condition === condition?.name
  );
}

/** At most 31 bits, so that a mask is never negative. */
export class Plan {
  readonly parts: PlanParts;
  /** The bits that answer each permission. */
  readonly need: Readonly<Record<Permission, number>>;
  /** Everything that is taken away from somebody where it is set. */
  readonly blocking: number;
  /** Does any right take several bits together? Then it may come from different places. */
  readonly joint: boolean;
  readonly #copied: number;
  readonly #moved: readonly Inherited[];
  readonly #names = new Map<number, string>();

  constructor(parts: PlanParts) {
    this.parts = parts;
    const bit = (relation: string): number => parts.bits.get(relation) ?? 0;
    const [read, write, own] = [bit(relations.read), bit(relations.write), bit(relations.own)];
    this.need = { read, write, own, see: read | write | own };
    this.blocking = [...parts.blockers.values()].reduce((all, each) => all | each, 0);
    this.joint = parts.steps.some(({ kind }) => kind === 'all');
    const copies = parts.inherited.filter(({ from, to }) => from === to);
    this.#copied = copies.reduce((all, { to }) => all | to, 0);
    this.#moved = parts.inherited.filter(({ from, to }) => from !== to);
    for (const [name, each] of parts.bits) this.#names.set(each, name);
  }

  /** The relation a bit stands for; undefined for those that are parts of one. */
  nameOf(bit: number): string | undefined {
    return this.#names.get(bit);
  }

  /** What a node gets from directories above with these bits. */
  inherit(above: number): number {
    let mask = above & this.#copied;
    for (const { from, to } of this.#moved) if ((above & from) !== 0) mask |= to;
    return mask;
  }

  /** All bits that follow from those given. */
  close(given: number): number {
    let mask = given;
    for (const { kind, from, except, to } of this.parts.steps) {
      if (kind === 'all' ? (mask & from) === from : (mask & from) !== 0 && (mask & except) === 0) mask |= to;
    }
    return mask;
  }

  /** All bits that may follow where `low` are certain and `high` possible: the upper bound beside `closeLow`. */
  closeHigh(low: number, high: number): number {
    return this.#bounds(low, high, true);
  }

  /** All bits that follow for certain, whatever becomes of those that are only possible. */
  closeLow(low: number, high: number): number {
    return this.#bounds(low, high, false);
  }

  #bounds(givenLow: number, givenHigh: number, wantHigh: boolean): number {
    let low = givenLow;
    let high = givenHigh | givenLow | this.parts.opaque;
    for (const { kind, from, except, to } of this.parts.steps) {
      const all = kind === 'all';
      if (all ? (low & from) === from : (low & from) !== 0 && (high & except) === 0) low |= to;
      if (all ? (high & from) === from : (high & from) !== 0 && (low & except) === 0) high |= to;
    }
    return wantHigh ? high : low;
  }

  /** The bits that take away any of those given. */
  blockersOf(bits: number): number {
    let mask = 0;
    for (let rest = bits; rest !== 0; rest &= rest - 1) mask |= this.parts.blockers.get(rest & -rest) ?? 0;
    return mask;
  }

  /** What tuples of a relation set directly. */
  bitsOf(relation: string): number {
    return this.parts.direct.get(relation)?.bits ?? 0;
  }

  admission(tuple: Tuple): Admission {
    const direct = this.parts.direct.get(tuple.relation);
    if (!direct?.restrictions.some((each) => admits(each, tuple))) return 'no';
    return tuple.condition === undefined ? 'yes' : 'conditional';
  }

  /** What having a relation (and nothing else) amounts to: the most an agent with that ceiling may have. */
  ceiling(relation: string | undefined): number {
    if (relation === undefined) return ~this.blocking & 0x7fffffff;
    const bit = this.parts.bits.get(relation);
    return bit === undefined ? 0 : this.close(bit) & ~this.blocking;
  }
}
