/** A tree, a registry and stores in memory, with an Access over them. */
import { Access } from '../../src/access/access.ts';
import type { Permission } from '../../src/access/types.ts';
import type { Awaitable } from '../../src/base/awaitable.ts';
import type { Caller } from '../../src/base/caller.ts';
import type { Lineage, NodeId } from '../../src/fs/types.ts';
import { Registry } from '../../src/identity/registry.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { parseObject, parseSubject } from '../../src/rebac/refs.ts';
import { TupleStore } from '../../src/rebac/store.ts';
import type { Tuple } from '../../src/rebac/types.ts';

export class FakeTree {
  readonly nodes = new Map<NodeId, { parents: NodeId[]; directory: boolean; owner: string | undefined }>();
  /** Nodes whose lineage has to be waited for. */
  slow: (node: NodeId) => boolean = () => false;

  add(node: NodeId, parents: NodeId[], options: { directory?: boolean; owner?: string } = {}): this {
    this.nodes.set(node, { parents, directory: options.directory ?? false, owner: options.owner });
    return this;
  }

  lineage(node: NodeId): Awaitable<Lineage | undefined> {
    const found = this.nodes.get(node);
    if (!this.slow(node)) return found;
    return new Promise((resolve) => {
      setImmediate(() => resolve(this.nodes.get(node)));
    });
  }
}

export interface WorldOptions {
  readonly now?: () => number;
  readonly zoneOf?: (node: NodeId) => string;
  readonly model?: string;
}

export class World implements AsyncDisposable {
  readonly tree = new FakeTree();
  readonly kv = new MemoryKv();
  readonly stores = new Map<string, Promise<TupleStore>>();
  registry!: Registry;
  access!: Access;
  now: () => number;

  constructor(now: () => number) {
    this.now = now;
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    const world = new World(options.now ?? Date.now);
    world.tree.add(1, [], { directory: true });
    world.registry = await Registry.open({ kv: world.kv });
    if (options.model !== undefined) await (await world.store()).setModel(options.model);
    world.access = await Access.open({
      tree: world.tree,
      root: 1,
      zones: { store: (zone) => world.store(zone) },
      registry: world.registry,
      admins: (subject) => subject === 'user:root',
      zoneOf: options.zoneOf ?? (() => 'default'),
      now: () => world.now(),
    });
    return world;
  }

  store(zone = 'default'): Promise<TupleStore> {
    const known = this.stores.get(zone);
    if (known) return known;
    const opened = TupleStore.open({ kv: this.kv, zone, now: () => this.now() });
    this.stores.set(zone, opened);
    return opened;
  }

  async users(...names: string[]): Promise<void> {
    for (const name of names) await this.registry.createUser('default', name);
  }

  async grant(text: string, more: Partial<Tuple> = {}, zone = 'default'): Promise<number> {
    return (await this.store(zone)).write({ writes: [{ ...tuple(text), ...more }] });
  }

  async revoke(text: string, zone = 'default'): Promise<number> {
    return (await this.store(zone)).write({ deletes: [tuple(text)] });
  }

  async may(subject: string, permission: Permission, node: NodeId, zone = 'default'): Promise<boolean> {
    return this.access.allows(caller(subject, zone), permission, node);
  }

  /** `srwo`, with a dash for each permission that is missing. */
  async rights(subject: string, node: NodeId, zone = 'default'): Promise<string> {
    let text = '';
    for (const [letter, permission] of permissions) {
      text += (await this.may(subject, permission, node, zone)) ? letter : '-';
    }
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.access[Symbol.dispose]();
    await this.kv[Symbol.asyncDispose]();
  }
}

const permissions = [
  ['s', 'see'],
  ['r', 'read'],
  ['w', 'write'],
  ['o', 'own'],
] as const;

/** `file:12#viewer@user:ada`. */
export function tuple(text: string): Tuple {
  const at = text.indexOf('@');
  const [object = '', relation = ''] = text.slice(0, at).split('#');
  return { object: parseObject(object), relation, subject: parseSubject(text.slice(at + 1)) };
}

export function caller(subject: string, zone = 'default'): Caller {
  return { subject, zone, uid: 1, gid: 1, groups: [], pid: 1, umask: 0, via: 1 };
}
