/** A namespace over memory with a clock that the test moves. */
import type { Caller } from '../../src/base/caller.ts';
import { type Code, isFsError } from '../../src/base/errors.ts';
import { type Name, nameFromText } from '../../src/base/names.ts';
import type { Time } from '../../src/base/time.ts';
import { type Place, S_IFDIR, S_IFREG } from '../../src/fs/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { Namespace } from '../../src/meta/namespace.ts';
import type { Inode, Problem } from '../../src/meta/types.ts';

export const rootCaller: Caller = caller(0, 0);

export function caller(uid: number, gid: number, groups: readonly number[] = [], umask = 0): Caller {
  return { subject: `user:${uid}`, zone: 'default', uid, gid, groups, pid: 1, umask, via: 0 };
}

export class Clock {
  time: Time = { sec: 1_700_000_000, nsec: 123_456_789 };

  tick(seconds = 1): Time {
    this.time = { sec: this.time.sec + seconds, nsec: (this.time.nsec + 1) % 1_000_000_000 };
    return this.time;
  }
}

export interface Fixture {
  readonly kv: KvStore;
  readonly clock: Clock;
  readonly ns: Namespace;
}

export async function openFixture(kv: KvStore = new MemoryKv(), cachedInodes?: number): Promise<Fixture> {
  const clock = new Clock();
  const options = { kv, now: () => clock.time };
  const ns = await Namespace.open(cachedInodes === undefined ? options : { ...options, cachedInodes });
  return { kv, clock, ns };
}

export const at = (parent: number, name: string): Place => ({ parent, name: nameFromText(name) });
export const n = (name: string): Name => nameFromText(name);
export const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
export const closed = (): boolean => false;
export const open = (): boolean => true;

export function mkdir(ns: Namespace, parent: number, name: string, mode = 0o755): Promise<Inode> {
  return ns.make(rootCaller, at(parent, name), { mode: S_IFDIR | mode });
}

export function touch(ns: Namespace, parent: number, name: string, mode = 0o644): Promise<Inode> {
  return ns.make(rootCaller, at(parent, name), { mode: S_IFREG | mode });
}

/** The code of what `fn` throws, or 'ok'. */
export async function codeOf(fn: () => unknown): Promise<Code | 'ok'> {
  try {
    await fn();
    return 'ok';
  } catch (error) {
    if (isFsError(error)) return error.code;
    throw error;
  }
}

export async function inode(ns: Namespace, ino: number): Promise<Inode> {
  const found = await ns.inode(ino);
  if (found === undefined) throw new Error(`inode ${ino} is unknown`);
  return found;
}

export async function names(ns: Namespace, parent: number, page = 100): Promise<string[]> {
  const found: string[] = [];
  for (let after = 0; ; ) {
    const listed = await ns.list(parent, after, page);
    found.push(...listed.map((entry) => entry.name));
    const last = listed.at(-1);
    if (last === undefined) return found.sort();
    after = last.cookie;
  }
}

export async function problems(ns: Namespace, repair = false): Promise<Problem[]> {
  const found: Problem[] = [];
  for await (const problem of ns.check(repair)) found.push(problem);
  return found;
}
