/** Questions about a zone, answered as mounts act: what the tree and the registry tell counts, and an agent has what its user lends it. */
import { nobody } from '../base/caller.ts';
import type { Explanation } from '../api/permissions.ts';
import type { Access } from '../access/access.ts';
import type { Eyes } from '../access/zone-rules.ts';
import type { Agent } from '../identity/types.ts';
import type { Registry } from '../identity/registry.ts';
import { Engine } from '../rebac/engine.ts';
import type { ObjectsQuestion, UsersQuestion } from '../rebac/engine.ts';
import type { UsersetTree } from '../rebac/expand.ts';
import { formatSubject } from '../rebac/refs.ts';
import type { Model, ObjectRef, Question, SubjectRef, Tuple } from '../rebac/types.ts';
import { stepsOf } from './explained.ts';
import { nodeOf } from './names.ts';
import type { Viewer } from './names.ts';

export interface QuestionsOptions {
  readonly access: Access;
  readonly registry: Registry;
  isAdmin(subject: string, zone: string): boolean;
}

/** What mounts ask of files, by the relation that answers it. */
const permissions = new Map([
  ['can_read', 'read'],
  ['can_write', 'write'],
  ['can_own', 'own'],
] as const);

/** Somebody a tuple of a zone names, and the zone it is registered in. */
interface Registered {
  readonly subject: string;
  readonly name: string;
  readonly home: string;
}

/** Undefined for usersets, for everybody, and for what nobody registers. */
function registered(zone: string, { type, id, relation }: SubjectRef): Registered | undefined {
  if ((type !== 'user' && type !== 'agent') || relation !== undefined || id === '*') return undefined;
  const slash = id.indexOf('/');
  const name = id.slice(slash + 1);
  return { subject: `${type}:${name}`, name, home: slash < 0 ? zone : id.slice(0, slash) };
}

/** What an agent's user lends it: at most its ceiling, and nothing the agent itself is kept from. */
interface Loan {
  readonly user: SubjectRef;
  readonly ceiling: Tuple;
}

export class Questions {
  readonly #options: QuestionsOptions;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  async #eyes(zone: string, subject: SubjectRef): Promise<Eyes> {
    return (await this.#options.access.zone(zone)).eyesFor(subject);
  }

  /** Conditions are told the time, as they are at a system call, unless the question says another. */
  async #timed<T extends Pick<Question, 'context'>>(zone: string, question: T): Promise<T> {
    const time = (await this.#options.access.zone(zone)).context();
    return { ...question, context: { ...time, ...question.context } };
  }

  async check(zone: string, question: Question): Promise<boolean> {
    const asMounts = await this.#asMounts(zone, question);
    if (asMounts !== undefined) return asMounts;
    const { engine } = await this.#eyes(zone, question.subject);
    return this.#decide(zone, engine, await this.#timed(zone, question));
  }

  /** What a mount of the subject would be told; undefined for what no mount asks. */
  async #asMounts(zone: string, question: Question): Promise<boolean | undefined> {
    const { object, relation, subject, contextualTuples = [], context } = question;
    const permission = permissions.get(relation as 'can_read');
    const node = nodeOf(object);
    const who = registered(zone, subject);
    if (permission === undefined || node === undefined || who === undefined) return undefined;
    if (contextualTuples.length > 0 || context !== undefined) return undefined;
    const caller = { ...nobody, subject: who.subject, zone: who.home };
    return this.#options.access.allows(caller, permission, node);
  }

  /** The same under another model. */
  async checkUnder(zone: string, model: Model, question: Question): Promise<boolean> {
    const { tuples } = await this.#eyes(zone, question.subject);
    return this.#decide(zone, new Engine(model, tuples), await this.#timed(zone, question));
  }

  async #decide(zone: string, engine: Engine, question: Question): Promise<boolean> {
    if (await engine.check(question)) return true;
    const loan = this.#loan(zone, engine.model, question);
    return loan !== undefined && this.#lent(engine, question, loan);
  }

  async #lent(engine: Engine, question: Question, { user, ceiling }: Loan): Promise<boolean> {
    if (!(await engine.check({ ...question, subject: user }))) return false;
    const contextualTuples = [...(question.contextualTuples ?? []), ceiling];
    return engine.check({ ...question, contextualTuples });
  }

  #loan(
    zone: string,
    model: Model,
    { subject, object }: Pick<Question, 'subject' | 'object'>,
  ): Loan | undefined {
    const who = registered(zone, subject);
    const agent = who && subject.type === 'agent' ? this.#agent(who) : undefined;
    if (who === undefined || agent === undefined || agent.ceiling === 'none') return undefined;
    const relation = agent.ceiling ?? 'owner';
    const takes = model.types.get(object.type)?.get(relation)?.restrictions ?? [];
    if (!takes.some((each) => each.type === 'agent' && each.condition === undefined)) return undefined;
    const id = who.home === zone ? agent.user : `${who.home}/${agent.user}`;
    return { user: { type: 'user', id }, ceiling: { object, relation, subject } };
  }

  #agent({ home, name }: Registered): Agent | undefined {
    return this.#options.registry.agent(home, name);
  }

  async explain(zone: string, asked: Question, viewer: Viewer): Promise<Explanation> {
    const { subject } = asked;
    const question = await this.#timed(zone, asked);
    const { engine } = await this.#eyes(zone, subject);
    const own = await engine.explain(question);
    if (own.proof) return { allowed: true, steps: await stepsOf(own.proof, subject, viewer) };
    const steps = own.denied ? await stepsOf(own.denied, subject, viewer) : [];
    const who = registered(zone, subject);
    if (who && this.#options.isAdmin(who.subject, who.home) && (await this.check(zone, asked)))
      return { allowed: true, steps: [`${who.subject} administers everything`] };
    const loan = this.#loan(zone, engine.model, question);
    if (loan === undefined) return { allowed: false, steps };
    const lent = await engine.explain({ ...question, subject: loan.user });
    if (lent.proof === undefined) return { allowed: false, steps };
    const text = `${formatSubject(subject)} acts for ${formatSubject(loan.user)}`;
    const proof = await stepsOf(lent.proof, loan.user, viewer);
    if (await this.#lent(engine, question, loan)) return { allowed: true, steps: [text, ...proof] };
    const kept =
      steps.length > 0 ? steps : [`${text}, but with the rights of ${loan.ceiling.relation} at most`];
    return { allowed: false, steps: kept };
  }

  async expand(zone: string, object: ObjectRef, relation: string): Promise<UsersetTree> {
    const { engine } = await this.#eyes(zone, { type: 'user', id: '' });
    return engine.expand(object, relation);
  }

  /** Ids, those that the user of an agent lends it included. What only the tree tells (who made a file) is not searched for. */
  async listObjects(zone: string, asked: ObjectsQuestion): Promise<string[]> {
    const { subject, type } = asked;
    const question = await this.#timed(zone, asked);
    const { engine } = await this.#eyes(zone, subject);
    const found = new Set(await engine.listObjects(question));
    const loan = this.#loan(zone, engine.model, { subject, object: { type, id: '' } });
    if (loan === undefined) return [...found];
    for (const id of await engine.listObjects({ ...question, subject: loan.user })) {
      const object = { type, id };
      const each = { ...loan, ceiling: { ...loan.ceiling, object } };
      if (!found.has(id) && (await this.#lent(engine, { ...question, object }, each))) found.add(id);
    }
    return [...found].sort();
  }

  /** Subjects as text; for agents also those of users that have it. */
  async listUsers(zone: string, asked: UsersQuestion): Promise<string[]> {
    const question = await this.#timed(zone, asked);
    const { engine } = await this.#eyes(zone, { type: 'user', id: '' });
    const found = new Set((await engine.listUsers(question)).map(formatSubject));
    if (question.type !== 'agent' || question.userset !== undefined) return [...found];
    for (const user of await engine.listUsers({ ...question, type: 'user' })) {
      for (const { name } of this.#agentsOf(zone, user)) {
        const subject = { type: 'agent', id: name };
        if (!found.has(formatSubject(subject)) && (await this.check(zone, { ...asked, subject })))
          found.add(formatSubject(subject));
      }
    }
    return [...found].sort();
  }

  #agentsOf(zone: string, { id }: SubjectRef): readonly Agent[] {
    const { registry } = this.#options;
    const every = id === '*' ? {} : { user: id };
    const agents: Agent[] = [];
    for (let after = ''; ; ) {
      const page = registry.agents(zone, { ...every, after });
      const last = page.at(-1);
      if (last === undefined) return agents;
      agents.push(...page);
      after = last.name;
    }
  }
}
