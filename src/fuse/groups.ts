/** Supplementary groups of callers, which the kernel does not send (but for one, on creation): read from /proc only when asked for. */
import { readFileSync } from 'node:fs';
import { EXT_GROUPS } from './protocol.ts';

const none: readonly number[] = [];

/** The groups of a thread as /proc tells them; none for one that is not there or not visible. */
function read(pid: number): readonly number[] {
  if (pid === 0) return none;
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return none;
  }
  const line = /^Groups:(.*)$/m.exec(status)?.[1] ?? '';
  return line.split(/\s+/).filter(Boolean).map(Number);
}

export class ThreadGroups {
  #pid = 0;
  #groups: () => readonly number[] = () => none;

  /** The same function again for requests of one thread in a row. */
  of(pid: number): () => readonly number[] {
    if (pid !== this.#pid) {
      this.#pid = pid;
      this.#groups = () => read(pid);
    }
    return this.#groups;
  }

  /** With what `message[start, end)` tells: the group of the directory, where the caller belongs to it (FUSE_CREATE_SUPP_GROUP). */
  withExtension(pid: number, message: Buffer, start: number, end: number): () => readonly number[] {
    const sent = sentGroups(message, start, end);
    if (sent.length === 0) return this.of(pid);
    return () => [...new Set([...sent, ...read(pid)])];
  }
}

/** Extensions are a sequence of { size u32, type u32, payload }, sizes being multiples of 8. */
function sentGroups(message: Buffer, start: number, end: number): number[] {
  const groups: number[] = [];
  let at = start;
  while (at + 12 <= end) {
    const size = message.readUInt32LE(at);
    if (size < 8 || at + size > end) break;
    if (message.readUInt32LE(at + 4) === EXT_GROUPS) {
      const count = Math.min(message.readUInt32LE(at + 8), (size - 12) >> 2);
      for (let i = 0; i < count; i++) groups.push(message.readUInt32LE(at + 12 + 4 * i));
    }
    at += (size + 7) & ~7;
  }
  return groups;
}
