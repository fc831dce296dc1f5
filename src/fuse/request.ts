/** One request of the kernel: the fields of its header, readers for its body, and the caller that the FileSystem is given. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import type { NodeId } from '../fs/types.ts';
import type { ThreadGroups } from './groups.ts';
import { IN_HEADER, NAME_MAX, ROOT_ID } from './protocol.ts';

const HIGH = 0x1_0000_0000;
const SLASH = 0x2f;

/** What all requests of a mount have in common. */
export interface Edge {
  readonly subject: string;
  readonly zone: string;
  /** The id of the mount. */
  readonly via: number;
  /** The node that is the mount's root. */
  readonly root: NodeId;
  readonly groups: ThreadGroups;
  /** Where a mount serves several subjects: whose the requests of a user id are. */
  readonly subjectOf: ((uid: number) => string | undefined) | undefined;
  /** Moves with every revocation: what was asked before must not be kept by the kernel. */
  generation: number;
  /** Requests that somebody waits for in a way that INTERRUPT can end, by their unique number. */
  readonly interrupts: Map<number, AbortController>;
}

/**
 * Is its own `Caller`, which spares an object a request. The readers take offsets from the end of the header. The message is lent: they
 * may be called only until the first await of a handler, unless it kept the message.
 */
export class Request implements Caller {
  readonly subject: string;
  readonly zone: string;
  readonly via: number;
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  readonly groups: () => readonly number[];
  /** The kernel has masked modes already (DONT_MASK is not asked for). */
  readonly umask = 0;

  readonly message: Buffer;
  readonly opcode: number;
  /** The kernel's numbers go up by two from zero: no more than 2**53 are ever used. */
  readonly unique: number;
  readonly node: NodeId;
  /** Where the body ends: extensions and what is beyond the message are left out. */
  readonly end: number;
  /** `performance.now()` when it arrived. */
  readonly started: number;
  /** `Edge.generation` when it arrived. */
  readonly generation: number;
  /** Where the last name read by `name` ended, its NUL included. */
  next = 0;
  replied = false;
  readonly #edge: Edge;
  #abort: AbortController | undefined;

  constructor(edge: Edge, message: Buffer, length: number, started: number) {
    this.#edge = edge;
    this.generation = edge.generation;
    this.zone = edge.zone;
    this.via = edge.via;
    this.message = message;
    this.started = started;
    this.opcode = message.readUInt32LE(4);
    this.unique = message.readUInt32LE(8) + message.readUInt32LE(12) * HIGH;
    const node = message.readUInt32LE(16) + message.readUInt32LE(20) * HIGH;
    this.node = node === ROOT_ID ? edge.root : node;
    this.uid = message.readUInt32LE(24);
    this.subject = edge.subjectOf?.(this.uid) ?? edge.subject;
    this.gid = message.readUInt32LE(28);
    this.pid = message.readUInt32LE(32);
    const extensions = message.readUInt16LE(36) * 8;
    this.end = length - extensions;
    this.groups =
      extensions > 0 && this.end >= IN_HEADER
        ? edge.groups.withExtension(this.pid, message, this.end, length)
        : edge.groups.of(this.pid);
  }

  /** Aborted by INTERRUPT. Made only when somebody looks: most requests are answered before anybody could interrupt them. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (!this.replied) this.#edge.interrupts.set(this.unique, this.#abort);
    }
    return this.#abort.signal;
  }

  get interrupted(): boolean {
    return this.#abort?.signal.aborted === true;
  }

  /** It has been answered: nobody can interrupt it any more. */
  finish(): void {
    this.replied = true;
    if (this.#abort) this.#edge.interrupts.delete(this.unique);
  }

  /** Bytes of the body after the header. */
  get bodyLength(): number {
    return this.end - IN_HEADER;
  }

  u32(at: number): number {
    return this.message.readUInt32LE(IN_HEADER + at);
  }

  /** As a double: exact up to 2**53, which is all that handles, nodes and cookies of ours reach. */
  u64(at: number): number {
    return this.message.readUInt32LE(IN_HEADER + at) + this.message.readUInt32LE(IN_HEADER + at + 4) * HIGH;
  }

  /** Signed seconds. */
  i64(at: number): number {
    return this.message.readUInt32LE(IN_HEADER + at) + this.message.readInt32LE(IN_HEADER + at + 4) * HIGH;
  }

  /** Exact 64 bits, for the ranges of locks. */
  big(at: number): bigint {
    return this.message.readBigUInt64LE(IN_HEADER + at);
  }

  nodeAt(at: number): NodeId {
    const node = this.u64(at);
    return node === ROOT_ID ? this.#edge.root : node;
  }

  /** A position in a file, which the kernel allows up to 2**63 - 1: EFBIG past the safe integers. */
  offset(at: number): number {
    const offset = this.u64(at);
    if (offset > Number.MAX_SAFE_INTEGER) throw new FsError('EFBIG', 'an offset beyond 2**53');
    return offset;
  }

  /** `length` bytes of the lent message: not a copy. */
  bytes(at: number, length: number): Buffer {
    const start = IN_HEADER + at;
    if (start + length > this.end) throw new FsError('EINVAL', 'a request shorter than it says');
    return this.message.subarray(start, start + length);
  }

  /** The name of an entry: the kernel itself lets longer ones through. `.` and `..` are only for LOOKUP, which takes `allowDots`. */
  name(at: number, allowDots = false): Name {
    const name = this.#text(at, true);
    if (!allowDots && (name === '.' || name === '..'))
      throw new FsError('EINVAL', '`.` or `..` as a new name');
    return name;
  }

  /** The name of an extended attribute, which may hold slashes. */
  attributeName(at: number): Name {
    return this.#text(at, false);
  }

  /** The bytes up to the next NUL, copied. */
  text(at: number): Buffer {
    const start = IN_HEADER + at;
    const stop = this.#stop(start, false);
    return Buffer.from(this.message.subarray(start, stop));
  }

  #text(at: number, ofEntry: boolean): Name {
    const start = IN_HEADER + at;
    const stop = this.#stop(start, ofEntry);
    if (stop === start) throw new FsError('EINVAL', 'an empty name');
    if (stop - start > NAME_MAX) throw new FsError('ENAMETOOLONG', `a name of ${stop - start} bytes`);
    return this.message.toString('latin1', start, stop) as Name;
  }

  #stop(start: number, ofEntry: boolean): number {
    const { message, end } = this;
    for (let i = start; i < end; i++) {
      const byte = message[i];
      if (byte === 0) {
        this.next = i + 1 - IN_HEADER;
        return i;
      }
      if (byte === SLASH && ofEntry) throw new FsError('EINVAL', 'a slash in a name');
    }
    throw new FsError('EINVAL', 'a name without its NUL');
  }
}
