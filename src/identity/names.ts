/** Which names entities may have: texts that are unambiguous in `type:name`, `zone/name` and `group:name#member`. */
import { FsError } from '../base/errors.ts';
import type { EntityKind } from './types.ts';

/** Most bytes of a name in UTF-8. */
const LONGEST = 256;

/** Throws EINVAL that says what is wrong with the name, and where. */
export function checkName(kind: EntityKind, name: string): void {
  const wrong = problemOf(name);
  if (wrong !== undefined) throw new FsError('EINVAL', `the ${kind} name ${shown(name)} ${wrong}`);
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'is empty';
  const bytes = Buffer.byteLength(name);
  if (bytes > LONGEST) return `has ${bytes} bytes: at most ${LONGEST} are allowed`;
  if (name === '*') return 'means everybody: choose another one';
  if (name === '.' || name === '..') return 'means a directory: choose another one';
  const odd = /[\s\p{Cc}\p{Cs}\p{Zl}\p{Zp}/:#]/u.exec(name);
  if (odd === null) return undefined;
  return `contains ${characterOf(odd[0])} at ${odd.index}: no blanks, control characters, "/", ":" or "#"`;
}

function characterOf(text: string): string {
  if (/^[/:#]$/.test(text)) return `"${text}"`;
  return `U+${(text.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A name in a message. */
export function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}…` : name);
}
