/** Everything an answer depends on, as text: two questions with the same key are the same question. */
import type { Question, Tuple } from './types.ts';

export function questionKey(question: Question): string {
  const { object, relation, subject, contextualTuples, context } = question;
  return JSON.stringify([
    object.type,
    object.id,
    relation,
    subject.type,
    subject.id,
    subject.relation ?? null,
    contextualTuples?.map(tupleKey) ?? [],
    canonical(context ?? {}),
  ]);
}

function tupleKey(tuple: Tuple): unknown {
  const { object, relation, subject, condition, expires } = tuple;
  return [
    [object.type, object.id, relation, subject.type, subject.id, subject.relation ?? null],
    condition === undefined ? null : [condition.name, canonical(condition.context)],
    expires ?? null,
  ];
}

/** Kinds are told apart where JSON would not, and the order of names does not count. */
function canonical(value: unknown): unknown {
  if (typeof value === 'number') return ['number', String(value)];
  if (typeof value === 'bigint') return ['bigint', String(value)];
  if (value === undefined) return ['undefined'];
  if (Array.isArray(value)) return ['list', ...value.map(canonical)];
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return ['map', ...entries.map(([name, item]) => [name, canonical(item)])];
}
