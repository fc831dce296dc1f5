/** An authorizer for tests: grants by node, which are changed at will. */
import type { Awaitable } from '../../src/base/awaitable.ts';
import type { NodeId } from '../../src/fs/types.ts';
import type { Authorizer } from '../../src/vfs/authorizer.ts';
import type { Permission } from '../../src/vfs/needs.ts';

export class Grants implements Authorizer {
  revision = 1;
  tracks = true;
  /** Does every move let others inherit more? */
  wide = false;
  /** Questions so far. */
  asked = 0;
  /** What it was told, in order. */
  readonly told: string[] = [];
  readonly #granted = new Map<NodeId, ReadonlySet<Permission>>();
  readonly #later: boolean;
  readonly #everything: boolean;

  constructor(options: { readonly later?: boolean; readonly everything?: boolean } = {}) {
    this.#later = options.later ?? false;
    this.#everything = options.everything ?? false;
  }

  #answer(yes: boolean): Awaitable<boolean> {
    return this.#later ? Promise.resolve(yes) : yes;
  }

  set(node: NodeId, ...permissions: Permission[]): this {
    this.#granted.set(node, new Set(permissions));
    this.revision++;
    return this;
  }

  /** Adds to what there is. */
  add(node: NodeId, ...permissions: Permission[]): this {
    return this.set(node, ...(this.#granted.get(node) ?? []), ...permissions);
  }

  allows(_: unknown, permission: Permission, node: NodeId): Awaitable<boolean> {
    this.asked++;
    return this.#answer(this.#granted.get(node)?.has(permission) ?? false);
  }

  everything(): boolean {
    return this.#everything;
  }

  widens(): Awaitable<boolean> {
    return this.#answer(this.wide);
  }

  moved(node: NodeId, from?: NodeId): Awaitable<void> {
    this.told.push(from === undefined ? `moved ${node}` : `moved ${node} from ${from} alone`);
  }

  removed(node: NodeId, from: NodeId): Awaitable<void> {
    this.told.push(`removed ${node} from ${from}`);
  }
}
