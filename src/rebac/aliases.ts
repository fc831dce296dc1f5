/** Other names people use for the relations of the shipped model. */
import type { Model } from './types.ts';

const aliases: Readonly<Record<string, string>> = {
  reader: 'viewer',
  writer: 'editor',
  read: 'can_read',
  write: 'can_write',
  execute: 'can_execute',
  own: 'can_own',
  'member-of': 'member',
};

/** The relation a name means on a type: itself where the model has it, else what it is another name of; undefined for neither. */
export function relationNamed(model: Model, type: string, name: string): string | undefined {
  const relations = model.types.get(type);
  if (relations === undefined) return undefined;
  if (relations.has(name)) return name;
  const other = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
  return other !== undefined && relations.has(other) ? other : undefined;
}
