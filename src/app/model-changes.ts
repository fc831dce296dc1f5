/** What another model would change in a zone: its relations, the tuples that count, the answers that follow. */
import type { ModelChanges } from '../api/permissions.ts';
import { isFsError } from '../base/errors.ts';
import { admit } from '../rebac/admit.ts';
import { formatObject, formatSubject } from '../rebac/refs.ts';
import type { Model, ObjectRef, Relation, SubjectRef, Tuple } from '../rebac/types.ts';
import type { Viewer } from './names.ts';
import type { Zone } from './zones.ts';

export interface ModelChangesOptions {
  readonly zone: Zone;
  readonly after: Model;
  /** The answer under a model; false for what the model cannot be asked. */
  check(
    model: Model,
    question: { object: ObjectRef; relation: string; subject: SubjectRef },
  ): Promise<boolean>;
  readonly viewer: Viewer;
}

/** Tuples looked at, questions compared and lines told at most: a dry run is for a person to read. */
const mostTuples = 10_000;
const mostQuestions = 20_000;
const mostLines = 200;

export async function modelChanges(options: ModelChangesOptions): Promise<ModelChanges> {
  const { zone, after, viewer } = options;
  const before = zone.model;
  const { tuples, more } = await storedTuples(zone);
  const lost = tuples.filter((tuple) => counts(before, tuple) && !counts(after, tuple));
  const answers = await compare(options, tuples);
  return {
    ...definitions(before, after),
    tuples: await viewer.tuples(lost.slice(0, mostLines)),
    gains: answers.gains,
    losses: answers.losses,
    more: more || answers.more || lost.length > mostLines,
  };
}

async function storedTuples({ store }: Zone): Promise<{ tuples: Tuple[]; more: boolean }> {
  const tuples: Tuple[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.read({}, { limit: 1000, ...(after === undefined ? {} : { after }) });
    tuples.push(...page.tuples);
    after = page.next;
    if (after === undefined) return { tuples, more: false };
    if (tuples.length >= mostTuples) return { tuples, more: true };
  }
}

function counts(model: Model, tuple: Tuple): boolean {
  try {
    admit(model, tuple);
    return true;
  } catch (error) {
    if (isFsError(error)) return false;
    throw error;
  }
}

function definitions(before: Model, after: Model): Pick<ModelChanges, 'added' | 'removed' | 'changed'> {
  const old = relationsOf(before);
  const now = relationsOf(after);
  const changed = [...now].filter(([name, text]) => old.has(name) && old.get(name) !== text);
  return {
    added: [...now.keys()].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !now.has(name)),
    changed: changed.map(([name]) => name),
  };
}

/** `type`, `type#relation` and `condition name`, each with its definition as text. */
function relationsOf({ types, conditions }: Model): Map<string, string> {
  const all = new Map<string, string>();
  for (const [type, relations] of types) {
    all.set(type, '');
    for (const [name, relation] of relations) all.set(`${type}#${name}`, JSON.stringify(relation));
  }
  for (const [name, { parameters, expression }] of conditions)
    all.set(`condition ${name}`, JSON.stringify([[...parameters], expression]));
  return all;
}

/** What is asked rather than granted: relations without direct tuples; all of them in a type that has none. */
function askable(relations: ReadonlyMap<string, Relation>): readonly string[] {
  const derived = [...relations].filter(([, { restrictions }]) => restrictions.length === 0);
  return (derived.length > 0 ? derived : [...relations]).map(([name]) => name);
}

async function compare(
  options: ModelChangesOptions,
  tuples: readonly Tuple[],
): Promise<{ gains: string[]; losses: string[]; more: boolean }> {
  const { zone, after, viewer } = options;
  const gains: string[] = [];
  const losses: string[] = [];
  const objects = new Map(tuples.map(({ object }) => [formatObject(object), object]));
  const subjects = new Map(tuples.map(({ subject }) => [formatSubject(subject), subject]));
  let asked = 0;
  for (const [name, object] of objects) {
    const [old, now] = [zone.model.types.get(object.type), after.types.get(object.type)];
    const relations = new Set([...(old ? askable(old) : []), ...(now ? askable(now) : [])]);
    for (const [who, subject] of subjects) {
      for (const relation of relations) {
        if (++asked > mostQuestions || gains.length + losses.length >= mostLines)
          return { gains, losses, more: true };
        const question = { object, relation, subject };
        const had = await options.check(zone.model, question);
        const has = await options.check(after, question);
        if (had === has) continue;
        const line = `${who} ${relation} ${(await viewer.path(object)) ?? name}`;
        (has ? gains : losses).push(line);
      }
    }
  }
  return { gains, losses, more: false };
}
