/** What the operations on permissions need of the running program; `app` provides it. */
import type { Caller } from '../base/caller.ts';

/**
 * How people name things: a type and a name. A subject's name may be `*`, or end in `#relation`; a group stands for its members. A file is
 * named by its path (or by its number), everything else by its id.
 */
export interface Named {
  readonly type: string;
  readonly name: string;
}

export interface TupleRequest {
  readonly zone: string;
  readonly subject: Named;
  readonly relation: string;
  readonly object: Named;
}

export interface ConditionView {
  readonly name: string;
  readonly context: Readonly<Record<string, unknown>>;
}

export interface GrantRequest extends TupleRequest {
  /** Milliseconds since 1970, or ISO 8601. */
  readonly expires?: number | string | undefined;
  readonly condition?: ConditionView | undefined;
}

/** A tuple as people read it. */
export interface TupleView {
  /** `type:id`, `type:*` or `type:id#relation`. */
  readonly subject: string;
  readonly relation: string;
  /** `type:id`. */
  readonly object: string;
  /** Where in the tree the object is; absent for what is no file, and for files without a name. */
  readonly path?: string | undefined;
  /** ISO 8601. */
  readonly expires?: string | undefined;
  readonly condition?: ConditionView | undefined;
}

/** What a question may be given besides its tuple. */
export interface Asked {
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  readonly contextualTuples?: readonly Omit<GrantRequest, 'zone'>[] | undefined;
}

export interface AtLeast {
  readonly zone: string;
  /** The answer must know this revision of the zone. */
  readonly minRevision?: number | undefined;
}

export interface CheckRequest extends TupleRequest, AtLeast, Asked {}

export interface ListRequest extends AtLeast {
  readonly subject?: Named | undefined;
  readonly relation?: string | undefined;
  readonly object?: Named | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface ObjectsRequest extends AtLeast, Asked {
  readonly type: string;
  readonly relation: string;
  readonly subject: Named;
}

export interface UsersRequest extends AtLeast, Asked {
  readonly object: Named;
  readonly relation: string;
  readonly type: string;
}

export interface ChangesRequest {
  readonly zone: string;
  /** Changes after this revision. */
  readonly after: number;
  readonly limit: number;
  /** Wait for a change where there is none yet. */
  readonly wait: boolean;
}

export interface ChangeView {
  readonly revision: number;
  readonly kind: 'write' | 'delete';
  readonly tuple: TupleView;
}

/** A node of the tree of usersets behind `object#relation`. */
export interface ExpandedView {
  /** `object#relation`. */
  readonly name: string;
  readonly path?: string | undefined;
  /** How the parts combine; `this` for direct tuples. */
  readonly kind: string;
  readonly subjects?: readonly string[] | undefined;
  readonly parts?: readonly ExpandedView[] | undefined;
}

export interface Explanation {
  readonly allowed: boolean;
  /** The steps that decide, from the question to the tuple; empty where nothing grants it. */
  readonly steps: readonly string[];
}

export interface ModelView {
  readonly revision: number;
  /** In the language of OpenFGA, schema 1.1. */
  readonly dsl: string;
  /** The one that Nexus brings, because the zone has none of its own. */
  readonly shipped: boolean;
}

/** What another model would change. */
export interface ModelChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
  /** Stored tuples that would count no longer. */
  readonly tuples: readonly TupleView[];
  /** Answers that would differ, among the subjects and objects of stored tuples. */
  readonly gains: readonly string[];
  readonly losses: readonly string[];
  /** Not everything was compared: there was too much of it. */
  readonly more: boolean;
}

/**
 * Errors are FsErrors: EINVAL for names, relations and models that do not fit, ENOENT for paths and zones that are not there, EACCES for
 * who may not ask or grant, EAGAIN for a revision that is still to come.
 */
export interface Permissions {
  /** `note` says what the caller should know, like a subject that nobody registered. */
  grant(
    caller: Caller,
    request: GrantRequest,
  ): Promise<{ revision: number; tuple: TupleView; note?: string | undefined }>;
  /** `removed` is false where there was no such tuple. */
  revoke(
    caller: Caller,
    request: TupleRequest,
  ): Promise<{ revision: number; tuple: TupleView; removed: boolean }>;
  check(caller: Caller, request: CheckRequest): Promise<{ allowed: boolean; revision: number }>;
  list(
    caller: Caller,
    request: ListRequest,
  ): Promise<{ tuples: TupleView[]; revision: number; next?: string | undefined }>;
  expand(caller: Caller, request: AtLeast & Pick<TupleRequest, 'object' | 'relation'>): Promise<ExpandedView>;
  explain(caller: Caller, request: CheckRequest): Promise<Explanation>;
  listObjects(
    caller: Caller,
    request: ObjectsRequest,
  ): Promise<{ objects: { object: string; path?: string | undefined }[]; revision: number }>;
  listUsers(caller: Caller, request: UsersRequest): Promise<{ subjects: string[]; revision: number }>;
  /** `revision`: where to go on. */
  changes(caller: Caller, request: ChangesRequest): Promise<{ changes: ChangeView[]; revision: number }>;
  model(caller: Caller, zone: string): Promise<ModelView>;
  setModel(caller: Caller, zone: string, dsl: string): Promise<{ revision: number }>;
  testModel(caller: Caller, zone: string, dsl: string): Promise<ModelChanges>;
}
