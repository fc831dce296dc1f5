/** Permissions for the operations: names become references, who may ask is checked, answers become text. */
import type {
  Asked,
  AtLeast,
  ChangesRequest,
  ChangeView,
  CheckRequest,
  ExpandedView,
  Explanation,
  GrantRequest,
  ListRequest,
  ModelChanges,
  ModelView,
  Named,
  ObjectsRequest,
  Permissions,
  TupleRequest,
  TupleView,
  UsersRequest,
} from '../api/permissions.ts';
import type { Caller } from '../base/caller.ts';
import { FsError, isFsError } from '../base/errors.ts';
import type { FileSystem, NodeId } from '../fs/types.ts';
import { relationNamed } from '../rebac/aliases.ts';
import { defaultModel } from '../rebac/default-model.ts';
import { RebacError } from '../rebac/errors.ts';
import { formatObject } from '../rebac/refs.ts';
import type { Model, ObjectRef, Question, SubjectRef, Tuple } from '../rebac/types.ts';
import type { TreeFiles } from '../vfs/files.ts';
import type { Authority } from './authority.ts';
import { expandedView } from './explained.ts';
import { modelChanges } from './model-changes.ts';
import { nodeOf, objectOf, subjectOf } from './names.ts';
import type { Viewer } from './names.ts';
import type { Questions } from './questions.ts';
import { usableModel } from './zones.ts';
import type { Zone, Zones } from './zones.ts';

export interface LocalPermissionsOptions {
  readonly zones: Zones;
  readonly authority: Authority;
  readonly questions: Questions;
  /** Resolves paths, with the caller's rights: what it may not see is not there. */
  readonly files: TreeFiles;
  readonly tree: Pick<FileSystem, 'lineage'>;
  zoneOf(node: NodeId): string;
  /** Shows where nodes are, as far as the caller may see them. For one request. */
  viewer(caller: Caller): Viewer;
}

/** A tuple's key, and the zone it is in. */
interface Meant {
  readonly zone: Zone;
  readonly subject: SubjectRef;
  readonly relation: string;
  readonly object: ObjectRef;
}

export class LocalPermissions implements Permissions {
  readonly #options: LocalPermissionsOptions;

  constructor(options: LocalPermissionsOptions) {
    this.#options = options;
  }

  async grant(
    caller: Caller,
    request: GrantRequest,
  ): Promise<{ revision: number; tuple: TupleView; note?: string }> {
    const meant = await this.#meant(caller, request);
    const tuple = tupleOf(meant, request);
    await this.#requireGoverning(caller, meant);
    await this.#requireHome(meant, request.object);
    const revision = await meant.zone.store.write({ writes: [tuple] });
    const { subject, zone } = meant;
    const missing =
      subject.id === '*' ? undefined : this.#options.authority.missing(formatObject(subject), zone.name);
    return {
      revision,
      tuple: await this.#shown(caller, tuple, request.object),
      ...(missing === undefined ? {} : { note: `without effect so far: ${missing}` }),
    };
  }

  async revoke(
    caller: Caller,
    request: TupleRequest,
  ): Promise<{ revision: number; tuple: TupleView; removed: boolean }> {
    const { zone, ...key } = await this.#meant(caller, request);
    await this.#requireGoverning(caller, { zone, ...key });
    const found = await zone.store.get(key);
    const revision = await zone.store.write({ deletes: [key] });
    const tuple = await this.#shown(caller, found ?? key, request.object);
    return { revision, tuple, removed: found !== undefined };
  }

  async check(caller: Caller, request: CheckRequest): Promise<{ allowed: boolean; revision: number }> {
    const { zone, question } = await this.#question(caller, request);
    const { revision } = zone.store;
    return { allowed: await this.#options.questions.check(zone.name, question), revision };
  }

  async explain(caller: Caller, request: CheckRequest): Promise<Explanation> {
    const { zone, question } = await this.#question(caller, request);
    return this.#options.questions.explain(zone.name, question, this.#viewer(caller));
  }

  async expand(
    caller: Caller,
    request: AtLeast & Pick<TupleRequest, 'object' | 'relation'>,
  ): Promise<ExpandedView> {
    const zone = await this.#zone(request);
    const object = await this.#object(caller, request.object);
    await this.#options.authority.requireGoverning(caller, zone.name, object, told(request.object));
    const relation = relationOf(zone.model, object.type, request.relation);
    const tree = await this.#options.questions.expand(zone.name, object, relation);
    return expandedView(tree, this.#viewer(caller));
  }

  async list(
    caller: Caller,
    request: ListRequest,
  ): Promise<{ tuples: TupleView[]; revision: number; next?: string }> {
    const zone = await this.#zone(request);
    const subject = request.subject === undefined ? undefined : subjectOf(request.subject);
    const object = request.object === undefined ? undefined : await this.#object(caller, request.object);
    await this.#requireListing(caller, zone, subject, object, request.object);
    const { relation } = request;
    const { revision } = zone.store;
    const named =
      relation === undefined || object === undefined
        ? relation
        : relationOf(zone.model, object.type, relation);
    const page = await zone.store.read(
      {
        ...(subject === undefined ? {} : { subject }),
        ...(object === undefined ? {} : { object }),
        ...(named === undefined ? {} : { relation: named }),
      },
      { limit: request.limit, ...(request.after === undefined ? {} : { after: request.after }) },
    );
    const tuples = await this.#viewer(caller).tuples(page.tuples);
    return { tuples, revision, ...(page.next === undefined ? {} : { next: page.next }) };
  }

  /** One's own tuples, those on what one governs, and everything for administrators. */
  async #requireListing(
    caller: Caller,
    zone: Zone,
    subject: SubjectRef | undefined,
    object: ObjectRef | undefined,
    name: Named | undefined,
  ): Promise<void> {
    const { authority } = this.#options;
    if (subject !== undefined && authority.speaksFor(caller, zone.name, subject)) return;
    if (object === undefined || name === undefined)
      authority.requireAdmin(caller, zone.name, 'listing all tuples');
    else await authority.requireGoverning(caller, zone.name, object, told(name));
  }

  async listObjects(
    caller: Caller,
    request: ObjectsRequest,
  ): Promise<{ objects: { object: string; path?: string }[]; revision: number }> {
    const zone = await this.#zone(request);
    const { authority, questions } = this.#options;
    const subject = subjectOf(request.subject);
    if (!authority.speaksFor(caller, zone.name, subject))
      authority.requireAdmin(caller, zone.name, 'listing what others have');
    const relation = relationOf(zone.model, request.type, request.relation);
    const { revision } = zone.store;
    const asked = await this.#asked(caller, zone, request);
    const ids = await questions.listObjects(zone.name, { type: request.type, relation, subject, ...asked });
    const viewer = this.#viewer(caller);
    const objects: { object: string; path?: string }[] = [];
    for (const id of ids) objects.push(await viewer.object({ type: request.type, id }));
    return { objects, revision };
  }

  async listUsers(caller: Caller, request: UsersRequest): Promise<{ subjects: string[]; revision: number }> {
    const zone = await this.#zone(request);
    const object = await this.#object(caller, request.object);
    await this.#options.authority.requireGoverning(caller, zone.name, object, told(request.object));
    const relation = relationOf(zone.model, object.type, request.relation);
    const { revision } = zone.store;
    const asked = await this.#asked(caller, zone, request);
    const [type = '', userset] = request.type.split('#');
    const kind = userset === undefined ? { type } : { type, userset };
    const subjects = await this.#options.questions.listUsers(zone.name, {
      object,
      relation,
      ...kind,
      ...asked,
    });
    return { subjects, revision };
  }

  async changes(
    caller: Caller,
    request: ChangesRequest,
  ): Promise<{ changes: ChangeView[]; revision: number }> {
    const { authority, zones } = this.#options;
    authority.requireAdmin(caller, request.zone, 'watching changes');
    const store = await zones.store(request.zone);
    let { revision } = store;
    let changes = await store.changes(request.after, request.limit);
    if (changes.length === 0 && request.wait) {
      const { signal = new AbortController().signal } = caller;
      for await (const change of store.watch(request.after, signal)) {
        ({ revision } = store);
        changes = await store.changes(change.revision - 1, request.limit);
        break;
      }
      signal.throwIfAborted();
    }
    const viewer = this.#viewer(caller);
    const views: ChangeView[] = [];
    for (const { revision: at, kind, tuple } of changes)
      views.push({ revision: at, kind, tuple: await viewer.tuple(tuple) });
    return { changes: views, revision: changes.at(-1)?.revision ?? revision };
  }

  async model(_: Caller, name: string): Promise<ModelView> {
    const { store } = await this.#options.zones.zone(name);
    const dsl = await store.model();
    return { revision: store.revision, dsl: dsl ?? defaultModel, shipped: dsl === undefined };
  }

  async setModel(caller: Caller, zone: string, dsl: string): Promise<{ revision: number }> {
    this.#options.authority.requireAdmin(caller, zone, 'replacing the model');
    return { revision: await this.#options.zones.setModel(zone, dsl) };
  }

  async testModel(caller: Caller, name: string, dsl: string): Promise<ModelChanges> {
    const { authority, questions, zones } = this.#options;
    authority.requireAdmin(caller, name, 'testing a model');
    const zone = await zones.zone(name);
    const after = usableModel(dsl);
    return modelChanges({
      zone,
      after,
      check: async (model, question) => {
        try {
          return await questions.checkUnder(name, model, question);
        } catch (error) {
          // A model has no answer about types and relations that it lacks.
          if (isFsError(error)) return false;
          throw error;
        }
      },
      viewer: this.#viewer(caller),
    });
  }

  /** The zone, once it has reached the revision asked for. */
  async #zone({ zone: name, minRevision = 0 }: AtLeast): Promise<Zone> {
    const zone = await this.#options.zones.zone(name);
    const { revision } = zone.store;
    if (revision >= minRevision) return zone;
    throw new FsError('EAGAIN', `zone ${name} is at revision ${revision}, and ${minRevision} was asked for`);
  }

  #object(caller: Caller, name: Named): Promise<ObjectRef> {
    return objectOf(this.#options.files, caller, name);
  }

  async #meant(caller: Caller, request: TupleRequest & Partial<AtLeast>): Promise<Meant> {
    const zone = await this.#zone(request);
    const subject = subjectOf(request.subject);
    const object = await this.#object(caller, request.object);
    return { zone, subject, object, relation: relationOf(zone.model, object.type, request.relation) };
  }

  async #question(caller: Caller, request: CheckRequest): Promise<{ zone: Zone; question: Question }> {
    const { zone, ...key } = await this.#meant(caller, request);
    const { authority } = this.#options;
    if (!authority.speaksFor(caller, zone.name, key.subject))
      await authority.requireGoverning(caller, zone.name, key.object, told(request.object));
    return { zone, question: { ...key, ...(await this.#asked(caller, zone, request)) } };
  }

  async #asked(
    caller: Caller,
    zone: Zone,
    { context, contextualTuples = [] }: Asked,
  ): Promise<Pick<Question, 'context' | 'contextualTuples'>> {
    const tuples: Tuple[] = [];
    for (const each of contextualTuples) {
      const meant = await this.#meant(caller, { ...each, zone: zone.name });
      tuples.push(tupleOf(meant, each));
    }
    return {
      ...(context === undefined ? {} : { context }),
      ...(tuples.length === 0 ? {} : { contextualTuples: tuples }),
    };
  }

  #requireGoverning(caller: Caller, { zone, object }: Meant): Promise<void> {
    return this.#options.authority.requireGoverning(caller, zone.name, object, formatObject(object));
  }

  /** A tuple on a file counts in the zone of the file only. */
  async #requireHome({ zone, object, subject }: Meant, name: Named): Promise<void> {
    const node = nodeOf(object);
    if (node === undefined) return;
    // Numbers are given out in order: a grant on the next one would be a grant on whatever is made next.
    if ((await this.#options.tree.lineage(node)) === undefined)
      throw new FsError('ENOENT', `there is no file with the number ${node}`);
    const home = this.#options.zoneOf(node);
    if (home === zone.name) return;
    throw new FsError(
      'EINVAL',
      `${told(name)} belongs to zone ${home}: grant it there, to ${subject.type} ${zone.name}/${subject.id}`,
    );
  }

  /** A tuple on an object that the caller named. */
  #shown(caller: Caller, tuple: Tuple, name: Named): Promise<TupleView> {
    const viewer = this.#viewer(caller);
    viewer.found(tuple.object, name);
    return viewer.tuple(tuple);
  }

  #viewer(caller: Caller): Viewer {
    return this.#options.viewer(caller);
  }
}

function told({ type, name }: Named): string {
  return name.startsWith('/') ? name : `${type} ${name}`;
}

function tupleOf(
  { subject, relation, object }: Omit<Meant, 'zone'>,
  { expires, condition }: Pick<GrantRequest, 'expires' | 'condition'>,
): Tuple {
  return {
    subject,
    relation,
    object,
    ...(expires === undefined ? {} : { expires: new Date(expires).getTime() }),
    ...(condition === undefined ? {} : { condition }),
  };
}

/** The relation meant by a name. What a model has is said where it has no such thing. */
function relationOf(model: Model, type: string, name: string): string {
  const relations = model.types.get(type);
  if (relations === undefined) {
    const known = [...model.types.keys()].join(', ');
    throw new RebacError(2021, `there is no type ${JSON.stringify(type)}: the model has ${known}`);
  }
  const found = relationNamed(model, type, name);
  if (found !== undefined) return found;
  const known = [...relations.keys()].join(', ');
  throw new RebacError(
    2022,
    `${type} has no relation ${JSON.stringify(name)}: there are ${known === '' ? 'none' : known}`,
  );
}
