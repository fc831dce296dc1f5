/**
 * Keys of the tuple store. All of a zone's begin with `r`, the length of its name in two bytes and the name:
 *
 *     h                                          revision, how far the log is trimmed, number of the model
 *     t object relation kind subject             tuple; kind 0 for usersets and wildcards, 1 for single subjects
 *     s subject object relation                  the same tuple, found by its subject
 *     x expires:6 object relation kind subject   the same tuple, found by its end (only if it has one)
 *     l revision:6 index:2                       change
 *     m number:4                                 model
 *
 * An object is its type and id, a subject its type, id and relation (empty for none). Types and relations stand behind a byte of
 * length, ids behind two; of an id of more than 160 bytes the first 128 and a hash stand in the key, and the whole in the value.
 */
import { createHash } from 'node:crypto';
import { FsError } from '../base/errors.ts';
import { afterPrefix, readU32, readU48, u32, u48 } from '../kv/keys.ts';
import type { Key } from '../kv/types.ts';
import { checkKey, checkText, limits } from './store-check.ts';
import type { ObjectRef, SubjectRef, TupleKey } from './types.ts';

/** Most bytes of an id that stand in a key. */
const ROOM = 160;
const HASH = 32;

/** What keys of an index hold: ids that are undefined stand in the value. */
export interface KeyParts {
  readonly objectType: string;
  readonly objectId: string | undefined;
  readonly relation: string;
  readonly subjectType: string;
  readonly subjectId: string | undefined;
  readonly subjectRelation: string;
}

/** 32 chars of 0..255. */
export type Digest = (text: string) => string;

const sha256: Digest = (text) => createHash('sha256').update(text).digest().toString('latin1');

export interface KeyRange {
  readonly from: Key;
  readonly to: Key;
}

const rangeOf = (prefix: Key): KeyRange => ({ from: prefix, to: afterPrefix(prefix) });

export class StoreKeys {
  readonly head: Key;
  readonly #zone: Key;
  readonly #digest: Digest;

  constructor(zone: string, digest: Digest = sha256) {
    checkText('the name of the zone', zone, limits.zone);
    const bytes = bytesOf(zone);
    this.#zone = `r${u16(bytes.length)}${bytes}`;
    this.#digest = digest;
    this.head = `${this.#zone}h`;
  }

  /** The key of a tuple; throws for one that cannot be stored. */
  tuple(key: TupleKey): Key {
    checkKey(key);
    const { object, relation, subject } = key;
    const kind = subject.relation !== undefined || subject.id === '*' ? '0' : '1';
    return `${this.#zone}t${this.#object(object)}${word(relation)}${kind}${this.#subject(subject)}`;
  }

  /** Every key of the tuple whose first key is `at`. */
  all(at: Key, { object, relation, subject }: TupleKey, expires: number | undefined): Key[] {
    const keys = [at, `${this.#zone}s${this.#subject(subject)}${this.#object(object)}${word(relation)}`];
    if (expires !== undefined) keys.push(`${this.#zone}x${u48(expires)}${at.slice(this.#zone.length + 1)}`);
    return keys;
  }

  /** Tuples on all objects, on those of a type, on one object, of one of its relations, only usersets and wildcards of it. */
  onObjects(type?: string, id?: string, relation?: string, usersets = false): KeyRange {
    let prefix = `${this.#zone}t`;
    if (type !== undefined) prefix += word(type);
    if (type !== undefined && id !== undefined) {
      prefix += this.#id(id);
      if (relation !== undefined) prefix += word(relation) + (usersets ? '0' : '');
    }
    return rangeOf(prefix);
  }

  /** Tuples of subjects of a type, of one with whatever relation, of exactly this one (`''` is none), on objects of one type. */
  ofSubjects(type: string, id?: string, relation?: string, objectType?: string): KeyRange {
    let prefix = `${this.#zone}s${word(type)}`;
    if (id !== undefined) {
      prefix += this.#id(id);
      if (relation !== undefined) {
        prefix += word(relation) + (objectType === undefined ? '' : word(objectType));
      }
    }
    return rangeOf(prefix);
  }

  /** Tuples that end at `now` or before. */
  endedBy(now: number): KeyRange {
    return { from: `${this.#zone}x`, to: `${this.#zone}x${u48(now + 1)}` };
  }

  /** The key of the tuple that a key of any index stands for. */
  place(key: Key, tuple: () => TupleKey): Key {
    const at = this.#zone.length;
    if (key[at] === 't') return key;
    return key[at] === 'x' ? `${this.#zone}t${key.slice(at + 7)}` : this.tuple(tuple());
  }

  change(revision: number, index: number): Key {
    return `${this.#zone}l${u48(revision)}${u16(index)}`;
  }

  /** The changes with `first <= revision < end`. */
  changes(first: number, end: number): KeyRange {
    return { from: `${this.#zone}l${u48(first)}`, to: `${this.#zone}l${u48(end)}` };
  }

  /** The revision in the key of a change. */
  revisionOf(key: Key): number {
    return readU48(key, this.#zone.length + 1);
  }

  model(number: number): Key {
    return `${this.#zone}m${u32(number)}`;
  }

  models(): KeyRange {
    return rangeOf(`${this.#zone}m`);
  }

  numberOf(key: Key): number {
    return readU32(key, this.#zone.length + 1);
  }

  /** A key without what it shares with all of its zone: what a record of the log or a cursor keeps. */
  local(key: Key): string {
    return key.slice(this.#zone.length);
  }

  /** The other way round; EIO for what is no key of a tuple. */
  parse(local: string): KeyParts {
    const at = new Parser(local);
    if (local.startsWith('s')) {
      const subject = { subjectType: at.word(), subjectId: at.id(), subjectRelation: at.word() };
      return { ...subject, objectType: at.word(), objectId: at.id(), relation: at.word() };
    }
    const object = { objectType: at.word(), objectId: at.id(), relation: at.word() };
    at.skip(1);
    return { ...object, subjectType: at.word(), subjectId: at.id(), subjectRelation: at.word() };
  }

  /** Does the key of a tuple hold less of this id than there is? */
  isLong(id: string): boolean {
    return id.length * 3 > ROOM && Buffer.byteLength(id) > ROOM;
  }

  #object({ type, id }: ObjectRef): string {
    return word(type) + this.#id(id);
  }

  #subject({ type, id, relation = '' }: SubjectRef): string {
    return word(type) + this.#id(id) + word(relation);
  }

  #id(id: string): string {
    const bytes = bytesOf(id);
    if (bytes.length <= ROOM) return u16(bytes.length) + bytes;
    return u16(bytes.length) + bytes.slice(0, ROOM - HASH) + this.#digest(id);
  }
}

/** Reads the parts of a key behind its letter. */
class Parser {
  readonly #key: string;
  #at = 1;

  constructor(key: string) {
    this.#key = key;
  }

  word(): string {
    return textOf(this.#take(this.#take(1).charCodeAt(0)));
  }

  id(): string | undefined {
    const length = this.#take(2);
    const bytes = (length.charCodeAt(0) << 8) | length.charCodeAt(1);
    if (bytes <= ROOM) return textOf(this.#take(bytes));
    this.skip(ROOM);
    return undefined;
  }

  skip(length: number): void {
    this.#take(length);
  }

  #take(length: number): string {
    const end = this.#at + length;
    if (!(end <= this.#key.length))
      throw new FsError(
        'EIO',
        'a key of a stored permission is damaged: restore the data directory from a backup',
      );
    const part = this.#key.slice(this.#at, end);
    this.#at = end;
    return part;
  }
}

const ascii = /^[\0-\x7f]*$/;

function bytesOf(text: string): string {
  return ascii.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function textOf(bytes: string): string {
  return ascii.test(bytes) ? bytes : Buffer.from(bytes, 'latin1').toString('utf8');
}

function u16(n: number): string {
  return String.fromCharCode(n >>> 8, n & 255);
}

/** A type or a relation; too long ones are refused before they come here. */
function word(text: string): string {
  const bytes = bytesOf(text);
  return String.fromCharCode(bytes.length) + bytes;
}
