/** Objects and subjects as text: `file:12`, `user:*`, `group:eng#member`. Ids are kept byte for byte. */
import { RebacError } from './errors.ts';
import type { ObjectRef, SubjectRef, TupleKey } from './types.ts';

/** Longest id in bytes. */
export const maxId = 1024;
/** Longest type, relation or condition name. */
export const maxName = 64;

const name = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const tooLong = `is longer than ${maxId} bytes`;
const surrogates = /\p{Cs}/u;

/** Is this a name a model may use? */
export function isName(text: string): boolean {
  return text.length <= maxName && name.test(text);
}

/** Why this cannot be an id, or undefined. */
export function idProblem(id: string): string | undefined {
  if (id === '') return 'is empty';
  if (id.length > maxId) return tooLong;
  let ascii = true;
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    if (isForbidden(code)) return `contains ${describe(id.charAt(at))} at ${at}`;
    if (code >= 0x80) ascii = false;
  }
  if (ascii) return undefined;
  if (Buffer.byteLength(id) > maxId) return tooLong;
  return surrogates.test(id) ? 'contains half a character' : undefined;
}

/** Blanks and control bytes look like nothing in a listing; `:` and `#` would let one text name two objects. */
function isForbidden(code: number): boolean {
  return code <= 0x20 || code === 0x3a || code === 0x23 || (code >= 0x7f && code <= 0x9f);
}

export function parseObject(text: string): ObjectRef {
  const colon = text.indexOf(':');
  if (colon < 0) throw refused('object', text, 'has no ":": write type:id');
  const object = { type: text.slice(0, colon), id: text.slice(colon + 1) };
  validateObject(object, text);
  return object;
}

export function parseSubject(text: string): SubjectRef {
  const hash = text.indexOf('#');
  const colon = text.indexOf(':');
  if (colon < 0 || (hash >= 0 && hash < colon)) {
    throw refused('subject', text, 'has no ":": write type:id, type:* or type:id#relation');
  }
  const type = text.slice(0, colon);
  const subject: SubjectRef =
    hash < 0
      ? { type, id: text.slice(colon + 1) }
      : { type, id: text.slice(colon + 1, hash), relation: text.slice(hash + 1) };
  validateSubject(subject, text);
  return subject;
}

/** Throws 2000 where the object could not have been written as text. */
export function validateObject(object: ObjectRef, text?: string): void {
  const problem = isName(object.type) ? objectIdProblem(object.id) : 'has no valid type';
  if (problem !== undefined) throw refused('object', text ?? formatObject(object), problem);
}

/** Why this cannot be the id of an object, or undefined. */
export function objectIdProblem(id: string): string | undefined {
  return id === '*' ? 'is a wildcard: only subjects are' : idProblem(id);
}

/** Why this cannot be the id of a subject, or undefined. */
export function subjectIdProblem({ id, relation }: SubjectRef): string | undefined {
  return id === '*' && relation !== undefined ? 'is a wildcard with a relation' : idProblem(id);
}

export function validateSubject(subject: SubjectRef, text?: string): void {
  let problem = isName(subject.type) ? subjectIdProblem(subject) : 'has no valid type';
  if (problem === undefined && subject.relation !== undefined && !isName(subject.relation)) {
    problem = 'has no valid relation behind "#"';
  }
  if (problem !== undefined) throw refused('subject', text ?? formatSubject(subject), problem);
}

export function formatObject(object: ObjectRef): string {
  return `${object.type}:${object.id}`;
}

export function formatSubject(subject: SubjectRef): string {
  const object = `${subject.type}:${subject.id}`;
  return subject.relation === undefined ? object : `${object}#${subject.relation}`;
}

/** `file:12#viewer@user:ada`: for messages. */
export function formatTuple(tuple: TupleKey): string {
  return `${formatObject(tuple.object)}#${tuple.relation}@${formatSubject(tuple.subject)}`;
}

/** For messages: what a person can look at, whatever the input was. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

export function sameSubject(a: SubjectRef, b: SubjectRef): boolean {
  return a.id === b.id && a.type === b.type && a.relation === b.relation;
}

/** A subject no plain lookup finds: checks have to follow it. */
export function isIndirect(subject: SubjectRef): boolean {
  return subject.relation !== undefined || subject.id === '*';
}

function refused(what: string, text: string, problem: string): RebacError {
  return new RebacError(2000, `${what} ${quoted(text)} ${problem}`);
}

function describe(character: string): string {
  return character === ' ' ? 'a blank' : quoted(character);
}
