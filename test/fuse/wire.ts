/** Requests as the kernel writes them, and readers of the replies. Written from `fuse.h`, not from the code under test. */
import { Locks } from '../../src/fuse/locks.ts';
import { Session } from '../../src/fuse/session.ts';
import type { FileSystem } from '../../src/fs/types.ts';
import type { ConnectionOptions } from '../../src/fuse/connection.ts';
import { FakeDevice } from './fake-device.ts';

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * i);
  return bytes;
}

export function u64(...values: (number | bigint)[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 8 * i);
  return bytes;
}

export function text(...values: string[]): Buffer {
  return Buffer.from(values.map((value) => `${value}\0`).join(''), 'latin1');
}

export interface Header {
  readonly node?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly pid?: number;
  readonly extension?: Buffer;
}

let unique = 0;

export function frame(opcode: number, header: Header, ...body: Uint8Array[]): Buffer {
  const extension = header.extension ?? Buffer.alloc(0);
  const payload = Buffer.concat([...body, extension]);
  const head = Buffer.alloc(40);
  head.writeUInt32LE(40 + payload.length, 0);
  head.writeUInt32LE(opcode, 4);
  head.writeBigUInt64LE(BigInt((unique += 2)), 8);
  head.writeBigUInt64LE(BigInt(header.node ?? 1), 16);
  head.writeUInt32LE(header.uid ?? 0, 24);
  head.writeUInt32LE(header.gid ?? 0, 28);
  head.writeUInt32LE(header.pid ?? 0, 32);
  head.writeUInt16LE(extension.length / 8, 36);
  return Buffer.concat([head, payload]);
}

export interface Reply {
  /** 0 or a positive errno. */
  readonly error: number;
  readonly data: Buffer;
}

/** What every kernel of interest sends in INIT. */
export const kernel618 = { minor: 45, flags: 0xffff_ffff, flags2: 0xffff_ffff };

export function initFrame(offer: { minor: number; flags: number; flags2?: number; major?: number }): Buffer {
  const { minor, flags, flags2, major = 7 } = offer;
  const long = flags2 === undefined ? [] : [u32(flags2), Buffer.alloc(44)];
  return frame(26, { node: 0 }, u32(major, minor, 131072, flags), ...long);
}

/** A session over a FileSystem, driven by frames. */
export class Wire implements AsyncDisposable {
  readonly device = new FakeDevice();
  readonly session: Session;
  readonly log: string[] = [];
  readonly ready: Promise<void>;

  constructor(fs: FileSystem, options: Partial<ConnectionOptions> = {}) {
    this.session = new Session({
      fs,
      device: this.device,
      locks: new Locks(),
      via: 7,
      subject: 'user:test',
      zone: 'default',
      root: 1,
      timeouts: { entry: 1e9, attr: 1e9, negative: 1e9 },
      passthrough: false,
      cacheDirectories: true,
      writtenElsewhere: () => false,
      log: (line) => this.log.push(line),
      ...options,
    });
    this.ready = this.session.start();
    this.ready.catch(() => undefined);
  }

  static async open(fs: FileSystem, options: Partial<ConnectionOptions> = {}): Promise<Wire> {
    const wire = new Wire(fs, options);
    await wire.device.exchange(initFrame(kernel618));
    await wire.ready;
    return wire;
  }

  /** One request, one reply, whose header is checked. */
  async ask(opcode: number, header: Header, ...body: Uint8Array[]): Promise<Reply> {
    return this.raw(frame(opcode, header, ...body));
  }

  async raw(request: Buffer): Promise<Reply> {
    const replies = await this.device.exchange(request);
    const [reply] = replies;
    if (replies.length !== 1 || !reply) throw new Error(`${replies.length} replies`);
    return parse(reply, request);
  }

  /** A request that must have no reply yet. */
  async send(request: Buffer): Promise<void> {
    const replies = await this.device.exchange(request);
    if (replies.length > 0) throw new Error('a reply too early');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.close();
  }
}

export function parse(reply: Buffer, request: Buffer): Reply {
  if (reply.readUInt32LE(0) !== reply.length)
    throw new Error(`length ${reply.readUInt32LE(0)} of ${reply.length}`);
  if (reply.readBigUInt64LE(8) !== request.readBigUInt64LE(8)) throw new Error('reply to another request');
  const error = -reply.readInt32LE(4);
  if (error !== 0 && reply.length !== 16) throw new Error('an error with a payload');
  return { error: error === 0 ? 0 : error, data: reply.subarray(16) };
}

export function at64(data: Buffer, at: number): number {
  return Number(data.readBigInt64LE(at));
}
