/** Types of condition parameters, and how a JSON value becomes one of CEL. */
import { evaluate } from '@marcbachmann/cel-js';
import { addressOf } from './ip-address.ts';
import { quoted } from './refs.ts';

/** A declared type: how OpenFGA calls it, how CEL does, and of what for containers. */
export interface ParameterType {
  readonly name: Scalar | 'list' | 'map';
  readonly cel: string;
  readonly of?: ParameterType;
}

type Scalar = keyof typeof scalars;

const scalars = {
  bool: 'bool',
  string: 'string',
  int: 'int',
  uint: 'uint',
  double: 'double',
  duration: 'google.protobuf.Duration',
  timestamp: 'google.protobuf.Timestamp',
  ipaddress: 'ipaddress',
  any: 'dyn',
} as const;

const container = /^(list|map)<\s*([a-z]+)\s*>$/;

/** The type a declaration like `list<string>` means; undefined for none. */
export function parameterType(text: string): ParameterType | undefined {
  if (isScalar(text)) return { name: text, cel: scalars[text] };
  const [, name, inner] = container.exec(text) ?? [];
  if ((name !== 'list' && name !== 'map') || inner === undefined || !isScalar(inner)) return undefined;
  const of: ParameterType = { name: inner, cel: scalars[inner] };
  return { name, cel: name === 'list' ? `list<${of.cel}>` : `map<string, ${of.cel}>`, of };
}

function isScalar(text: string): text is Scalar {
  return Object.hasOwn(scalars, text);
}

/** The value CEL works with. Throws TypeError that says what is wrong with it. */
export function coerce(type: ParameterType, value: unknown): unknown {
  switch (type.name) {
    case 'string':
      return expected(typeof value === 'string', 'string', value);
    case 'bool':
      return expected(typeof value === 'boolean', 'bool', value);
    case 'int':
      return integer(value, 'int', -(2n ** 63n), 2n ** 63n - 1n);
    case 'uint':
      return unsigned(integer(value, 'uint', 0n, 2n ** 64n - 1n));
    case 'double':
      return double(value);
    case 'duration':
      return duration(value);
    case 'timestamp':
      return timestamp(value);
    case 'ipaddress':
      if (typeof value !== 'string') throw wrong('ipaddress', value);
      return addressOf(value);
    case 'any':
      return plain(value);
    case 'list':
      return list(type, value);
    case 'map':
      return map(type, value);
  }
}

function list(type: ParameterType, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw wrong('list', value);
  const { of } = type;
  return value.map((item: unknown) => (of === undefined ? plain(item) : coerce(of, item)));
}

/** A Map, not an object: a key may be `constructor`. */
function map(type: ParameterType, value: unknown): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('map', value);
  const { of } = type;
  return new Map(
    Object.entries(value).map(([key, item]) => [key, of === undefined ? plain(item) : coerce(of, item)]),
  );
}

/** JSON as it is: its numbers are doubles. */
function plain(value: unknown): unknown {
  if (value === null || ['string', 'boolean', 'number', 'bigint'].includes(typeof value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object')
    return new Map(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  throw wrong('JSON value', value);
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Numbers come as numbers or, where JSON's are too short, as strings. */
function integer(value: unknown, name: string, low: bigint, high: bigint): bigint {
  let whole: bigint;
  if (typeof value === 'bigint') whole = value;
  else if (typeof value === 'number') {
    if (!Number.isInteger(value)) throw wrong(name, value);
    whole = BigInt(value);
  } else if (typeof value === 'string' && /^[+-]?\d{1,30}$/.test(value))
    whole = BigInt(value.replace(/^\+/, ''));
  else if (typeof value === 'string' && decimal.test(value) && Number.isSafeInteger(Number(value))) {
    whole = BigInt(Number(value));
  } else throw wrong(name, value);
  if (whole < low || whole > high) throw wrong(name, value);
  return whole;
}

function unsigned(value: bigint): unknown {
  return evaluate(`${value}u`);
}

function double(value: unknown): number {
  const number = typeof value === 'string' && decimal.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) throw wrong('double', value);
  return number;
}

const durations = /^[+-]?(0|(\d+(\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)([\d.]+(h|ms|m|s|us|µs|ns))*)$/;

function duration(value: unknown): unknown {
  if (typeof value !== 'string' || value.length > 64 || !durations.test(value))
    throw wrong('duration', value);
  return evaluate('duration(text)', { text: value });
}

const moments = /^\d{4}-\d{2}-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;

function timestamp(value: unknown): Date {
  const [text, day] = typeof value === 'string' ? (moments.exec(value) ?? []) : [];
  if (text === undefined) throw wrong('timestamp', value);
  const date = new Date(text);
  // The 30th of February would become the 2nd of March.
  if (
    Number.isNaN(date.getTime()) ||
    new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() !== Number(day)
  ) {
    throw wrong('timestamp', value);
  }
  return date;
}

function expected<T>(fits: boolean, name: string, value: T): T {
  if (!fits) throw wrong(name, value);
  return value;
}

function wrong(name: string, value: unknown): TypeError {
  const shown =
    typeof value === 'string'
      ? quoted(value)
      : value === null
        ? 'null'
        : Array.isArray(value)
          ? 'a list'
          : kind(value);
  return new TypeError(`must be of type ${name}, not ${shown}`);
}

function kind(value: unknown): string {
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a ${typeof value}`;
}
