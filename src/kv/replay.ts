/** Reads the journal back into memory, and tells an end torn by a power cut from damage. */
import { readFileSync, statSync, truncateSync, unlinkSync } from 'node:fs';
import { FsError } from '../base/errors.ts';
import { JournalFile, type JournalName } from './journal-file.ts';
import type { Memtable } from './memtable.ts';
import { readChanges, recordAt, recordsAfter } from './record.ts';

export interface ReplayOptions {
  /** Oldest first. */
  readonly names: readonly JournalName[];
  readonly into: Memtable;
  readonly boot: number;
  /** Keep what is readable up to damage, instead of refusing. */
  readonly repair: boolean;
}

export interface Replayed {
  /** Oldest first, open for appending. */
  readonly files: JournalFile[];
  /** Was an end cut off? Then journal and directory are to be synced before anything else. */
  readonly cut: boolean;
}

/**
 * Applies every record up to the first that is not whole. What comes after it is cut off if it can be the work of a
 * power cut or of a write that never finished; otherwise EIO.
 */
export function replay({ names, into, boot, repair }: ReplayOptions): Replayed {
  const used = dropEmpty(names);
  const good: { name: JournalName; length: number }[] = [];
  let end = used[0]?.start ?? 0;
  let cut = false;
  for (const [index, name] of used.entries()) {
    const bytes = readFileSync(name.path);
    const follows = name.start === end;
    const length = follows ? readRecords(bytes, name.salt, into) : 0;
    end += length;
    if (follows) good.push({ name, length });
    if (follows && length === bytes.length) continue;
    const later = used.slice(index + 1);
    if (!repair && provesDamage({ bytes, from: length, salt: name.salt, later, end, boot })) {
      throw follows ? damage(name.path, length) : gap(name.path);
    }
    if (follows) truncateSync(name.path, length);
    for (const { path } of follows ? later : [name, ...later]) unlinkSync(path);
    cut = true;
    break;
  }
  return { files: good.map(({ name, length }) => JournalFile.reopen(name, length)), cut };
}

/**
 * Drops files nothing was written to: beside another that begins at the same place, and at the end. An empty file with a
 * later one after it stays, for it has lost what it held.
 */
function dropEmpty(names: readonly JournalName[]): readonly JournalName[] {
  const size = ({ path }: JournalName): number => statSync(path).size;
  const used = new Map<number, JournalName>();
  for (const name of names) {
    const same = used.get(name.start);
    if (same === undefined || size(same) === 0) used.set(name.start, name);
  }
  const last = names.at(-1);
  if (last !== undefined && used.size > 1 && size(used.get(last.start) ?? last) === 0)
    used.delete(last.start);
  const kept = [...used.values()];
  for (const name of names) if (!kept.includes(name) && size(name) === 0) unlinkSync(name.path);
  return kept;
}

/** How many bytes are whole records from the beginning on. */
function readRecords(bytes: Buffer, salt: number, into: Memtable): number {
  let at = 0;
  for (let record = recordAt(bytes, 0, salt); record !== undefined; record = recordAt(bytes, at, salt)) {
    readChanges(bytes, record, (key, value) => into.set(key, value));
    at = record.end;
  }
  return at;
}

interface Rest {
  readonly bytes: Buffer;
  readonly from: number;
  readonly salt: number;
  readonly later: readonly JournalName[];
  /** Where in the whole journal its good part ends. */
  readonly end: number;
  readonly boot: number;
}

/**
 * A later record of this very boot: no power cut came between, so the bytes before it were whole when it was written.
 * A later record that knew the place to be on the disk: a power cut does not take that away.
 */
function provesDamage({ bytes, from, salt, later, end, boot }: Rest): boolean {
  for (const record of recordsAfter(bytes, from, salt)) {
    if (record.boot === boot || record.durable > end) return true;
  }
  const [next, ...rest] = later;
  if (next === undefined) return false;
  return provesDamage({ bytes: readFileSync(next.path), from: 0, salt: next.salt, later: rest, end, boot });
}

const advice = 'restore it, or run `nexus fsck --repair` to keep what comes before';

function damage(path: string, offset: number): FsError {
  return new FsError(
    'EIO',
    `the journal ${path} is damaged at byte ${offset}, with whole records after it: ${advice}`,
  );
}

function gap(path: string): FsError {
  return new FsError('EIO', `the journal lacks what came before byte 0 of ${path}: ${advice}`);
}
