/** Answers questions about a model and its tuples, as OpenFGA does. */
import type { Awaitable } from '../base/awaitable.ts';
import { planOf } from './compile-model.ts';
import type { Node, Plan } from './compile-model.ts';
import { withContextual } from './contextual.ts';
import { RebacError } from './errors.ts';
import { defaultLimits, Evaluation } from './evaluation.ts';
import type { Limits, Scope } from './evaluation.ts';
import { expand } from './expand.ts';
import type { UsersetTree } from './expand.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explain.ts';
import { candidateObjects } from './candidate-objects.ts';
import { candidateSubjects } from './candidate-subjects.ts';
import { questionKey } from './question-key.ts';
import { formatObject, formatSubject, objectIdProblem, quoted, subjectIdProblem } from './refs.ts';
import type { Model, ObjectRef, Question, SubjectRef, Tuple, TupleReader } from './types.ts';
import { settled, after } from './verdict.ts';

export interface EngineOptions {
  /** Milliseconds since 1970: what expires, expires by this clock. */
  readonly now?: () => number;
  readonly limits?: Partial<Limits>;
}

/** What a listing is about besides what it lists. */
interface Listing {
  readonly contextualTuples?: readonly Tuple[];
  readonly context?: Readonly<Record<string, unknown>>;
}

export interface ObjectsQuestion extends Listing {
  readonly type: string;
  readonly relation: string;
  readonly subject: SubjectRef;
}

export interface UsersQuestion extends Listing {
  readonly object: ObjectRef;
  readonly relation: string;
  /** What kind of subjects: objects of this type and its wildcard, or with `userset` usersets of that relation. */
  readonly type: string;
  readonly userset?: string;
}

export class Engine {
  readonly model: Model;
  readonly #plan: Plan;
  readonly #tuples: TupleReader;
  readonly #now: () => number;
  readonly #limits: Limits;

  constructor(model: Model, tuples: TupleReader, options: EngineOptions = {}) {
    this.model = model;
    this.#plan = planOf(model);
    this.#tuples = tuples;
    this.#now = options.now ?? Date.now;
    this.#limits = { ...defaultLimits, ...options.limits };
  }

  /** Throws 2000 for a question the model cannot have, 2002 where the answer takes too much, 2027 for contextual tuples not allowed. */
  async check(question: Question): Promise<boolean> {
    return this.decide(question);
  }

  /** The same, at once where the readers answer at once. */
  decide(question: Question): Awaitable<boolean> {
    const { object, relation, subject } = question;
    const node = this.#checked(object, relation);
    const evaluation = new Evaluation(this.#scope(subject, question), { again: false });
    return after(evaluation.decide(node, object), settled);
  }

  /** Answers in the order of the questions; equal questions are decided once. */
  async batchCheck(questions: readonly Question[]): Promise<boolean[]> {
    const decided = new Map<string, Awaitable<boolean>>();
    const answers: boolean[] = [];
    for (const question of questions) {
      const key = questionKey(question);
      let answer = decided.get(key);
      if (answer === undefined) {
        answer = await this.decide(question);
        decided.set(key, answer);
      }
      answers.push(await answer);
    }
    return answers;
  }

  /** What a relation of one object consists of, one level deep. */
  async expand(object: ObjectRef, relation: string): Promise<UsersetTree> {
    return expand(this.#checked(object, relation), object, this.#tuples, this.#now());
  }

  /** The answer, and the tuples it comes from. */
  async explain(question: Question): Promise<Explanation> {
    const { object, relation, subject } = question;
    return explain(this.#checked(object, relation), object, this.#scope(subject, question));
  }

  /** Ids of the objects of a type that the subject has the relation to, sorted. */
  async listObjects(question: ObjectsQuestion): Promise<string[]> {
    const node = this.#listed(question.type, question.relation);
    const scope = this.#scope(question.subject, question);
    const evaluation = new Evaluation(scope, { again: true });
    const ids: string[] = [];
    for (const id of await candidateObjects(scope, node)) {
      if (settled(await evaluation.decide(node, { type: question.type, id }))) ids.push(id);
    }
    return ids.sort();
  }

  /** Who has a relation to an object; for everybody of the type there is the wildcard. Sorted. */
  async listUsers(question: UsersQuestion): Promise<SubjectRef[]> {
    const { object, type, userset } = question;
    const node = this.#listed(object.type, question.relation);
    this.#objectId(object);
    if (userset === undefined) this.#known(type);
    else this.#listed(type, userset);
    const scope = this.#scope(undefined, question);
    const subjects: SubjectRef[] = [];
    for (const subject of await candidateSubjects(scope, node, object, type, userset)) {
      const evaluation = new Evaluation({ ...scope, subject }, { again: false });
      if (settled(await evaluation.decide(node, object))) subjects.push(subject);
    }
    return subjects.sort((a, b) => (formatSubject(a) < formatSubject(b) ? -1 : 1));
  }

  #scope(subject: SubjectRef | undefined, { contextualTuples, context }: Listing): Scope {
    if (subject !== undefined) this.#admitSubject(subject);
    return {
      plan: this.#plan,
      tuples: withContextual(this.model, this.#tuples, contextualTuples),
      subject: subject ?? nobody,
      context,
      now: this.#now(),
      limits: this.#limits,
    };
  }

  #admitSubject(subject: SubjectRef): void {
    const { type, relation } = subject;
    const relations = this.model.types.get(type);
    if (relations === undefined)
      throw new RebacError(2000, `the model has no type ${quoted(type)}: it is the subject's`);
    if (relation !== undefined && !relations.has(relation)) {
      throw new RebacError(2000, `type ${type} has no relation ${quoted(relation)}: it is the subject's`);
    }
    const problem = subjectIdProblem(subject);
    if (problem !== undefined)
      throw new RebacError(2000, `subject ${quoted(formatSubject(subject))} ${problem}`);
  }

  #checked(object: ObjectRef, relation: string): Node {
    const node = this.#plan.node(object.type, relation);
    if (node !== undefined) {
      this.#objectId(object);
      return node;
    }
    const problem = this.model.types.has(object.type)
      ? `type ${object.type} has no relation ${quoted(relation)}`
      : `the model has no type ${quoted(object.type)}`;
    throw new RebacError(2000, problem);
  }

  #objectId(object: ObjectRef): void {
    const problem = objectIdProblem(object.id);
    if (problem !== undefined)
      throw new RebacError(2000, `object ${quoted(formatObject(object))} ${problem}`);
  }

  #listed(type: string, relation: string): Node {
    this.#known(type);
    const node = this.#plan.node(type, relation);
    if (node === undefined) throw new RebacError(2022, `type ${type} has no relation ${quoted(relation)}`);
    return node;
  }

  #known(type: string): void {
    if (!this.model.types.has(type)) throw new RebacError(2021, `the model has no type ${quoted(type)}`);
  }
}

const nobody: SubjectRef = { type: '', id: '' };
