/** Records of the tuple store: what keys do not hold. */
import { FsError } from '../base/errors.ts';
import type { Key } from '../kv/types.ts';
import { canonical } from './store-check.ts';
import type { StoreKeys } from './store-keys.ts';
import type { SubjectRef, Tuple, TupleChange, TupleCondition, TupleKey } from './types.ts';

const EXPIRES = 1;
const CONDITION = 2;
const OBJECT = 4;
const SUBJECT = 8;

const nothing = new Uint8Array(0);

/** Where a zone stands. */
export interface Head {
  readonly revision: number;
  /** Changes up to here are forgotten. */
  readonly trimmed: number;
  /** Number of the current model, 0 for none. */
  readonly model: number;
}

/** One stored model. */
export interface StoredModel {
  readonly number: number;
  /** The revision it came with. */
  readonly revision: number;
  /** When, in milliseconds since 1970. */
  readonly time: number;
  /** Undefined where the zone was left without one. */
  readonly text: string | undefined;
}

/** The value of a tuple: flags and what they announce; empty for the ordinary tuple. */
export function encodeTuple(keys: StoreKeys, { object, subject, condition, expires }: Tuple): Uint8Array {
  const parts: Uint8Array[] = [];
  let flags = 0;
  if (expires !== undefined) {
    flags |= EXPIRES;
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeDoubleBE(expires);
    parts.push(bytes);
  }
  if (condition !== undefined) {
    flags |= CONDITION;
    parts.push(...sized(condition.name), ...sized(canonical(condition.context, 'context')));
  }
  if (keys.isLong(object.id)) {
    flags |= OBJECT;
    parts.push(...sized(object.id));
  }
  if (keys.isLong(subject.id)) {
    flags |= SUBJECT;
    parts.push(...sized(subject.id));
  }
  return flags === 0 ? nothing : Buffer.concat([Uint8Array.of(flags), ...parts]);
}

function sized(text: string): Uint8Array[] {
  const bytes = Buffer.from(text);
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}

/** The tuple of a key (without its zone) and its value. */
export function decodeTuple(keys: StoreKeys, local: string, value: Uint8Array): Tuple {
  const parts = keys.parse(local);
  const at = new Cursor(value);
  const flags = value.length === 0 ? 0 : at.byte();
  const expires = (flags & EXPIRES) === 0 ? undefined : at.double();
  const condition = (flags & CONDITION) === 0 ? undefined : conditionOf(at.text(), at.text());
  const objectId = (flags & OBJECT) === 0 ? parts.objectId : at.text();
  const subjectId = (flags & SUBJECT) === 0 ? parts.subjectId : at.text();
  if (objectId === undefined || subjectId === undefined) throw damaged();
  const subject: SubjectRef =
    parts.subjectRelation === ''
      ? { type: parts.subjectType, id: subjectId }
      : { type: parts.subjectType, id: subjectId, relation: parts.subjectRelation };
  const key: TupleKey = {
    object: { type: parts.objectType, id: objectId },
    relation: parts.relation,
    subject,
  };
  if (flags === 0) return key;
  return {
    ...key,
    ...(condition === undefined ? {} : { condition }),
    ...(expires === undefined ? {} : { expires }),
  };
}

function conditionOf(name: string, context: string): TupleCondition {
  try {
    return { name, context: JSON.parse(context) as Record<string, unknown> };
  } catch (cause) {
    throw damaged(cause);
  }
}

/** A change holds its tuple whole, key (without its zone) and value: the tuple itself may be gone. */
export function encodeChange(kind: TupleChange['kind'], local: string, value: Uint8Array): Uint8Array {
  const record = Buffer.allocUnsafe(3 + local.length + value.length);
  record[0] = kind === 'write' ? 1 : 0;
  record.writeUInt16BE(local.length, 1);
  record.write(local, 3, 'latin1');
  record.set(value, 3 + local.length);
  return record;
}

export function decodeChange(keys: StoreKeys, key: Key, value: Uint8Array): TupleChange {
  const record = bufferOf(value);
  if (record.length < 3) throw damaged();
  const end = 3 + record.readUInt16BE(1);
  const tuple = decodeTuple(keys, record.toString('latin1', 3, end), record.subarray(end));
  return { revision: keys.revisionOf(key), kind: record[0] === 1 ? 'write' : 'delete', tuple };
}

export function encodeHead({ revision, trimmed, model }: Head): Uint8Array {
  const record = Buffer.allocUnsafe(16);
  record.writeUIntBE(revision, 0, 6);
  record.writeUIntBE(trimmed, 6, 6);
  record.writeUInt32BE(model, 12);
  return record;
}

/** A zone nobody wrote to stands at 0. */
export function decodeHead(value: Uint8Array | undefined): Head {
  if (value === undefined) return { revision: 0, trimmed: 0, model: 0 };
  if (value.length !== 16) throw damaged();
  const record = bufferOf(value);
  return {
    revision: record.readUIntBE(0, 6),
    trimmed: record.readUIntBE(6, 6),
    model: record.readUInt32BE(12),
  };
}

export function encodeModel({ revision, time, text }: StoredModel): Uint8Array {
  const head = Buffer.allocUnsafe(14);
  head.writeUIntBE(revision, 0, 6);
  head.writeDoubleBE(time, 6);
  return Buffer.concat([head, Buffer.from(text ?? '')]);
}

export function decodeModel(number: number, value: Uint8Array): StoredModel {
  if (value.length < 14) throw damaged();
  const record = bufferOf(value);
  return {
    number,
    revision: record.readUIntBE(0, 6),
    time: record.readDoubleBE(6),
    text: record.length === 14 ? undefined : record.toString('utf8', 14),
  };
}

class Cursor {
  readonly #record: Buffer;
  #at = 0;

  constructor(value: Uint8Array) {
    this.#record = bufferOf(value);
  }

  byte(): number {
    return this.#record.readUInt8(this.#take(1));
  }

  double(): number {
    return this.#record.readDoubleBE(this.#take(8));
  }

  text(): string {
    const length = this.#record.readUInt32BE(this.#take(4));
    const at = this.#take(length);
    return this.#record.toString('utf8', at, at + length);
  }

  #take(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#record.length) throw damaged();
    return at;
  }
}

function bufferOf(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.length);
}

function damaged(cause?: unknown): FsError {
  return new FsError(
    'EIO',
    'a record of stored permissions is damaged: restore the data directory from a backup',
    { cause },
  );
}
