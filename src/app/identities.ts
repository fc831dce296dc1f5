/** Users, agents, groups and zones for the operations: the registry, who may change it, and the tuples that end with a name. */
import type { AgentView, Identities, MembersRequest, Page, UserView } from '../api/identity.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { ceilings } from '../identity/types.ts';
import type { Agent, Ceiling, EntityChange, PageOptions } from '../identity/types.ts';
import type { Registry } from '../identity/registry.ts';
import { formatSubject, parseSubject } from '../rebac/refs.ts';
import type { ObjectRef, SubjectRef } from '../rebac/types.ts';
import type { Authority } from './authority.ts';
import { subjectOf } from './names.ts';
import type { Zones } from './zones.ts';

export interface LocalIdentitiesOptions {
  readonly registry: Registry;
  readonly zones: Zones;
  readonly authority: Authority;
}

/** Tuples read at a time. */
const pageSize = 1000;

export class LocalIdentities implements Identities {
  readonly #registry: Registry;
  readonly #zones: Zones;
  readonly #authority: Authority;

  constructor({ registry, zones, authority }: LocalIdentitiesOptions) {
    this.#registry = registry;
    this.#zones = zones;
    this.#authority = authority;
  }

  async createUser(caller: Caller, zone: string, name: string): Promise<UserView> {
    this.#authority.requireAdmin(caller, zone, 'registering users');
    return named(await this.#registry.createUser(zone, name));
  }

  async users(caller: Caller, zone: string, page: Page): Promise<readonly UserView[]> {
    this.#authority.requireAdmin(caller, zone, 'listing users');
    return this.#registry.users(zone, paged(page)).map(named);
  }

  async deleteUser(caller: Caller, zone: string, name: string): Promise<void> {
    this.#authority.requireAdmin(caller, zone, 'removing users');
    await this.#registry.deleteUser(zone, name);
  }

  async registerAgent(caller: Caller, zone: string, { name, owner, ceiling }: AgentView): Promise<AgentView> {
    this.#requireOwner(caller, zone, owner);
    const limit = ceiling === undefined ? {} : { ceiling: ceilingOf(ceiling) };
    return agentView(await this.#registry.registerAgent(zone, name, { user: owner, ...limit }));
  }

  /** Users manage their own agents. */
  #requireOwner(caller: Caller, zone: string, owner: string): void {
    if (caller.zone === zone && caller.subject === `user:${owner}`) return;
    this.#authority.requireAdmin(caller, zone, `the agents of user ${owner}`);
  }

  async agents(caller: Caller, zone: string, page: Page): Promise<readonly AgentView[]> {
    const own = caller.zone === zone && caller.subject.startsWith('user:');
    if (own && !this.#authority.administers(caller, zone)) {
      const user = caller.subject.slice('user:'.length);
      return this.#registry.agents(zone, { ...paged(page), user }).map(agentView);
    }
    this.#authority.requireAdmin(caller, zone, 'listing agents');
    return this.#registry.agents(zone, paged(page)).map(agentView);
  }

  async deleteAgent(caller: Caller, zone: string, name: string): Promise<void> {
    const agent = this.#registry.agent(zone, name);
    if (agent) this.#requireOwner(caller, zone, agent.user);
    else this.#authority.requireAdmin(caller, zone, 'removing agents');
    await this.#registry.deleteAgent(zone, name);
  }

  async createGroup(caller: Caller, zone: string, name: string): Promise<UserView> {
    this.#authority.requireAdmin(caller, zone, 'making groups');
    return named(await this.#registry.createGroup(zone, name));
  }

  async groups(caller: Caller, zone: string, page: Page): Promise<readonly UserView[]> {
    this.#authority.requireAdmin(caller, zone, 'listing groups');
    return this.#registry.groups(zone, paged(page)).map(named);
  }

  async deleteGroup(caller: Caller, zone: string, name: string): Promise<void> {
    this.#authority.requireAdmin(caller, zone, 'removing groups');
    await this.#registry.deleteGroup(zone, name);
  }

  async addMembers(caller: Caller, request: MembersRequest): Promise<{ revision: number }> {
    const { zone, group, relation } = request;
    const object = await this.#group(caller, zone, group);
    const subjects = [...new Set(request.subjects)].map(memberOf);
    for (const subject of subjects) {
      const missing = this.#authority.missing(`${subject.type}:${subject.id}`, zone);
      if (missing !== undefined) throw new FsError('ENOENT', missing);
    }
    const store = await this.#zones.store(zone);
    const writes = subjects.map((subject) => ({ object, relation, subject }));
    return { revision: await store.write({ writes }) };
  }

  async removeMembers(caller: Caller, request: MembersRequest): Promise<{ revision: number }> {
    const { zone, group, relation } = request;
    const object = await this.#group(caller, zone, group);
    const store = await this.#zones.store(zone);
    const deletes = [...new Set(request.subjects)].map((text) => ({
      object,
      relation,
      subject: memberOf(text),
    }));
    for (const each of deletes) {
      if ((await store.get(each)) !== undefined) continue;
      throw new FsError('ENOENT', `${formatSubject(each.subject)} is no ${relation} of group ${group}`);
    }
    return { revision: await store.write({ deletes }) };
  }

  /** The group, for who may change it. */
  async #group(caller: Caller, zone: string, name: string): Promise<ObjectRef> {
    const object = { type: 'group', id: name };
    await this.#authority.requireGoverning(caller, zone, object, `group ${name}`);
    const missing = this.#authority.missing(`group:${name}`, zone);
    if (missing !== undefined) throw new FsError('ENOENT', missing);
    return object;
  }

  async members(
    caller: Caller,
    zone: string,
    group: string,
  ): Promise<readonly { subject: string; relation: string }[]> {
    const object = await this.#group(caller, zone, group);
    const store = await this.#zones.store(zone);
    const found: { subject: string; relation: string }[] = [];
    for (let after: string | undefined; ; ) {
      const page = await store.read(
        { object },
        { limit: pageSize, ...(after === undefined ? {} : { after }) },
      );
      for (const { subject, relation } of page.tuples) {
        found.push({ subject: formatSubject(subject), relation });
      }
      after = page.next;
      if (after === undefined) return found;
    }
  }

  async createZone(caller: Caller, name: string): Promise<UserView> {
    this.#authority.requireAdmin(caller, name, 'making zones');
    return named(await this.#registry.createZone(name));
  }

  async zones(caller: Caller, page: Page): Promise<readonly UserView[]> {
    this.#authority.requireAdmin(caller, caller.zone, 'listing zones');
    return this.#registry.zones(paged(page)).map(named);
  }

  async deleteZone(caller: Caller, name: string): Promise<void> {
    this.#authority.requireAdmin(caller, name, 'removing zones');
    await this.#registry.deleteZone(name);
  }
}

/** What was granted to a name ends with it, in all zones: whoever gets the name next starts with nothing. */
export async function forget(zones: Zones, changes: readonly EntityChange[]): Promise<void> {
  for (const { kind, entity } of changes) {
    if (kind !== 'deleted') continue;
    const own = await zones.leaving(entity.zone);
    if (entity.kind === 'zone') {
      await own.clear();
      continue;
    }
    await own.deleteObject({ type: entity.kind, id: entity.name });
    const abroad = { type: entity.kind, id: `${entity.zone}/${entity.name}` };
    for (const name of zones.names()) {
      if (name !== entity.zone) await (await zones.leaving(name)).deleteObject(abroad);
    }
  }
}

function named({ name }: { readonly name: string }): { name: string } {
  return { name };
}

function agentView({ name, user, ceiling }: Agent): AgentView {
  return { name, owner: user, ...(ceiling === undefined ? {} : { ceiling }) };
}

function paged({ after, limit }: Page): PageOptions {
  return after === undefined ? { limit } : { after, limit };
}

/** `user:alice` as it is, `group:eng` as its members. */
function memberOf(text: string): SubjectRef {
  const { type, id } = parseSubject(text);
  return subjectOf({ type, name: id });
}

/** A ceiling by its name or by one of the relation's other names. */
function ceilingOf(text: string): Ceiling {
  const other: Readonly<Record<string, string>> = { reader: 'viewer', writer: 'editor' };
  const found = ceilings.find((each) => each === (other[text] ?? text));
  if (found !== undefined) return found;
  throw new FsError('EINVAL', `a ceiling is one of ${ceilings.join(', ')}, not ${JSON.stringify(text)}`);
}
