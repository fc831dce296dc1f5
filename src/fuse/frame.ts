/** Builds messages in a scratch buffer, which is sent (and so copied by the kernel) before anything else is built in it: one for replies, one for notifications. */
import type { Name } from '../base/names.ts';
import type { Attr, NodeId } from '../fs/types.ts';
import { OUT_HEADER, PAGE } from './protocol.ts';

const HIGH = 0x1_0000_0000;
const SCRATCH = 32 * PAGE;

export class Frame {
  readonly bytes: Buffer;
  /** The most a payload may have. */
  readonly room: number;
  readonly #view: DataView;

  constructor(size = SCRATCH) {
    this.bytes = Buffer.alloc(size);
    this.room = size - OUT_HEADER;
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
  }

  /** The header of an answer; `error` is an errno, or 0. */
  header(length: number, error: number, unique: number): void {
    this.#view.setUint32(0, length, true);
    this.#view.setInt32(4, -error, true);
    this.#u64(8, unique);
  }

  /** The header of a notification: its code stands where an error would. */
  notification(length: number, code: number): void {
    this.#view.setUint32(0, length, true);
    this.#view.setInt32(4, code, true);
    this.#u64(8, 0);
  }

  /** Zeroes so many bytes of the payload, from `at`. */
  clear(at: number, length: number): void {
    this.bytes.fill(0, OUT_HEADER + at, OUT_HEADER + at + length);
  }

  u16(at: number, value: number): void {
    this.#view.setUint16(OUT_HEADER + at, value, true);
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(OUT_HEADER + at, value, true);
  }

  /** A safe integer; negative ones as two's complement. */
  u64(at: number, value: number): void {
    this.#u64(OUT_HEADER + at, value);
  }

  #u64(at: number, value: number): void {
    // ToUint32 of the DataView takes the low half, of negative numbers too.
    this.#view.setUint32(at, value, true);
    this.#view.setUint32(at + 4, Math.floor(value / HIGH), true);
  }

  big(at: number, value: bigint): void {
    this.#view.setBigUint64(OUT_HEADER + at, value, true);
  }

  copy(at: number, data: Uint8Array): void {
    this.bytes.set(data, OUT_HEADER + at);
  }

  /** A name and zeros after it up to `padded` bytes. */
  name(at: number, name: Name, padded: number): void {
    const start = OUT_HEADER + at;
    this.bytes.write(name, start, 'latin1');
    for (let i = start + name.length; i < start + padded; i++) this.bytes[i] = 0;
  }

  /** `struct fuse_attr`. */
  attr(at: number, attr: Attr, ino: NodeId): void {
    this.u64(at, ino);
    this.u64(at + 8, attr.size);
    this.u64(at + 16, attr.blocks);
    this.u64(at + 24, attr.atime.sec);
    this.u64(at + 32, attr.mtime.sec);
    this.u64(at + 40, attr.ctime.sec);
    this.u32(at + 48, attr.atime.nsec);
    this.u32(at + 52, attr.mtime.nsec);
    this.u32(at + 56, attr.ctime.nsec);
    this.u32(at + 60, attr.mode);
    this.u32(at + 64, attr.nlink);
    this.u32(at + 68, attr.uid);
    this.u32(at + 72, attr.gid);
    this.u32(at + 76, attr.rdev);
    this.u32(at + 80, PAGE);
    this.u32(at + 84, 0);
  }

  /** `struct fuse_entry_out` without its attributes; a node is never reused, so one generation is enough. */
  entry(at: number, node: number, entrySeconds: number, attrSeconds: number): void {
    const entryWhole = Math.floor(entrySeconds);
    const attrWhole = Math.floor(attrSeconds);
    this.u64(at, node);
    this.u64(at + 8, 1);
    this.u64(at + 16, entryWhole);
    this.u64(at + 24, attrWhole);
    this.u32(at + 32, (entrySeconds - entryWhole) * 1e9);
    this.u32(at + 36, (attrSeconds - attrWhole) * 1e9);
  }

  /** `struct fuse_dirent` but for its name. */
  dirent(at: number, ino: NodeId, offset: number, nameLength: number, type: number): void {
    this.u64(at, ino);
    this.u64(at + 8, offset);
    this.u32(at + 16, nameLength);
    this.u32(at + 20, type);
  }
}
