/** Whether a model allows a tuple to be written. */
import { RebacError } from './errors.ts';
import { formatSubject, formatTuple, quoted, validateObject, validateSubject } from './refs.ts';
import { conditionsOf } from './conditions.ts';
import type { Model, Restriction, SubjectRef, Tuple } from './types.ts';

/** Does a restriction name this kind of subject, with this condition? All of it must match: an unconditioned tuple is none `with` one. */
export function matches(
  restriction: Restriction,
  subject: SubjectRef,
  condition: string | undefined,
): boolean {
  return (
    restriction.type === subject.type &&
    restriction.relation === subject.relation &&
    (restriction.wildcard ?? false) === (subject.id === '*') &&
    restriction.condition === condition
  );
}

/** Throws 2021 or 2022 for a type or relation the model lacks, 2000 for a tuple it does not allow. */
export function admit(model: Model, tuple: Tuple): void {
  validateObject(tuple.object);
  validateSubject(tuple.subject);
  const { object, relation, subject } = tuple;
  const relations = model.types.get(object.type);
  if (relations === undefined) throw refused(2021, tuple, `the model has no type ${quoted(object.type)}`);
  const found = relations.get(relation);
  if (found === undefined)
    throw refused(2022, tuple, `type ${object.type} has no relation ${quoted(relation)}`);
  admitSubject(model, tuple);
  const condition = tuple.condition?.name;
  if (!found.restrictions.some((restriction) => matches(restriction, subject, condition))) {
    throw refused(2000, tuple, allowed(`${object.type}#${relation}`, found.restrictions, tuple));
  }
  if (tuple.condition !== undefined) conditionsOf(model).admit(tuple.condition, formatTuple(tuple));
  if (tuple.expires !== undefined && !Number.isFinite(tuple.expires)) {
    throw refused(2000, tuple, 'expires at no point of time: give milliseconds since 1970');
  }
}

function admitSubject(model: Model, tuple: Tuple): void {
  const { type, relation } = tuple.subject;
  const relations = model.types.get(type);
  if (relations === undefined) throw refused(2021, tuple, `the model has no type ${quoted(type)}`);
  if (relation !== undefined && !relations.has(relation)) {
    throw refused(2022, tuple, `type ${type} has no relation ${quoted(relation)}`);
  }
}

function allowed(name: string, restrictions: readonly Restriction[], tuple: Tuple): string {
  if (restrictions.length === 0) return `nothing can be written to ${name}: it follows from other relations`;
  const given = formatSubject(tuple.subject) + (tuple.condition ? ` with ${tuple.condition.name}` : '');
  return `${name} takes ${restrictions.map(formatRestriction).join(', ')}, not ${quoted(given)}`;
}

export function formatRestriction(restriction: Restriction): string {
  const { type, relation, wildcard, condition } = restriction;
  const subject = relation === undefined ? (wildcard ? `${type}:*` : type) : `${type}#${relation}`;
  return condition === undefined ? subject : `${subject} with ${condition}`;
}

function refused(number: 2000 | 2021 | 2022, tuple: Tuple, problem: string): RebacError {
  return new RebacError(number, `tuple ${quoted(formatTuple(tuple))}: ${problem}`);
}
