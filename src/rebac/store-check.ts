/** What a stored tuple may look like, whatever the model says: sizes, text that has bytes, context that is JSON. */
import { RebacError } from './errors.ts';
import type { Tuple, TupleKey } from './types.ts';

/** The most bytes (UTF-8) of each part. */
export const limits = { zone: 256, type: 128, relation: 64, id: 4096, condition: 256, context: 32 * 1024 };

/** Milliseconds fit six bytes. */
const LATEST = 2 ** 48 - 1;
/** Levels of lists and objects in a context. */
const DEEPEST = 32;

const loneSurrogate = /\p{Surrogate}/u;
const plain = /^[\x20-\x7e]+$/;

/** Throws unless the text has 1 to `most` bytes. A lone surrogate has none: two of them would be stored as the same. */
export function checkText(what: string, text: string, most: number): void {
  if (text.length <= most && plain.test(text)) return;
  if (text === '') throw new RebacError(2000, `${what} is empty`);
  const bytes = Buffer.byteLength(text);
  if (bytes > most) {
    throw new RebacError(2000, `${what} has ${bytes} bytes, at most ${most} can be stored: ${quoted(text)}`);
  }
  if (loneSurrogate.test(text)) {
    throw new RebacError(2000, `${what} is not valid Unicode, a surrogate stands alone: ${quoted(text)}`);
  }
}

/** Throws for a key no tuple can have. */
export function checkKey({ object, relation, subject }: TupleKey): void {
  checkObject(object);
  checkRelation(relation);
  checkSubject(subject);
}

export function checkObject({ type, id }: { type: string; id?: string }): void {
  checkText('the type of the object', type, limits.type);
  if (id !== undefined) checkText('the id of the object', id, limits.id);
}

export function checkRelation(relation: string): void {
  checkText('the relation', relation, limits.relation);
}

export function checkSubject({ type, id, relation }: { type: string; id?: string; relation?: string }): void {
  checkText('the type of the subject', type, limits.type);
  if (id !== undefined) checkText('the id of the subject', id, limits.id);
  if (relation !== undefined) checkText('the relation of the subject', relation, limits.relation);
}

/** Throws for what cannot be stored exactly as it is. */
export function checkTuple(tuple: Tuple): void {
  checkKey(tuple);
  const { condition, expires } = tuple;
  if (expires !== undefined && (!Number.isInteger(expires) || expires < 0 || expires > LATEST)) {
    const text = `${nameOf(tuple)}: expires is ${expires}, but must be whole milliseconds since 1970`;
    throw new RebacError(2000, text);
  }
  if (condition === undefined) return;
  checkText(`${nameOf(tuple)}: the name of the condition`, condition.name, limits.condition);
  const bytes = Buffer.byteLength(canonical(condition.context, `${nameOf(tuple)}: context`));
  if (bytes > limits.context) {
    const text = `${nameOf(tuple)}: context has ${bytes} bytes of JSON, at most ${limits.context} can be stored`;
    throw new RebacError(2000, text);
  }
}

/** JSON with sorted keys: equal contexts are equal bytes. Throws for what JSON would change; `place` is where it stands. */
export function canonical(value: unknown, place: string, depth = 0): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (depth > DEEPEST) throw new RebacError(2000, `${place} is nested deeper than ${DEEPEST} levels`);
  if (Array.isArray(value)) {
    return `[${value.map((item, at) => canonical(item, `${place}[${at}]`, depth + 1)).join(',')}]`;
  }
  if (typeof value === 'object' && isPlain(value)) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    fields.sort(([a], [b]) => (a < b ? -1 : 1));
    const texts = fields.map(
      ([name, field]) => `${JSON.stringify(name)}:${canonical(field, `${place}.${name}`, depth + 1)}`,
    );
    return `{${texts.join(',')}}`;
  }
  throw new RebacError(2000, `${place} is no JSON: numbers must be finite, times are written as text`);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A tuple for people: `object#relation@subject`, odd characters escaped, long ids cut. */
export function nameOf({ object, relation, subject }: TupleKey): string {
  const userset = subject.relation === undefined ? '' : `#${subject.relation}`;
  return quoted(
    `${short(object.type)}:${short(object.id)}#${short(relation)}@${short(subject.type)}:${short(subject.id)}${userset}`,
  );
}

function quoted(text: string): string {
  return JSON.stringify(short(text, 400));
}

function short(text: string, most = 64): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
