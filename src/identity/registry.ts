/** The entity registry: zone -> user -> agent, and groups. Lookups answer at once; changes are stored, then told. */
import type { Awaitable } from '../base/awaitable.ts';
import { TREE_ZONE } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { OrderedChanges } from '../base/ordered-changes.ts';
import type { KvStore } from '../kv/types.ts';
import { Entities } from './entities.ts';
import { Leaving } from './leaving.ts';
import { checkName, shown } from './names.ts';
import { decodeEntity, encodeEntity, entityKey, everything } from './records.ts';
import {
  type Agent,
  type Ceiling,
  ceilings,
  type Entity,
  type EntityChange,
  type EntityKind,
  type Group,
  type PageOptions,
  type User,
  type Zone,
} from './types.ts';

type Id = Pick<Entity, 'kind' | 'zone' | 'name'>;

/** The zone that always exists. */
export const DEFAULT_ZONE = TREE_ZONE;

export interface RegistryOptions {
  readonly kv: KvStore;
  readonly now?: () => number;
}

export interface AgentOptions {
  /** The user it acts for: one of the same zone. */
  readonly user: string;
  readonly ceiling?: Ceiling;
}

export interface DeleteOptions {
  /** Delete what belongs to it too: a user's agents, everything in a zone. */
  readonly cascade?: boolean;
}

export class Registry {
  readonly #kv: KvStore;
  readonly #now: () => number;
  readonly #entities = new Entities();
  readonly #leaving: Leaving;
  readonly #ordered = new OrderedChanges<readonly [readonly EntityChange[]]>(
    'users, agents, groups and zones',
  );

  private constructor({ kv, now = Date.now }: RegistryOptions) {
    this.#kv = kv;
    this.#now = now;
    this.#leaving = new Leaving(kv);
  }

  static async open(options: RegistryOptions): Promise<Registry> {
    const registry = new Registry(options);
    await registry.#load();
    if (registry.zone(DEFAULT_ZONE) === undefined) await registry.createZone(DEFAULT_ZONE);
    return registry;
  }

  zone(name: string): Zone | undefined {
    return this.#entities.zones.get(name)?.zone;
  }

  user(zone: string, name: string): User | undefined {
    return this.#entities.zones.get(zone)?.user.get(name);
  }

  agent(zone: string, name: string): Agent | undefined {
    return this.#entities.zones.get(zone)?.agent.get(name);
  }

  group(zone: string, name: string): Group | undefined {
    return this.#entities.zones.get(zone)?.group.get(name);
  }

  /** A page of zones in the order of the bytes of their names: the next one begins after the last name. */
  zones(page: PageOptions = {}): readonly Zone[] {
    return this.#entities.zones.page(page).map(({ zone }) => zone);
  }

  users(zone: string, page: PageOptions = {}): readonly User[] {
    return this.#entities.inside(zone).user.page(page);
  }

  groups(zone: string, page: PageOptions = {}): readonly Group[] {
    return this.#entities.inside(zone).group.page(page);
  }

  /** A page of agents, of those that act for one user if it is given. */
  agents(zone: string, { user, ...page }: PageOptions & { readonly user?: string } = {}): readonly Agent[] {
    const wanted = (agent: Agent): boolean => user === undefined || agent.user === user;
    return this.#entities.inside(zone).agent.page(page, wanted);
  }

  createZone(name: string): Promise<Zone> {
    return this.#create({ kind: 'zone', zone: name, name, created: this.#now() });
  }

  createUser(zone: string, name: string): Promise<User> {
    return this.#create({ kind: 'user', zone, name, created: this.#now() });
  }

  createGroup(zone: string, name: string): Promise<Group> {
    return this.#create({ kind: 'group', zone, name, created: this.#now() });
  }

  registerAgent(zone: string, name: string, { user, ceiling }: AgentOptions): Promise<Agent> {
    const agent: Agent = { kind: 'agent', zone, name, created: this.#now(), user };
    return this.#create(ceiling === undefined ? agent : { ...agent, ceiling: checkCeiling(ceiling) });
  }

  /** Changes how much of its user's rights an agent has; undefined for all of them. */
  async setCeiling(zone: string, name: string, ceiling: Ceiling | undefined): Promise<Agent> {
    if (ceiling !== undefined) checkCeiling(ceiling);
    const [change] = await this.#change(() => {
      const { ceiling: before, ...agent } = this.#find('agent', zone, name) as Agent;
      const entity = ceiling === undefined ? agent : { ...agent, ceiling };
      return before === ceiling ? [] : [{ kind: 'changed', entity }];
    });
    return (change?.entity ?? this.#find('agent', zone, name)) as Agent;
  }

  async deleteZone(name: string, { cascade = false }: DeleteOptions = {}): Promise<void> {
    if (name === DEFAULT_ZONE) throw new FsError('EPERM', `the zone ${shown(name)} cannot be deleted`);
    await this.#delete({ kind: 'zone', zone: name, name }, (zone) => {
      const { user, group, agent } = this.#entities.inside(name);
      const inside = [...agent.values(), ...group.values(), ...user.values()];
      if (inside.length > 0 && !cascade) {
        const counts = `${user.size} users, ${agent.size} agents and ${group.size} groups`;
        throw new FsError(
          'ENOTEMPTY',
          `zone ${shown(name)} has ${counts}: delete them first, or all with cascade`,
        );
      }
      return [...inside, zone];
    });
  }

  async deleteUser(zone: string, name: string, { cascade = false }: DeleteOptions = {}): Promise<void> {
    await this.#delete({ kind: 'user', zone, name }, (user) => {
      const agents = this.#entities.agentsOf(zone, name);
      if (agents.length > 0 && !cascade) {
        const some = agents.slice(0, 3).map((agent) => shown(agent.name));
        const more = agents.length > some.length ? ' and others' : '';
        const text = `agents act for user ${shown(name)}: ${some.join(', ')}${more}; delete them first, or all with cascade`;
        throw new FsError('ENOTEMPTY', text);
      }
      return [...agents, user];
    });
  }

  async deleteAgent(zone: string, name: string): Promise<void> {
    await this.#delete({ kind: 'agent', zone, name }, (agent) => [agent]);
  }

  async deleteGroup(zone: string, name: string): Promise<void> {
    await this.#delete({ kind: 'group', zone, name }, (group) => [group]);
  }

  /**
   * Called with the changes of each operation, in order, before the operation resolves. When it rejects, so does the operation with EIO.
   * A deletion is told again, by `settle` or when the name is to be used again, until no listener rejects: a name is free
   * only when what was granted to it is gone.
   */
  subscribe(listener: (changes: readonly EntityChange[]) => Awaitable<void>): Disposable {
    return this.#ordered.subscribe(listener);
  }

  /** Tells deletions again that a listener failed at or that a crash interrupted. To be called once listeners have subscribed. */
  async settle(): Promise<void> {
    await this.#tellAgain(this.#leaving.all());
  }

  async #create<T extends Entity>(entity: T): Promise<T> {
    const { kind, zone, name } = entity;
    checkName(kind, name);
    for (;;) {
      await this.#vacate(entity);
      const made = await this.#change(() => {
        if (kind !== 'zone') this.#entities.inside(zone);
        if (this.#entities.get(kind, zone, name) !== undefined) {
          throw new FsError('EEXIST', `${kind} ${shown(name)} exists already in zone ${shown(zone)}`);
        }
        if (entity.kind === 'agent') this.#find('user', zone, entity.user);
        return this.#leaving.get(entity) === undefined ? [{ kind: 'created', entity }] : [];
      });
      if (made.length > 0) return entity;
    }
  }

  /** Waits until a deletion of the name is over, and tells it again if it failed. */
  async #vacate(id: Id): Promise<void> {
    for (;;) {
      const left = this.#leaving.get(id);
      if (left === undefined) return;
      if (left.telling === undefined) await this.#tellAgain([left.entity]);
      else await left.telling;
    }
  }

  async #delete(id: Id, withIt: (entity: Entity) => readonly Entity[]): Promise<void> {
    const { kind, zone, name } = id;
    if (this.#entities.get(kind, zone, name) === undefined && this.#leaving.get(id) !== undefined) {
      await this.#vacate(id);
      return;
    }
    await this.#change(() => {
      const gone = withIt(this.#find(kind, zone, name));
      return gone.map((entity) => ({ kind: 'deleted', entity }));
    });
  }

  #find(kind: EntityKind, zone: string, name: string): Entity {
    if (kind !== 'zone') this.#entities.inside(zone);
    const found = this.#entities.get(kind, zone, name);
    if (found !== undefined) return found;
    throw new FsError('ENOENT', `there is no ${kind} ${shown(name)} in zone ${shown(zone)}`);
  }

  /** `plan` throws, or says what changes. */
  #change(plan: () => readonly EntityChange[]): Promise<readonly EntityChange[]> {
    return this.#announce(async () => {
      const changes = plan();
      if (changes.length === 0) return changes;
      await this.#kv.write((tx) => {
        for (const { kind, entity } of changes) {
          if (kind === 'deleted') this.#leaving.store(tx, entity);
          else tx.put(entityKey(entity), encodeEntity(entity));
        }
      });
      for (const { kind, entity } of changes) {
        if (kind === 'deleted') this.#entities.delete(entity);
        else this.#entities.set(entity);
      }
      return changes;
    });
  }

  async #tellAgain(entities: readonly Entity[]): Promise<void> {
    await this.#announce(async () => {
      const left = entities.filter((entity) => this.#leaving.get(entity) !== undefined);
      return left.map((entity) => ({ kind: 'deleted', entity }));
    });
  }

  async #announce(make: () => Promise<readonly EntityChange[]>): Promise<readonly EntityChange[]> {
    let over = (): void => undefined;
    const telling = new Promise<void>((resolve) => (over = resolve));
    let gone: readonly Entity[] = [];
    try {
      const changes = await this.#ordered.run(
        async () => {
          const made = await make();
          gone = made.filter(({ kind }) => kind === 'deleted').map(({ entity }) => entity);
          this.#leaving.begin(gone, telling);
          return made;
        },
        (made) => (made.length > 0 ? [made] : undefined),
      );
      await this.#leaving.finish(gone, telling);
      return changes;
    } finally {
      this.#leaving.end(gone, telling);
      over();
    }
  }

  async #load(): Promise<void> {
    for (let from = everything.from; ; ) {
      const page = await this.#kv.scan({ from, to: everything.to, limit: 1000 });
      for (const [key, value] of page) {
        const { entity, leaving } = decodeEntity(key, value);
        if (leaving) this.#leaving.found(entity);
        else this.#entities.set(entity);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < 1000) return;
      from = `${last[0]}\0`;
    }
  }
}

function checkCeiling(ceiling: string): Ceiling {
  const found = ceilings.find((one) => one === ceiling);
  if (found !== undefined) return found;
  throw new FsError('EINVAL', `the ceiling ${shown(ceiling)} is none of ${ceilings.join(', ')}`);
}
