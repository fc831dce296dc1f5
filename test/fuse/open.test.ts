/** Opening and closing: page cache, passthrough, locks that end with a file, opens that nobody waits for. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Locks } from '../../src/fuse/locks.ts';
import { opcode } from '../../src/fuse/protocol.ts';
import { MemoryFs } from './memory-fs.ts';
import { at64, frame, parse, text, u32, u64, Wire } from './wire.ts';

const DIRECT_IO = 1;
const KEEP_CACHE = 2;
const NOFLUSH = 32;
const PASSTHROUGH = 128;
const O_RDWR = 2;

let fs: MemoryFs;
let node: number;

beforeEach(async () => {
  fs = new MemoryFs();
  await using wire = await Wire.open(fs);
  node = at64((await wire.ask(opcode.mknod, {}, u32(0o100644, 0, 0, 0), text('file'))).data, 0);
});
afterEach(() => {
  fs[Symbol.dispose]();
});

async function open(wire: Wire, flags = O_RDWR): Promise<{ fh: number; flags: number; backing: number }> {
  const { error, data } = await wire.ask(opcode.open, { node }, u32(flags, 0));
  expect([error, data.length]).toEqual([0, 16]);
  return { fh: at64(data, 0), flags: data.readUInt32LE(8), backing: data.readInt32LE(12) };
}

function release(wire: Wire, fh: number, flags = 0, owner = 0): Promise<unknown> {
  return wire.ask(opcode.release, { node }, u64(fh), u32(0, flags), u64(owner));
}

function flush(wire: Wire, fh: number, owner = 0): Promise<unknown> {
  return wire.ask(opcode.flush, { node }, u64(fh), u32(0, 0), u64(owner));
}

function write(wire: Wire, fh: number, data: string): Promise<unknown> {
  return wire.ask(
    opcode.write,
    { node },
    u64(fh, 0),
    u32(data.length, 0),
    u64(0),
    u32(0, 0),
    Buffer.from(data),
  );
}

function lock(opc: number, fh: number, owner: number, type: number, flock = 0): Buffer {
  return frame(
    opc,
    { node },
    u64(fh, owner, 0, flock ? 2n ** 63n - 1n : 9n),
    u32(type, 100 + owner, flock, 0),
  );
}

describe('the page cache', () => {
  it('is kept over opens while only this kernel changes the file, and dropped when another did (FS-11)', async () => {
    await using wire = await Wire.open(fs);
    await using other = await Wire.open(fs, { via: 8 });
    const first = await open(wire);
    expect(first.flags).toBe(0);
    await write(wire, first.fh, 'own');
    await flush(wire, first.fh);
    await release(wire, first.fh);
    const second = await open(wire);
    expect(second.flags).toBe(KEEP_CACHE);
    const foreign = await open(other);
    await write(other, foreign.fh, 'foreign');
    // What is written now lies beside pages that are wrong already: it does not make them right.
    await write(wire, second.fh, 'own');
    await release(wire, second.fh);
    expect((await open(wire)).flags).toBe(0);
    expect((await open(wire)).flags).toBe(KEEP_CACHE);
  });

  it('is not kept after a truncation, which the FileSystem counts as a change', async () => {
    await using wire = await Wire.open(fs);
    await open(wire);
    const truncated = await open(wire, 1 | 0o1000);
    expect(truncated.flags).toBe(0);
  });
});

describe('passthrough', () => {
  it('registers one backing file a node and lets go of it with the last RELEASE (FS-2)', async () => {
    await using wire = await Wire.open(fs, { passthrough: true });
    const a = await open(wire);
    const b = await open(wire, 0);
    expect([a.flags, b.flags]).toEqual([PASSTHROUGH, PASSTHROUGH]);
    expect([a.backing, b.backing]).toEqual([1, 1]);
    expect(wire.device.backings.size).toBe(1);
    await release(wire, a.fh);
    expect(wire.device.backings.size).toBe(1);
    await release(wire, b.fh);
    expect(wire.device.backings.size).toBe(0);
    expect((await open(wire)).backing).toBe(2);
  });

  it('serves the file itself where the kernel refuses, and asks no more (FS-9)', async () => {
    await using wire = await Wire.open(fs, { passthrough: true });
    wire.device.backingError = -1;
    const first = await open(wire);
    expect([first.flags, first.backing]).toEqual([DIRECT_IO, 0]);
    await write(wire, first.fh, 'hello');
    const body = Buffer.concat([u64(first.fh, 0), u32(10, 0), u64(0), u32(0, 0)]);
    expect((await wire.ask(opcode.read, { node }, body)).data.toString()).toBe('hello');
    await release(wire, first.fh);
    expect((await open(wire)).flags).toBe(0);
  });

  it('asks again after a failure that passes', async () => {
    await using wire = await Wire.open(fs, { passthrough: true });
    wire.device.backingError = -24;
    const first = await open(wire);
    expect(first.flags).toBe(DIRECT_IO);
    await release(wire, first.fh);
    wire.device.backingError = undefined;
    expect((await open(wire)).flags).toBe(PASSTHROUGH);
  });

  it('is not asked for when the mount is not to use it', async () => {
    await using wire = await Wire.open(fs);
    expect((await open(wire)).flags & PASSTHROUGH).toBe(0);
  });
});

describe('opens', () => {
  it('are closed again when nobody waits for the answer any more (FS-8)', async () => {
    await using wire = await Wire.open(fs, { passthrough: true });
    wire.device.sendError = -2;
    await wire.ask(opcode.open, { node }, u32(O_RDWR, 0));
    await wire.ask(opcode.create, {}, u32(O_RDWR, 0o644, 0, 0), text('other'));
    expect(fs.seen).toEqual([`release ${node}`, `release ${node + 1}`]);
    expect([wire.session.stats().openFiles, wire.device.backings.size]).toEqual([0, 0]);
  });

  it('of a name that came meanwhile are repeated by the kernel, but for O_EXCL (FS-3, FS-11)', async () => {
    await using wire = await Wire.open(fs);
    expect((await wire.ask(opcode.create, {}, u32(O_RDWR | 0o100, 0o644, 0, 0), text('file'))).error).toBe(
      116,
    );
    expect((await wire.ask(opcode.create, {}, u32(O_RDWR | 0o300, 0o644, 0, 0), text('file'))).error).toBe(
      17,
    );
  });

  it('without a name can be linked (FS-2)', async () => {
    await using wire = await Wire.open(fs);
    const { data } = await wire.ask(opcode.tmpfile, {}, u32(O_RDWR, 0o100600, 0, 0), text('/'));
    expect([data.length, data.readUInt32LE(100), data.readUInt32LE(104)]).toEqual([144, 0o100600, 0]);
    const linked = await wire.ask(opcode.link, {}, u64(at64(data, 0)), text('named'));
    expect(linked.data.readUInt32LE(104)).toBe(1);
  });

  it('are let go of when the kernel is gone (FS-8)', async () => {
    const wire = await Wire.open(fs);
    const reader = await open(wire, 0);
    await open(wire);
    await flush(wire, reader.fh);
    expect(fs.seen).toEqual([]);
    wire.device.end('ENODEV: aborted');
    expect(await wire.session.ended).toBe('ENODEV: aborted');
    await wire.session.close();
    expect(fs.seen.sort()).toEqual([`release ${node}`, `release ${node}`]);
    expect(wire.device.closed).toBe(true);
  });
});

describe('locks through the protocol', () => {
  it('hold between mounts, are shown, and end with the descriptor (FS-2, FS-11)', async () => {
    const locks = new Locks();
    await using wire = await Wire.open(fs, { locks });
    await using other = await Wire.open(fs, { locks, via: 8 });
    const mine = await open(wire);
    const theirs = await open(other);
    expect((await wire.raw(lock(opcode.setlk, mine.fh, 1, 1))).error).toBe(0);
    // The other kernel may have numbered its owner alike.
    expect((await other.raw(lock(opcode.setlk, theirs.fh, 1, 0))).error).toBe(11);
    const { data } = await other.raw(lock(opcode.getlk, theirs.fh, 1, 0));
    expect([at64(data, 0), at64(data, 8), data.readUInt32LE(16), data.readUInt32LE(20)]).toEqual([
      0, 9, 1, 101,
    ]);
    await flush(wire, mine.fh, 2);
    expect((await other.raw(lock(opcode.setlk, theirs.fh, 1, 0))).error).toBe(11);
    await flush(wire, mine.fh, 1);
    expect((await other.raw(lock(opcode.setlk, theirs.fh, 1, 0))).error).toBe(0);
    expect((await other.raw(lock(opcode.getlk, theirs.fh, 1, 0))).data.readUInt32LE(16)).toBe(2);
  });

  it('of flock end with RELEASE (FS-2)', async () => {
    await using wire = await Wire.open(fs);
    const a = await open(wire);
    const b = await open(wire);
    expect((await wire.raw(lock(opcode.setlk, a.fh, 1, 1, 1))).error).toBe(0);
    expect((await wire.raw(lock(opcode.setlk, b.fh, 2, 0, 1))).error).toBe(11);
    await release(wire, a.fh, 2, 1);
    expect((await wire.raw(lock(opcode.setlk, b.fh, 2, 0, 1))).error).toBe(0);
  });

  it('of readers, who are not flushed, end with RELEASE; a file once locked has its readers flushed (FS-2)', async () => {
    await using wire = await Wire.open(fs);
    const reader = await open(wire, 0);
    const writer = await open(wire);
    expect(reader.flags & NOFLUSH).toBe(NOFLUSH);
    // The second descriptor could be closed first, and locks end with it.
    expect((await open(wire, 0)).flags & NOFLUSH).toBe(0);
    expect((await wire.raw(lock(opcode.setlk, reader.fh, 1, 0))).error).toBe(0);
    expect((await wire.raw(lock(opcode.setlk, writer.fh, 2, 1))).error).toBe(11);
    await release(wire, reader.fh);
    expect((await wire.raw(lock(opcode.setlk, writer.fh, 2, 1))).error).toBe(0);
    expect((await open(wire, 0)).flags & NOFLUSH).toBe(0);
  });

  it('are waited for, and INTERRUPT ends the waiting (FS-2)', async () => {
    await using wire = await Wire.open(fs);
    const a = await open(wire);
    const b = await open(wire);
    await wire.raw(lock(opcode.setlk, a.fh, 1, 1));
    const waiting = lock(opcode.setlkw, b.fh, 2, 1);
    await wire.send(waiting);
    const [reply] = await wire.device.exchange(frame(opcode.interrupt, {}, u64(waiting.readBigUInt64LE(8))));
    expect(reply && parse(reply, waiting).error).toBe(4);
    const second = lock(opcode.setlkw, b.fh, 2, 1);
    await wire.send(second);
    const replies = await wire.device.exchange(lock(opcode.setlk, a.fh, 1, 2));
    expect(replies.map((message) => message.readInt32LE(4))).toEqual([0, 0]);
    expect((await wire.raw(lock(opcode.setlk, a.fh, 1, 0))).error).toBe(11);
    expect((await wire.raw(lock(opcode.setlkw, a.fh, 2, 2))).error).toBe(0);
  });

  it('granted to a caller who has gone are given up', async () => {
    await using wire = await Wire.open(fs);
    const a = await open(wire);
    wire.device.sendError = -2;
    await wire.raw(lock(opcode.setlkw, a.fh, 1, 1));
    wire.device.sendError = undefined;
    expect((await wire.raw(lock(opcode.setlk, a.fh, 2, 1))).error).toBe(0);
  });

  it('deadlocks are refused, invalid ranges too (FS-2, FS-3)', async () => {
    await using wire = await Wire.open(fs);
    const a = await open(wire);
    const at = (opc: number, owner: number, start: bigint, end: bigint, type = 1) =>
      frame(opc, { node }, u64(a.fh, owner, start, end), u32(type, owner, 0, 0));
    await wire.raw(at(opcode.setlk, 1, 0n, 0n));
    await wire.raw(at(opcode.setlk, 2, 1n, 1n));
    await wire.send(at(opcode.setlkw, 1, 1n, 1n));
    expect((await wire.raw(at(opcode.setlkw, 2, 0n, 0n))).error).toBe(35);
    expect((await wire.raw(at(opcode.setlk, 1, 5n, 4n))).error).toBe(22);
    expect((await wire.raw(at(opcode.setlk, 1, 0n, 2n ** 63n))).error).toBe(22);
    expect((await wire.raw(at(opcode.setlk, 1, 0n, 0n, 3))).error).toBe(22);
  });

  it('of a mount that ends are gone, and its waiting requests settle (FS-8)', async () => {
    const locks = new Locks();
    const wire = await Wire.open(fs, { locks });
    const a = await open(wire);
    const b = await open(wire);
    await wire.raw(lock(opcode.setlk, a.fh, 1, 1));
    await wire.send(lock(opcode.setlkw, b.fh, 2, 1));
    await wire.session.close();
    await turn();
    expect(locks.held(node)).toBe(false);
  });
});
