/** What the guard asks: who may do what. `app` connects it with the permission engine. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import type { NodeId } from '../fs/types.ts';
import type { Permission } from './needs.ts';

export interface Authorizer {
  /** Moves with everything that could change an answer: an answer holds as long as this is the same. Time passing can move it. */
  readonly revision: number;
  /**
   * False while nobody has been given anything: then `moved` and `removed` are not called, and changes of names by those who have everything
   * look nothing up. True where it is absent.
   */
  readonly tracks?: boolean;
  /** At once where what it takes is in memory: the guard adds no turn of the loop then. */
  allows(caller: Caller, permission: Permission, node: NodeId): Awaitable<boolean>;
  /** Has this caller every permission on every node? Then nothing is asked node by node, and its kernel may do I/O by itself. */
  everything(caller: Caller): boolean;
  /** Would somebody inherit more on the node if it had a name in the directory `to` instead of (or besides) those in `from`? */
  widens(node: NodeId, from: NodeId, to: NodeId): Awaitable<boolean>;
  /**
   * A node changed directories, or got or lost a name in one of several: inheritance changed. `from`: it had names only there before. Resolves
   * when no kernel shows what it must not.
   */
  moved(node: NodeId, from?: NodeId): Awaitable<void>;
  /** The last name of a node, in the directory `from`, is gone: what was granted on it ends. */
  removed(node: NodeId, from: NodeId): Awaitable<void>;
}
