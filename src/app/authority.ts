/** Who may ask, grant, register and mount. */
import type { MountRequest } from '../api/program.ts';
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { NodeId } from '../fs/types.ts';
import type { Registry } from '../identity/registry.ts';
import type { ObjectRef, SubjectRef } from '../rebac/types.ts';
import { nodeOf } from './names.ts';

export interface AuthorityOptions {
  readonly registry: Registry;
  isAdmin(subject: string, zone: string): boolean;
  ownsNode(caller: Caller, node: NodeId): Awaitable<boolean>;
  /** Does the subject have the relation to an object that is no node? False where the model knows neither. */
  has(zone: string, subject: SubjectRef, relation: string, object: ObjectRef): Awaitable<boolean>;
}

/** The relation that lets one change who has what on an object that is no file. */
const governing: Readonly<Record<string, string>> = { group: 'admin', zone: 'admin' };

/** A subject `type:id` as the tuples of a zone write it. */
function referenceIn(zone: string, { subject, zone: own }: Pick<Caller, 'subject' | 'zone'>): SubjectRef {
  const colon = subject.indexOf(':');
  const id = subject.slice(colon + 1);
  return { type: subject.slice(0, colon), id: own === zone ? id : `${own}/${id}` };
}

export class Authority {
  readonly #options: AuthorityOptions;

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  administers(caller: Caller, zone: string): boolean {
    return this.#options.isAdmin(caller.subject, zone);
  }

  /** EACCES for everybody but administrators. */
  requireAdmin(caller: Caller, zone: string, what: string): void {
    if (this.administers(caller, zone)) return;
    throw new FsError('EACCES', `${what} is for administrators, ${caller.subject} is none in zone ${zone}`);
  }

  /** May the caller say who has what on the object, and see it? */
  async governs(caller: Caller, zone: string, object: ObjectRef): Promise<boolean> {
    if (this.administers(caller, zone)) return true;
    const node = nodeOf(object);
    if (node !== undefined) return this.#options.ownsNode(caller, node);
    const relation = governing[object.type] ?? 'can_own';
    return this.#options.has(zone, referenceIn(zone, caller), relation, object);
  }

  async requireGoverning(caller: Caller, zone: string, object: ObjectRef, told: string): Promise<void> {
    if (await this.governs(caller, zone, object)) return;
    throw new FsError('EACCES', `${told}: only who owns it may say who has what on it`);
  }

  /** Is this the caller, or an agent of the caller? */
  speaksFor(caller: Caller, zone: string, subject: SubjectRef): boolean {
    if (subject.relation !== undefined) return false;
    const own = referenceIn(zone, caller);
    if (own.type === subject.type && own.id === subject.id) return true;
    if (subject.type !== 'agent' || own.type !== 'user') return false;
    return caller.zone === zone && this.#options.registry.agent(zone, subject.id)?.user === own.id;
  }

  /** ENOENT for subjects nobody registered, EACCES for whom the caller may not act as. */
  requireMount(caller: Caller, { as, users = {}, zone }: MountRequest): void {
    if (this.#options.registry.zone(zone) === undefined) {
      throw new FsError('ENOENT', `there is no zone ${zone}: \`nexus zone create ${zone}\` makes it`);
    }
    for (const subject of new Set([as, ...Object.values(users)])) {
      this.#requireRegistered(subject, zone);
      if (this.administers(caller, zone)) continue;
      const colon = subject.indexOf(':');
      const reference = { type: subject.slice(0, colon), id: subject.slice(colon + 1) };
      if (this.speaksFor(caller, zone, reference) && caller.zone === zone) continue;
      throw new FsError(
        'EACCES',
        `${caller.subject} may not mount as ${subject}: that is for administrators, for ${subject} itself and for the user an agent acts for`,
      );
    }
  }

  #requireRegistered(subject: string, zone: string): void {
    // Whoever owns the data directory is known without being registered.
    if (this.#options.isAdmin(subject, zone)) return;
    const hint = this.missing(subject, zone);
    if (hint === undefined) {
      const type = subject.slice(0, subject.indexOf(':'));
      if (type === 'user' || type === 'agent') return;
      throw new FsError('EINVAL', `a mount belongs to a user or an agent, not to ${subject}`);
    }
    throw new FsError('ENOENT', hint);
  }

  /** What to do about a user, agent or group that is not registered; undefined where it is, or is none of them. */
  missing(subject: string, zone: string): string | undefined {
    const { registry } = this.#options;
    const [type, id] = [subject.slice(0, subject.indexOf(':')), subject.slice(subject.indexOf(':') + 1)];
    const slash = id.indexOf('/');
    const [home, name] = slash < 0 ? [zone, id] : [id.slice(0, slash), id.slice(slash + 1)];
    const where = home === 'default' ? '' : ` --zone ${home}`;
    if (type === 'user' && registry.user(home, name) === undefined) {
      return `${subject} is not registered: \`nexus user create ${name}${where}\` does it`;
    }
    if (type === 'agent' && registry.agent(home, name) === undefined) {
      return `${subject} is not registered: \`nexus agent register ${name} --owner USER${where}\` does it`;
    }
    if (type === 'group' && registry.group(home, name) === undefined) {
      return `${subject} does not exist: \`nexus group create ${name}${where}\` makes it`;
    }
    return undefined;
  }
}
