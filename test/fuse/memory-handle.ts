/** An open file of `MemoryFs`. */
import { fstatSync, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import type { Caller } from '../../src/base/caller.ts';
import { FsError } from '../../src/base/errors.ts';
import type { Name } from '../../src/base/names.ts';
import type { Time } from '../../src/base/time.ts';
import { timeFromMs } from '../../src/base/time.ts';
import type { FileHandle, NodeId, OpenFlags } from '../../src/fs/types.ts';

export interface Node {
  readonly id: NodeId;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  times: Record<'atime' | 'mtime' | 'ctime' | 'btime', Time>;
  parent: NodeId;
  owner: string | undefined;
  readonly entries: Map<Name, { readonly node: NodeId; readonly cookie: number }>;
  readonly xattrs: Map<Name, Uint8Array>;
  target: Uint8Array;
  /** Host file of the content, -1 for what has none. */
  fd: number;
  stamp: number;
  opens: number;
  io: FileHandle['io'];
}

export const now = (): Time => timeFromMs(Date.now());

export class MemoryHandle implements FileHandle {
  readonly node: NodeId;
  readonly flags: OpenFlags;
  readonly io: FileHandle['io'];
  readonly backing: number | undefined;
  readonly #of: Node;
  readonly #seen: string[];
  readonly #released: () => void;

  constructor(of: Node, flags: OpenFlags, seen: string[], released: () => void) {
    this.node = of.id;
    this.flags = flags;
    this.io = of.io;
    this.backing = of.io === 'backing' ? of.fd : undefined;
    this.#of = of;
    this.#seen = seen;
    this.#released = released;
  }

  get size(): number {
    return fstatSync(this.#of.fd).size;
  }

  get stamp(): number {
    return this.#of.stamp;
  }

  async read(_: Caller, into: Uint8Array, offset: number): Promise<number> {
    return readSync(this.#of.fd, into, 0, into.length, offset);
  }

  async write(_: Caller, data: Uint8Array, offset: number): Promise<number> {
    await Promise.resolve();
    const at = this.flags.append === true ? fstatSync(this.#of.fd).size : offset;
    this.#of.stamp++;
    this.#of.times.mtime = this.#of.times.ctime = now();
    return writeSync(this.#of.fd, data, 0, data.length, at);
  }

  async flush(): Promise<void> {
    this.#seen.push(`flush ${this.node}`);
  }

  flushSoon(): Promise<void> {
    return this.flush();
  }

  async fsync(_: Caller, dataOnly: boolean): Promise<void> {
    this.#seen.push(`fsync ${this.node} ${dataOnly}`);
    fsyncSync(this.#of.fd);
  }

  async release(): Promise<void> {
    this.#seen.push(`release ${this.node}`);
    this.#released();
  }

  async allocate(_: Caller, mode: number, offset: number, length: number): Promise<void> {
    if (mode !== 0) throw new FsError('EOPNOTSUPP');
    this.#of.stamp++;
    if (fstatSync(this.#of.fd).size < offset + length) ftruncateSync(this.#of.fd, offset + length);
  }

  async seek(_: Caller, offset: number, whence: 'data' | 'hole'): Promise<number> {
    const { size } = fstatSync(this.#of.fd);
    if (offset >= size) throw new FsError('ENXIO');
    return whence === 'data' ? offset : size;
  }

  async copyRange(
    caller: Caller,
    offset: number,
    to: FileHandle,
    toOffset: number,
    length: number,
  ): Promise<number> {
    const data = Buffer.alloc(Math.min(length, Math.max(0, fstatSync(this.#of.fd).size - offset)));
    readSync(this.#of.fd, data, 0, data.length, offset);
    return to.write(caller, data, toOffset);
  }
}
