/** An engine over tuples in memory that speaks OpenFGA's strings: for tests, tools and dry runs. */
import { admit } from './admit.ts';
import { Engine } from './engine.ts';
import type { EngineOptions } from './engine.ts';
import { RebacError } from './errors.ts';
import { MemoryTuples } from './memory-tuples.ts';
import { modelOfJson, parseModel } from './model.ts';
import { formatSubject, parseObject, parseSubject, quoted } from './refs.ts';
import type { Model, Tuple } from './types.ts';

/** A tuple as OpenFGA writes it. */
export interface TextTuple {
  readonly user: string;
  readonly relation: string;
  readonly object: string;
  readonly condition?: { readonly name: string; readonly context?: Readonly<Record<string, unknown>> } | null;
  readonly expires?: number;
}

interface TextListing {
  readonly contextualTuples?: readonly TupleLike[] | null;
  readonly context?: Readonly<Record<string, unknown>> | null;
}

/** A tuple as an object, or as text: `file:1#viewer@user:ada`. */
export type TupleLike = TextTuple | string;

export interface TextQuestion extends TextListing {
  readonly user: string;
  readonly relation: string;
  readonly object: string;
}

export interface MemoryEngineOptions extends EngineOptions {
  /** In OpenFGA's language, or its JSON, as text or not. */
  readonly model: string | object;
  readonly tuples?: Iterable<TupleLike>;
}

export function openEngine(options: MemoryEngineOptions): MemoryEngine {
  return new MemoryEngine(options);
}

/** Every refusal is a RebacError, whose `number` is OpenFGA's code. */
export class MemoryEngine {
  readonly #options: EngineOptions;
  readonly #tuples = new MemoryTuples();
  #engine: Engine;

  constructor({ model, tuples = [], ...options }: MemoryEngineOptions) {
    this.#options = options;
    this.#engine = new Engine(modelOf(model), this.#tuples, options);
    this.write(tuples);
  }

  /** Tuples stay when the model changes: those it does not allow any more are as if they were not there. */
  setModel(model: string | object): void {
    this.#engine = new Engine(modelOf(model), this.#tuples, this.#options);
  }

  /** All of them, or none if the model does not allow one. */
  write(tuples: Iterable<TupleLike>): void {
    const written = [...tuples].map(parseTuple);
    for (const tuple of written) admit(this.#engine.model, tuple);
    this.#tuples.write(written);
  }

  delete(tuples: Iterable<TupleLike>): void {
    this.#tuples.delete([...tuples].map(parseTuple));
  }

  async check(question: TextQuestion): Promise<boolean> {
    return this.#engine.check({ ...parseTuple(question), ...listing(question) });
  }

  async batchCheck(questions: readonly TextQuestion[]): Promise<boolean[]> {
    return this.#engine.batchCheck(
      questions.map((question) => ({ ...parseTuple(question), ...listing(question) })),
    );
  }

  /** As `type:id`. */
  async listObjects(
    request: TextListing & { user: string; relation: string; type: string },
  ): Promise<string[]> {
    const { type, relation } = request;
    const subject = parseSubject(request.user);
    const ids = await this.#engine.listObjects({ type, relation, subject, ...listing(request) });
    return ids.map((id) => `${type}:${id}`);
  }

  /** As `type:id`, `type:*` or `type:id#relation`. A filter may be text: `user`, `group#member`. */
  async listUsers(
    request: TextListing & { object: string; relation: string; filters: readonly (UserFilter | string)[] },
  ): Promise<string[]> {
    const object = parseObject(request.object);
    const found: string[] = [];
    for (const filter of request.filters) {
      const { type, relation: userset } = typeof filter === 'string' ? filterOf(filter) : filter;
      const question = { object, relation: request.relation, type, ...listing(request) };
      const subjects = await this.#engine.listUsers(userset ? { ...question, userset } : question);
      found.push(...subjects.map(formatSubject));
    }
    return found;
  }
}

export interface UserFilter {
  readonly type: string;
  readonly relation?: string;
}

function modelOf(model: string | object): Model {
  if (typeof model !== 'string') return modelOfJson(model);
  return model.trimStart().startsWith('{') ? modelOfJson(parsed(model)) : parseModel(model);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new RebacError(2000, 'model: starts like JSON and is none', { cause: error });
  }
}

function filterOf(text: string): UserFilter {
  const [type = '', relation] = text.split('#');
  return relation === undefined ? { type } : { type, relation };
}

function listing({ contextualTuples, context }: TextListing): Partial<EngineListing> {
  return {
    ...(contextualTuples && { contextualTuples: contextual(contextualTuples) }),
    ...(context && { context }),
  };
}

interface EngineListing {
  readonly contextualTuples: readonly Tuple[];
  readonly context: Readonly<Record<string, unknown>>;
}

function contextual(tuples: readonly TupleLike[]): Tuple[] {
  try {
    return tuples.map(parseTuple);
  } catch (error) {
    if (!(error instanceof RebacError)) throw error;
    throw new RebacError(2027, `contextual tuple: ${error.message.replace(/^[A-Z]+: /, '')}`, {
      cause: error,
    });
  }
}

function parseTuple(tuple: TupleLike): Tuple {
  if (typeof tuple === 'string') {
    const [, object, relation, subject] = /^([^#]*)#([^@]*)@(.*)$/s.exec(tuple) ?? [];
    if (object === undefined || relation === undefined || subject === undefined) {
      throw new RebacError(2000, `tuple ${quoted(tuple)}: write object#relation@subject`);
    }
    return { object: parseObject(object), relation, subject: parseSubject(subject) };
  }
  const { condition, expires } = tuple;
  return {
    object: parseObject(tuple.object),
    relation: tuple.relation,
    subject: parseSubject(tuple.user),
    ...(condition && { condition: { name: condition.name, context: condition.context ?? {} } }),
    ...(expires !== undefined && { expires }),
  };
}
