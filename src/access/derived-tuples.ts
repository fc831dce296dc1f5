/** Tuples nobody wrote: where a node is, who made it, which zone it is in, for whom an agent acts. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Lineage, NodeId } from '../fs/types.ts';
import { sameSubject } from '../rebac/refs.ts';
import type { ObjectRef, SubjectRef, Tuple, TupleKey, TupleReader } from '../rebac/types.ts';
import { structural } from './compile-plan.ts';
import { nodeOf } from './node-id.ts';
import type { Entities, Tree } from './types.ts';

export interface DerivedOptions {
  readonly tree: Tree;
  readonly zone: string;
  /** Is the node one of the zone? */
  readonly within: (node: NodeId) => boolean;
  readonly entities: Entities;
}

/** The type of the nodes of the tree. */
export const nodeType = 'file';

const agentsAtOnce = 1000;

/** Nodes are not listed: what is below a directory can be a million of them. Lists begin at stored tuples. */
export class DerivedTuples implements TupleReader {
  readonly #options: DerivedOptions;

  constructor(options: DerivedOptions) {
    this.#options = options;
  }

  get(key: TupleKey): Awaitable<Tuple | undefined> {
    const tuples = this.subjects(key.object, key.relation);
    const find = (all: readonly Tuple[]): Tuple | undefined =>
      all.find(({ subject }) => sameSubject(subject, key.subject));
    return tuples instanceof Promise ? tuples.then(find) : find(tuples);
  }

  usersets(): readonly Tuple[] {
    return [];
  }

  subjects(object: ObjectRef, relation: string): Awaitable<readonly Tuple[]> {
    if (object.type === 'agent' && relation === 'owner') return this.#actsFor(object);
    if (object.type !== nodeType || !(relation in structural || relation === 'owner')) return [];
    const node = nodeOf(object.id);
    if (node === undefined || !this.#options.within(node)) return [];
    const found = this.#options.tree.lineage(node);
    const tuples = (lineage: Lineage | undefined): readonly Tuple[] =>
      lineage === undefined ? [] : this.#of(object, relation, lineage);
    return found instanceof Promise ? found.then(tuples) : tuples(found);
  }

  #of(object: ObjectRef, relation: string, { parents, owner }: Lineage): readonly Tuple[] {
    const { zone, within } = this.#options;
    const subjects: SubjectRef[] = [];
    if (relation === structural.zone) subjects.push({ type: 'zone', id: zone });
    else if (relation === structural.parent) {
      for (const parent of parents) if (within(parent)) subjects.push({ type: nodeType, id: String(parent) });
    } else if (owner !== undefined) {
      const colon = owner.indexOf(':');
      subjects.push({ type: owner.slice(0, colon), id: owner.slice(colon + 1) });
    }
    return subjects.map((subject) => ({ object, relation, subject }));
  }

  #actsFor(object: ObjectRef): readonly Tuple[] {
    const agent = this.#options.entities.agent(this.#options.zone, object.id);
    return agent ? [{ object, relation: 'owner', subject: { type: 'user', id: agent.user } }] : [];
  }

  objects(subject: SubjectRef, type?: string): readonly Tuple[] {
    if (subject.type !== 'user' || subject.relation !== undefined) return [];
    if (type !== undefined && type !== 'agent') return [];
    const { entities, zone } = this.#options;
    if (entities.user(zone, subject.id) === undefined) return [];
    const tuples: Tuple[] = [];
    for (let after: string | undefined; ; ) {
      const from = after === undefined ? {} : { after };
      const page = entities.agents(zone, { user: subject.id, limit: agentsAtOnce, ...from });
      for (const { name } of page)
        tuples.push({ object: { type: 'agent', id: name }, relation: 'owner', subject });
      const last = page.at(-1);
      if (last === undefined || page.length < agentsAtOnce) return tuples;
      after = last.name;
    }
  }

  ofType(): readonly Tuple[] {
    return [];
  }
}

/** Stored tuples without those that only the tree may tell; for subjects of another zone also without what everybody has. */
export class StoredTuples implements TupleReader {
  readonly #tuples: TupleReader;
  readonly #wildcards: boolean;

  constructor(tuples: TupleReader, { wildcards }: { readonly wildcards: boolean }) {
    this.#tuples = tuples;
    this.#wildcards = wildcards;
  }

  get(key: TupleKey): Awaitable<Tuple | undefined> {
    return this.#counts(key) ? this.#tuples.get(key) : undefined;
  }

  usersets(object: ObjectRef, relation: string): Awaitable<readonly Tuple[]> {
    return this.#all(this.#tuples.usersets(object, relation));
  }

  subjects(object: ObjectRef, relation: string): Awaitable<readonly Tuple[]> {
    return this.#all(this.#tuples.subjects(object, relation));
  }

  objects(subject: SubjectRef, type?: string): Awaitable<readonly Tuple[]> {
    return this.#all(this.#tuples.objects(subject, type));
  }

  ofType(type: string): Awaitable<readonly Tuple[]> {
    return this.#all(this.#tuples.ofType(type));
  }

  #all(tuples: Awaitable<readonly Tuple[]>): Awaitable<readonly Tuple[]> {
    if (tuples instanceof Promise) return tuples.then((all) => this.#kept(all));
    return this.#kept(tuples);
  }

  #kept(tuples: readonly Tuple[]): readonly Tuple[] {
    return tuples.every((each) => this.#counts(each)) ? tuples : tuples.filter((each) => this.#counts(each));
  }

  #counts({ object, relation, subject }: TupleKey): boolean {
    if (object.type === nodeType && relation in structural) return false;
    return this.#wildcards || subject.id !== '*';
  }
}

/** The subject of a caller as the tuples of a zone name it; undefined for what is no user or agent. */
export function subjectIn(zone: string, subject: string, home: string): SubjectRef | undefined {
  const colon = subject.indexOf(':');
  const type = subject.slice(0, colon);
  const id = subject.slice(colon + 1);
  if ((type !== 'user' && type !== 'agent') || id === '' || /[/#*:]/.test(id)) return undefined;
  return { type, id: home === zone ? id : `${home}/${id}` };
}
