/** The contract of the permission engine: tuples, who reads them, what is asked. The vocabulary is Zanzibar's and OpenFGA's. */
import type { Awaitable } from '../base/awaitable.ts';

/** `type:id`. Ids are byte-exact: no folding of case, no normalisation. */
export interface ObjectRef {
  readonly type: string;
  readonly id: string;
}

/** A subject: an object, all objects of its type (`id` is `*`), or with `relation` a userset (`group:eng#member`). */
export interface SubjectRef {
  readonly type: string;
  readonly id: string;
  readonly relation?: string;
}

/** What a stored condition was given: the other parameters come with each check. */
export interface TupleCondition {
  readonly name: string;
  readonly context: Readonly<Record<string, unknown>>;
}

/** What names a tuple: there is at most one of each. */
export interface TupleKey {
  readonly object: ObjectRef;
  readonly relation: string;
  readonly subject: SubjectRef;
}

export interface Tuple extends TupleKey {
  readonly condition?: TupleCondition;
  /** Milliseconds since 1970: from then on the tuple is as if it were not there. */
  readonly expires?: number;
}

/**
 * Where an engine finds tuples. Several readers stack into one (stored, derived from the tree, contextual). What has expired by now is left
 * out by the engine, not by the reader.
 */
export interface TupleReader {
  /** The tuple with exactly this subject. */
  get(key: TupleKey): Awaitable<Tuple | undefined>;
  /** Tuples of `object#relation` whose subject is a userset or a wildcard: the ones a check has to follow. */
  usersets(object: ObjectRef, relation: string): Awaitable<readonly Tuple[]>;
  /** All tuples of `object#relation`. */
  subjects(object: ObjectRef, relation: string): Awaitable<readonly Tuple[]>;
  /** Tuples with exactly this subject on objects of one type (of all types when absent). */
  objects(subject: SubjectRef, type?: string): Awaitable<readonly Tuple[]>;
  /** All tuples on objects of one type: for lists that nothing narrows down. */
  ofType(type: string): Awaitable<readonly Tuple[]>;
}

/** One change of a store, as `watch` tells it. */
export interface TupleChange {
  readonly revision: number;
  readonly kind: 'write' | 'delete';
  readonly tuple: Tuple;
}

/** What a check is about besides its tuple. */
export interface Question {
  readonly object: ObjectRef;
  readonly relation: string;
  readonly subject: SubjectRef;
  readonly contextualTuples?: readonly Tuple[];
  readonly context?: Readonly<Record<string, unknown>>;
}

/** A relation's definition, as OpenFGA's JSON has it with shorter names. */
export type Rewrite =
  | { readonly kind: 'this' }
  | { readonly kind: 'computed'; readonly relation: string }
  /** `relation from tupleset`. */
  | { readonly kind: 'from'; readonly tupleset: string; readonly relation: string }
  | { readonly kind: 'union' | 'intersection'; readonly of: readonly Rewrite[] }
  | { readonly kind: 'exclusion'; readonly base: Rewrite; readonly subtract: Rewrite };

/** One directly related user type: `user`, `user:*`, `group#member`, each `with condition`. */
export interface Restriction {
  readonly type: string;
  readonly relation?: string;
  readonly wildcard?: boolean;
  readonly condition?: string;
}

export interface Relation {
  readonly rewrite: Rewrite;
  /** What a stored tuple's subject may be; empty for relations without direct tuples. */
  readonly restrictions: readonly Restriction[];
}

/** A validated model. */
export interface Model {
  /** Types and their relations. */
  readonly types: ReadonlyMap<string, ReadonlyMap<string, Relation>>;
  /** Conditions by name: parameter names and their types, and the CEL expression. */
  readonly conditions: ReadonlyMap<string, Condition>;
}

export interface Condition {
  readonly parameters: ReadonlyMap<string, string>;
  readonly expression: string;
}
