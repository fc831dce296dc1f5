/** What deciding about nodes needs of the rest, and whom it tells. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Lineage, NodeId } from '../fs/types.ts';
import type { Registry } from '../identity/registry.ts';
import type { TupleStore } from '../rebac/store.ts';

/** `see`: any of the others, or a directory on the way to something below that is granted. */
export type Permission = 'see' | 'read' | 'write' | 'own';

export interface Tree {
  lineage(node: NodeId): Awaitable<Lineage | undefined>;
}

/** The stored tuples of one zone. */
export type Tuples = Pick<
  TupleStore,
  | 'revision'
  | 'get'
  | 'usersets'
  | 'subjects'
  | 'objects'
  | 'ofType'
  | 'read'
  | 'model'
  | 'deleteObject'
  | 'subscribe'
>;

/** Who is registered. */
export type Entities = Pick<Registry, 'user' | 'agent' | 'agents' | 'subscribe'>;

/** Rights changed: what was shown to whom this concerns must be asked for again. */
export interface Change {
  affects(subject: string, zone: string): boolean;
}

export type ChangeListener = (change: Change) => Awaitable<void>;
