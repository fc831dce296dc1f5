/** What a zone's model makes of its tuples: bits, memberships, the engine for what bits cannot tell. */
import type { NodeId } from '../fs/types.ts';
import { defaultModel } from '../rebac/default-model.ts';
import { Engine } from '../rebac/engine.ts';
import { parsedModel } from '../rebac/parsed-model.ts';
import { stackReaders } from '../rebac/stack-readers.ts';
import type { Model, TupleReader } from '../rebac/types.ts';
import { Memberships } from './closure.ts';
import { compilePlan } from './compile-plan.ts';
import { DerivedTuples, nodeType, StoredTuples } from './derived-tuples.ts';
import type { Plan } from './plan.ts';
import { fileDependent, usersets } from './reach.ts';
import type { RelationOf } from './reach.ts';
import type { Entities, Tree, Tuples } from './types.ts';

export interface RulesOptions {
  readonly zone: string;
  readonly store: Tuples;
  readonly tree: Tree;
  readonly within: (node: NodeId) => boolean;
  readonly entities: Entities;
  readonly now: () => number;
}

/** Engine and tuples as a kind of subjects sees them: those of another zone are not among everybody. */
export interface Eyes {
  /** Without what is derived from the tree. */
  readonly stored: TupleReader;
  readonly tuples: TupleReader;
  readonly engine: Engine;
}

/** What holds as long as the model does. */
export interface Rules {
  readonly model: Model;
  /** Of the nodes of the tree. */
  readonly plan: Plan;
  readonly memberships: Memberships;
  readonly residents: Eyes;
  readonly strangers: Eyes;
}

export async function rulesOf(options: RulesOptions): Promise<Rules> {
  return rulesUnder(parsedModel((await options.store.model()) ?? defaultModel), options);
}

export function rulesUnder(model: Model, { zone, store, tree, within, entities, now }: RulesOptions): Rules {
  const plan = compilePlan(model, nodeType);
  const derived = new DerivedTuples({ tree, zone, within, entities });
  const eyes = (wildcards: boolean): Eyes => {
    // What is derived counts first: a stored tuple of the same key may have expired.
    const stored = new StoredTuples(store, { wildcards });
    const tuples = stackReaders(derived, stored);
    return { stored, tuples, engine: new Engine(model, tuples, { now }) };
  };
  return {
    model,
    plan,
    memberships: new Memberships(model, rootsOf(model, plan)),
    residents: eyes(true),
    strangers: eyes(false),
  };
}

/** The usersets that tuples on nodes may have as subjects, and the relations of the zone that give rights on nodes. */
function rootsOf(model: Model, plan: Plan): RelationOf[] {
  const roots: RelationOf[] = plan.parts.fromZone.map(({ relation }) => ({ type: 'zone', relation }));
  for (const { restrictions } of plan.parts.direct.values()) {
    roots.push(...usersets(restrictions).filter((each) => !fileDependent(model, nodeType, each)));
  }
  return roots;
}
