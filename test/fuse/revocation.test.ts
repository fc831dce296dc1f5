/** What a kernel is told when rights of its mount's subject change, and what it is never given to keep. */
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FsError } from '../../src/base/errors.ts';
import { CachedNodes } from '../../src/fuse/cached-nodes.ts';
import type { ConnectionOptions } from '../../src/fuse/connection.ts';
import { opcode } from '../../src/fuse/protocol.ts';
import { S_IFDIR, S_IFLNK } from '../../src/fs/types.ts';
import type { Attr, NodeId } from '../../src/fs/types.ts';
import { MemoryFs } from './memory-fs.ts';
import { at64, frame, initFrame, kernel618, parse, text, u32, u64, Wire } from './wire.ts';

const ENOENT = 2;
const EACCES = 13;
const ENOSYS = 38;
const DIRECT_IO = 1;
const KEEP_CACHE = 2;
const long = 1e9;

let fs: MemoryFs;
let dir: NodeId;
let file: NodeId;
let link: NodeId;

beforeEach(async () => {
  fs = new MemoryFs();
  await using wire = await Wire.open(fs);
  dir = at64((await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text('dir'))).data, 0);
  file = at64((await wire.ask(opcode.mknod, {}, u32(0o100644, 0, 0, 0), text('file'))).data, 0);
  link = at64((await wire.ask(opcode.symlink, {}, text('link', 'file'))).data, 0);
});
afterEach(() => {
  fs[Symbol.dispose]();
});

/** Everything that leaves for the kernel without having been asked for, in order. */
function listen(wire: Wire): unknown[] {
  const { device } = wire;
  const told: unknown[] = [];
  const send = device.send.bind(device);
  device.send = (...parts) => {
    const head = Buffer.from(parts[0] as Uint8Array);
    if (head.readBigUInt64LE(8) === 0n) {
      expect(parts[1]).toBe(16);
      expect(head.readUInt32LE(0)).toBe(16);
      told.push(['code', head.readInt32LE(4)]);
    }
    return send(...parts);
  };
  device.notify = (message) => {
    const bytes = Buffer.from(message);
    expect([bytes.readInt32LE(4), bytes.length]).toEqual([2, 40]);
    told.push(['inode', at64(bytes, 16), at64(bytes, 24), at64(bytes, 32)]);
  };
  return told;
}

const INC_EPOCH = ['code', 8];

function lookup(wire: Wire, name: string): Promise<{ error: number; data: Buffer }> {
  return wire.ask(opcode.lookup, {}, text(name));
}

async function open(wire: Wire, node = file): Promise<{ fh: number; flags: number }> {
  const { error, data } = await wire.ask(opcode.open, { node }, u32(0, 0));
  expect(error).toBe(0);
  return { fh: at64(data, 0), flags: data.readUInt32LE(8) };
}

async function restricted(options: Partial<ConnectionOptions> = {}): Promise<Wire> {
  return Wire.open(fs, { restricted: true, ...options });
}

describe('a revocation', () => {
  it('has names asked for again, then drops what is lost: pages of open files, attributes, targets (PERM-5)', async () => {
    await using wire = await restricted();
    for (const name of ['dir', 'file', 'link']) await lookup(wire, name);
    await open(wire);
    const told = listen(wire);
    const asked: string[] = [];
    await wire.session.revoke((node, permission) => {
      asked.push(`${permission} ${node}`);
      return false;
    });
    expect(asked.sort()).toEqual([`read ${file}`, `read ${link}`, `see ${dir}`, `see ${file}`].sort());
    expect(told).toEqual([
      INC_EPOCH,
      ['inode', file, 0, 0],
      ['inode', dir, -1, 0],
      ['inode', file, -1, 0],
      ['inode', link, 0, 0],
    ]);
    // What was dropped is not dropped again, until the kernel was told of it again.
    told.length = 0;
    await lookup(wire, 'dir');
    await wire.session.revoke(() => false);
    expect(told).toEqual([INC_EPOCH, ['inode', file, 0, 0], ['inode', dir, -1, 0]]);
  });

  it('leaves what is still allowed, and lets granted names be found (PERM-5)', async () => {
    await using wire = await restricted();
    await lookup(wire, 'dir');
    await lookup(wire, 'file');
    await open(wire);
    const told = listen(wire);
    await wire.session.revoke((node, permission) => Promise.resolve(node !== file || permission === 'see'));
    expect(told).toEqual([INC_EPOCH, ['inode', file, 0, 0]]);
  });

  it('drops what nobody can decide about (PERM-5)', async () => {
    await using wire = await restricted();
    await lookup(wire, 'dir');
    await lookup(wire, 'file');
    const told = listen(wire);
    await wire.session.revoke((node) => {
      if (node === dir) throw new Error('no answer');
      return Promise.reject(new Error('no answer'));
    });
    expect(told).toEqual([INC_EPOCH, ['inode', dir, -1, 0], ['inode', file, -1, 0]]);
  });

  it("speaks of the mount's root by the kernel's number (PERM-5)", async () => {
    await using wire = await restricted({ root: dir });
    await wire.ask(opcode.getattr, {}, u32(0, 0), u64(0));
    const told = listen(wire);
    await wire.session.revoke(() => false);
    expect(told).toEqual([INC_EPOCH, ['inode', 1, -1, 0]]);
  });

  it('is over when the kernel has dropped it, however long that takes, and fails when it does not (PERM-5)', async () => {
    await using wire = await restricted();
    await lookup(wire, 'dir');
    let written: () => void = () => undefined;
    wire.device.delivered = new Promise((resolve) => {
      written = resolve;
    });
    let over = false;
    const revoked = wire.session
      .revoke(() => false)
      .then(() => {
        over = true;
      });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(over).toBe(false);
    written();
    await revoked;
    wire.device.delivered = new Promise(() => undefined);
    await expect(wire.session.revoke(() => false, 50)).rejects.toThrow(/ETIMEDOUT.*has not dropped.*--lazy/);
  });

  it('goes past a session that has ended, or has not begun', async () => {
    const wire = await restricted();
    await wire.session.close();
    await wire.session.revoke(() => false);
    await using young = new Wire(fs, { restricted: true });
    const told = listen(young);
    await young.session.revoke(() => false);
    expect(told).toEqual([]);
  });

  it('asks in slices, among other work (PERM-5)', async () => {
    await using wire = await restricted();
    let node = 1000;
    fs.lookup = async () => ({ ...(await fs.getattr({} as never, file)), node: ++node });
    for (let i = 0; i < 5000; i++) wire.device.deliver(frame(opcode.lookup, {}, text(`n${i}`)));
    await turn();
    let turns = 0;
    const count = (): void => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    let asked = 0;
    const told = listen(wire);
    await wire.session.revoke(() => ++asked > 4999);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(0);
    expect(asked).toBe(5000);
    expect(told).toHaveLength(5000);
  });
});

describe('answers on their way while something is revoked', () => {
  /** Has the next call wait until the revocation is over. */
  async function during(wire: Wire, method: 'lookup' | 'getattr' | 'open', request: Buffer): Promise<Buffer> {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const plain = (fs[method] as (...args: unknown[]) => Promise<unknown>).bind(fs);
    Object.assign(fs, {
      [method]: async (...args: unknown[]) => {
        await gate;
        return plain(...args);
      },
    });
    await wire.send(request);
    await wire.session.revoke(() => true);
    const before = wire.device.sent.length;
    go();
    for (let i = 0; wire.device.sent.length === before && i < 10; i++) await turn();
    Object.assign(fs, { [method]: plain });
    const reply = parse(wire.device.sent.at(-1) ?? Buffer.alloc(0), request);
    return reply.error === 0 ? reply.data : Buffer.from([reply.error]);
  }

  it('are not kept: neither names nor attributes (PERM-5)', async () => {
    await using wire = await restricted();
    const entry = await during(wire, 'lookup', frame(opcode.lookup, {}, text('file')));
    expect([at64(entry, 0), at64(entry, 16), at64(entry, 24)]).toEqual([file, 0, 0]);
    const attr = await during(wire, 'getattr', frame(opcode.getattr, { node: file }, u32(0, 0), u64(0)));
    expect(at64(attr, 0)).toBe(0);
    expect([...(await during(wire, 'lookup', frame(opcode.lookup, {}, text('none'))))]).toEqual([ENOENT]);
    // The next ones are.
    const { data } = await lookup(wire, 'file');
    expect([at64(data, 16), at64(data, 24)]).toEqual([long, long]);
    expect((await lookup(wire, 'none')).error).toBe(0);
  });

  it('do not keep pages of before (PERM-5)', async () => {
    await using wire = await restricted();
    await open(wire);
    expect((await open(wire)).flags & KEEP_CACHE).toBe(KEEP_CACHE);
    const opened = await during(wire, 'open', frame(opcode.open, { node: file }, u32(0, 0)));
    expect(opened.readUInt32LE(8) & KEEP_CACHE).toBe(0);
    expect((await open(wire)).flags & KEEP_CACHE).toBe(KEEP_CACHE);
  });
});

describe('a restricted mount', () => {
  it('keeps no listings, others do (PERM-5)', async () => {
    await using wire = await restricted();
    expect((await wire.ask(opcode.opendir, {}, u32(0, 0))).error).toBe(0);
    await using other = await Wire.open(fs);
    expect((await other.ask(opcode.opendir, {}, u32(0, 0))).error).toBe(ENOSYS);
  });

  it('keeps no names where the kernel cannot drop them all at once (PERM-5)', async () => {
    for (const limited of [true, false]) {
      await using wire = new Wire(fs, { restricted: limited });
      await wire.device.exchange(initFrame({ ...kernel618, minor: 43 }));
      const { data } = await lookup(wire, 'file');
      expect([at64(data, 16), at64(data, 24)]).toEqual([limited ? 0 : long, long]);
      expect((await lookup(wire, 'none')).error).toBe(limited ? ENOENT : 0);
      const told = listen(wire);
      await wire.session.revoke(() => false);
      expect(told).toEqual(limited ? [['inode', file, -1, 0]] : []);
    }
  });

  it('has its kernel keep attributes of so many nodes only (PERM-5)', () => {
    const dropped: [NodeId, number][] = [];
    const cached = new CachedNodes((node, offset) => dropped.push([node, offset]), 2);
    const attr = (node: NodeId, mode: number): Attr => ({ node, mode }) as Attr;
    cached.add(attr(1, S_IFLNK));
    cached.add(attr(2, S_IFDIR));
    cached.add(attr(1, S_IFLNK));
    expect(dropped).toEqual([]);
    cached.add(attr(3, S_IFDIR));
    cached.add(attr(4, S_IFDIR));
    expect(dropped).toEqual([
      [1, 0],
      [2, -1],
    ]);
    expect(cached.nodes('see')).toEqual([3, 4]);
    cached.drop(9);
    expect(dropped).toHaveLength(2);
  });

  it('makes room while an answer is being built, which is not harmed (PERM-5)', async () => {
    await using wire = await restricted();
    const many = Array.from({ length: 1 << 16 }, (_, i) => i + 1_000_000);
    let next = 0;
    const plain = fs.lookup.bind(fs);
    fs.lookup = async () => ({
      ...(await plain({} as never, { parent: 1, name: 'file' as never })),
      node: many[next++] ?? 0,
    });
    for (const node of many) wire.device.deliver(frame(opcode.lookup, {}, text(`n${node}`)));
    await turn();
    fs.lookup = plain;
    const told = listen(wire);
    const { data } = await lookup(wire, 'file');
    expect(told).toEqual([['inode', 1_000_000, -1, 0]]);
    expect([at64(data, 0), at64(data, 8), at64(data, 16)]).toEqual([file, 1, long]);
  });

  it('says of an open file that is not visible any more that it may not be looked at (PERM-5)', async () => {
    await using wire = await restricted();
    await open(wire);
    fs.getattr = () => Promise.reject(new FsError('ENOENT'));
    for (const [node, expected] of [
      [file, EACCES],
      [dir, ENOENT],
    ] as const) {
      expect((await wire.ask(opcode.getattr, { node }, u32(0, 0), u64(0))).error).toBe(expected);
      expect((await wire.ask(opcode.statx, { node }, u32(0, 0), u64(0), u32(0, 0))).error).toBe(expected);
    }
  });
});

describe('a mount of several users', () => {
  const subjects: Record<number, string> = { 1000: 'user:alice', 1001: 'agent:bot' };
  let wire: Wire;
  let seen: string[];
  beforeEach(async () => {
    seen = [];
    for (const method of ['lookup', 'getattr', 'open', 'readdir'] as const) {
      const plain = (fs[method] as (...args: unknown[]) => unknown).bind(fs);
      Object.assign(fs, {
        [method]: (by: { subject: string }, ...args: unknown[]) => {
          seen.push(`${method} ${by.subject}`);
          return plain(by, ...args);
        },
      });
    }
    wire = await Wire.open(fs, { subjectOf: (uid) => subjects[uid], passthrough: true });
  });
  afterEach(() => wire[Symbol.asyncDispose]());

  it('asks as whoever the user is (ID-1)', async () => {
    await wire.ask(opcode.lookup, { uid: 1000 }, text('file'));
    await wire.ask(opcode.getattr, { uid: 1001, node: file }, u32(0, 0), u64(0));
    expect(seen).toEqual(['lookup user:alice', 'getattr agent:bot']);
  });

  it('refuses everything to users it does not know, root among them (ID-1)', async () => {
    for (const uid of [0, 999]) {
      const header = { uid, node: 1 };
      const asked = [
        await wire.ask(opcode.lookup, header, text('file')),
        await wire.ask(opcode.getattr, header, u32(0, 0), u64(0)),
        await wire.ask(opcode.open, { uid, node: file }, u32(0, 0)),
        await wire.ask(opcode.opendir, header, u32(0, 0)),
        await wire.ask(opcode.statfs, header),
        await wire.ask(opcode.mkdir, header, u32(0o755, 0), text('new')),
      ];
      expect(asked.map(({ error }) => error)).toEqual(asked.map(() => EACCES));
    }
    expect(seen).toEqual([]);
  });

  it('lets anybody close what was opened (ID-1)', async () => {
    const opened = await wire.ask(opcode.open, { uid: 1000, node: file }, u32(0, 0));
    const fh = at64(opened.data, 0);
    expect((await wire.ask(opcode.flush, { uid: 5, node: file }, u64(fh), u32(0, 0), u64(0))).error).toBe(0);
    expect((await wire.ask(opcode.release, { node: file }, u64(fh), u32(0, 0), u64(0))).error).toBe(0);
    expect(fs.seen).toContain(`release ${file}`);
  });

  it('has its kernel keep nothing (ID-1)', async () => {
    const { data } = await wire.ask(opcode.lookup, { uid: 1000 }, text('file'));
    expect([at64(data, 16), at64(data, 24)]).toEqual([0, 0]);
    expect((await wire.ask(opcode.lookup, { uid: 1000 }, text('none'))).error).toBe(ENOENT);
    const attr = await wire.ask(opcode.getattr, { uid: 1000, node: file }, u32(0, 0), u64(0));
    expect(at64(attr.data, 0)).toBe(0);
    for (let i = 0; i < 2; i++) {
      const opened = await wire.ask(opcode.open, { uid: 1000, node: file }, u32(0, 0));
      expect(opened.data.readUInt32LE(8) & (DIRECT_IO | KEEP_CACHE)).toBe(DIRECT_IO);
    }
    expect((await wire.ask(opcode.opendir, { uid: 1000 }, u32(0, 0))).error).toBe(0);
    const told = listen(wire);
    await wire.session.revoke(() => false);
    expect(told).toEqual([INC_EPOCH, ['inode', file, 0, 0]]);
  });

  it('agrees on neither cached symlinks nor passthrough (ID-1)', async () => {
    const CACHE_SYMLINKS = 1 << 23;
    const PASSTHROUGH = 1 << 5;
    for (const shared of [true, false]) {
      await using other = new Wire(fs, {
        passthrough: true,
        ...(shared && { subjectOf: (uid: number) => subjects[uid] }),
      });
      const [init] = await other.device.exchange(initFrame(kernel618));
      expect(((init?.readUInt32LE(16 + 12) ?? 0) & CACHE_SYMLINKS) === 0).toBe(shared);
      expect(((init?.readUInt32LE(16 + 32) ?? 0) & PASSTHROUGH) === 0).toBe(shared);
    }
  });
});
