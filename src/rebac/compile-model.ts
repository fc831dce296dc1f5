/** A model as the evaluator walks it: names resolved to nodes, restrictions sorted by what they allow. */
import { conditionsOf } from './conditions.ts';
import type { Conditions } from './conditions.ts';
import { entry } from './entry.ts';
import type { Model, Restriction, Rewrite, SubjectRef, Tuple } from './types.ts';

/** One relation of one type. */
export interface Node {
  readonly number: number;
  readonly type: string;
  readonly relation: string;
  readonly direct: Direct;
  readonly op: Op;
}

export type Op =
  | { readonly kind: 'this' }
  | { readonly kind: 'computed'; readonly node: Node }
  | From
  | { readonly kind: 'union'; readonly of: readonly Op[] }
  | Gate;

/** What several things decide together. */
export type Gate = { readonly number: number } & (
  | { readonly kind: 'intersection'; readonly of: readonly Op[] }
  | { readonly kind: 'exclusion'; readonly base: Op; readonly subtract: Op }
);

export interface From {
  readonly kind: 'from';
  readonly tupleset: Node;
  readonly relation: string;
  /** The node that follows for each type of parent; types without the relation are absent. */
  readonly targets: ReadonlyMap<string, Node>;
}

/** What tuples of a relation count: those the present model would allow to be written. */
export class Direct {
  /** By type: the conditions a plain subject comes with, `undefined` being without one. */
  readonly #plain = new Map<string, Set<string | undefined>>();
  readonly #wildcards = new Map<string, Set<string | undefined>>();
  readonly #usersets = new Map<string, Map<string, Set<string | undefined>>>();

  constructor(restrictions: readonly Restriction[]) {
    for (const { type, relation, wildcard, condition } of restrictions) {
      let byType = wildcard === true ? this.#wildcards : this.#plain;
      let key = type;
      if (relation !== undefined) {
        byType = entry(this.#usersets, type, () => new Map<string, Set<string | undefined>>());
        key = relation;
      }
      entry(byType, key, () => new Set<string | undefined>()).add(condition);
    }
  }

  counts(tuple: Tuple): boolean {
    return this.#conditions(tuple.subject)?.has(tuple.condition?.name) ?? false;
  }

  /** Could there be a tuple with this very subject? */
  takes(subject: SubjectRef): boolean {
    return this.#conditions(subject) !== undefined;
  }

  takesWildcard(type: string): boolean {
    return this.#wildcards.has(type);
  }

  get takesUsersets(): boolean {
    return this.#usersets.size > 0;
  }

  takesType(type: string): boolean {
    return this.#plain.has(type);
  }

  get plainTypes(): Iterable<string> {
    return this.#plain.keys();
  }

  /** Types and relations of the usersets taken. */
  *usersets(): Iterable<readonly [string, string]> {
    for (const [type, relations] of this.#usersets)
      for (const relation of relations.keys()) yield [type, relation];
  }

  #conditions(subject: SubjectRef): Set<string | undefined> | undefined {
    if (subject.relation !== undefined) return this.#usersets.get(subject.type)?.get(subject.relation);
    return (subject.id === '*' ? this.#wildcards : this.#plain).get(subject.type);
  }
}

/** A model compiled. */
export interface Plan {
  readonly model: Model;
  readonly conditions: Conditions;
  readonly nodes: readonly Node[];
  node(type: string, relation: string): Node | undefined;
}

const plans = new WeakMap<Model, Plan>();

export function planOf(model: Model): Plan {
  let plan = plans.get(model);
  if (plan === undefined) {
    plan = compile(model);
    plans.set(model, plan);
  }
  return plan;
}

interface Draft {
  number: number;
  type: string;
  relation: string;
  direct: Direct;
  op: Op;
}

function compile(model: Model): Plan {
  const byType = new Map<string, Map<string, Draft>>();
  const nodes: Draft[] = [];
  const later: Op = { kind: 'this' };
  for (const [type, relations] of model.types) {
    const drafts = entry(byType, type, () => new Map<string, Draft>());
    for (const [relation, { restrictions }] of relations) {
      const direct = new Direct(restrictions);
      const draft = { number: nodes.length, type, relation, direct, op: later };
      nodes.push(draft);
      drafts.set(relation, draft);
    }
  }
  const find = (type: string, relation: string): Draft | undefined => byType.get(type)?.get(relation);
  const compiler = new Compiler(find);
  for (const draft of nodes) {
    const rewrite = model.types.get(draft.type)?.get(draft.relation)?.rewrite;
    if (rewrite === undefined) continue;
    draft.op = compiler.op(rewrite, draft.type);
  }
  return { model, conditions: conditionsOf(model), nodes, node: find };
}

type Find = (type: string, relation: string) => Node | undefined;

class Compiler {
  readonly #find: Find;
  #gates = 0;

  constructor(find: Find) {
    this.#find = find;
  }

  op(rewrite: Rewrite, type: string): Op {
    switch (rewrite.kind) {
      case 'this':
        return rewrite;
      case 'computed':
        return { kind: 'computed', node: known(this.#find, type, rewrite.relation) };
      case 'from':
        return from(known(this.#find, type, rewrite.tupleset), rewrite.relation, this.#find);
      case 'union':
        return { kind: 'union', of: rewrite.of.map((child) => this.op(child, type)) };
      case 'intersection':
        return {
          kind: 'intersection',
          number: this.#gates++,
          of: rewrite.of.map((child) => this.op(child, type)),
        };
      case 'exclusion': {
        const number = this.#gates++;
        return {
          kind: 'exclusion',
          number,
          base: this.op(rewrite.base, type),
          subtract: this.op(rewrite.subtract, type),
        };
      }
    }
  }
}

function from(tupleset: Node, relation: string, find: Find): From {
  const targets = new Map<string, Node>();
  for (const parent of tupleset.direct.plainTypes) {
    const target = find(parent, relation);
    if (target !== undefined) targets.set(parent, target);
  }
  return { kind: 'from', tupleset, relation, targets };
}

function known(find: Find, type: string, relation: string): Node {
  const node = find(type, relation);
  if (node === undefined) throw new TypeError(`not a validated model: ${type} has no ${relation}`);
  return node;
}
