/**
 * Records of entities. A key is `u`, the length of the zone's name in two bytes and the name, then
 *
 *     Z            the zone itself, read before what is in it
 *     u name       user
 *     a name       agent
 *     g name       group
 *     d kind name  one that is deleted, as long as somebody may not have dealt with it; kind is a letter of the above
 *
 * and the value JSON of what the key does not say.
 */
import { FsError } from '../base/errors.ts';
import type { Key } from '../kv/types.ts';
import { ceilings, type Entity, type EntityKind } from './types.ts';

const letters: Readonly<Record<EntityKind, string>> = { zone: 'Z', user: 'u', group: 'g', agent: 'a' };

/** Every key of the registry. */
export const everything = { from: 'u', to: 'v' };

type Id = Pick<Entity, 'kind' | 'zone' | 'name'>;

export function entityKey({ kind, zone, name }: Id): Key {
  return zonePrefix(zone) + letters[kind] + (kind === 'zone' ? '' : bytesOf(name));
}

/** The key under which a deleted entity waits until everybody knows. */
export function leavingKey({ kind, zone, name }: Id): Key {
  return `${zonePrefix(zone)}d${letters[kind]}${bytesOf(name)}`;
}

export function encodeEntity(entity: Entity): Uint8Array {
  const { created } = entity;
  if (entity.kind !== 'agent') return Buffer.from(JSON.stringify({ created }));
  return Buffer.from(JSON.stringify({ created, user: entity.user, ceiling: entity.ceiling }));
}

/** The entity of a key and its value; `leaving` when it is a deleted one. EIO for what `encodeEntity` did not write. */
export function decodeEntity(key: Key, value: Uint8Array): { entity: Entity; leaving: boolean } {
  const end = 3 + ((key.charCodeAt(1) << 8) | key.charCodeAt(2));
  const zone = textOf(key.slice(3, end));
  const leaving = key[end] === 'd';
  const at = leaving ? end + 1 : end;
  const name = textOf(key.slice(at + 1));
  const kind = (Object.keys(letters) as EntityKind[]).find((one) => letters[one] === key[at]);
  const fields = fieldsOf(value);
  const created = fields['created'];
  if (kind === undefined || typeof created !== 'number') throw damaged();
  if (kind === 'zone') return { entity: { kind, zone, name: zone, created }, leaving };
  if (kind !== 'agent') return { entity: { kind, zone, name, created }, leaving };
  const user = fields['user'];
  if (typeof user !== 'string') throw damaged();
  const ceiling = ceilings.find((one) => one === fields['ceiling']);
  // A ceiling that cannot be read must not become none at all.
  if (ceiling === undefined && fields['ceiling'] !== undefined) throw damaged();
  const agent = { kind, zone, name, created, user };
  return { entity: ceiling === undefined ? agent : { ...agent, ceiling }, leaving };
}

function fieldsOf(value: Uint8Array): Record<string, unknown> {
  try {
    const fields: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    if (typeof fields === 'object' && fields !== null) return fields as Record<string, unknown>;
  } catch (cause) {
    throw damaged(cause);
  }
  throw damaged();
}

function zonePrefix(zone: string): Key {
  const bytes = bytesOf(zone);
  return `u${String.fromCharCode(bytes.length >>> 8, bytes.length & 255)}${bytes}`;
}

/** UTF-8, a char a byte: what keys are made of, and the order of lists. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function damaged(cause?: unknown): FsError {
  return new FsError(
    'EIO',
    'a record of a user, agent, group or zone is damaged: restore the data directory from a backup',
    {
      cause,
    },
  );
}
