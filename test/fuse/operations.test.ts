/** Every operation as bytes: requests as the kernel writes them, replies as it reads them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FsError } from '../../src/base/errors.ts';
import { ThreadGroups } from '../../src/fuse/groups.ts';
import { opcode } from '../../src/fuse/protocol.ts';
import { operations } from '../../src/fuse/table.ts';
import { MemoryFs } from './memory-fs.ts';
import { at64, frame, text, u32, u64, Wire } from './wire.ts';

const ENOENT = 2;
const EIO = 5;
const EBADF = 9;
const EEXIST = 17;
const EINVAL = 22;
const ENOTTY = 25;
const EFBIG = 27;
const ERANGE = 34;
const ENAMETOOLONG = 36;
const ENOSYS = 38;
const ENODATA = 61;
const EOPNOTSUPP = 95;
const ESTALE = 116;
const FILE = 0o100644;

let fs: MemoryFs;
let wire: Wire;

beforeEach(async () => {
  fs = new MemoryFs();
  wire = await Wire.open(fs);
});
afterEach(async () => {
  await wire[Symbol.asyncDispose]();
  fs[Symbol.dispose]();
  expect(wire.log).toEqual([]);
  expect(wire.device.kept.size).toBe(0);
});

/** Makes and opens a file: its node and number. */
async function created(name: string, flags = 2): Promise<{ node: number; fh: number }> {
  const { error, data } = await wire.ask(
    opcode.create,
    { uid: 3, gid: 4 },
    u32(flags, FILE, 0, 0),
    text(name),
  );
  expect(error).toBe(0);
  expect(data.length).toBe(144);
  return { node: at64(data, 0), fh: at64(data, 128) };
}

const readIn = (fh: number, offset: number | bigint, size: number): Buffer =>
  Buffer.concat([u64(fh, offset), u32(size, 0), u64(0), u32(0, 0)]);
const writeIn = (fh: number, offset: number | bigint, data: string, flags = 0): Buffer =>
  Buffer.concat([u64(fh, offset), u32(data.length, flags), u64(0), u32(0, 0), Buffer.from(data)]);

describe('names', () => {
  it('answers LOOKUP with an entry, every field in its place (FS-2)', async () => {
    const made = await wire.ask(
      opcode.mknod,
      { uid: 3, gid: 4 },
      u32(0o020640, 0x12345678, 0, 0),
      text('dev'),
    );
    const { data } = await wire.ask(opcode.lookup, {}, text('dev'));
    expect(data).toEqual(made.data);
    expect(data.length).toBe(128);
    expect([0, 8, 16, 24].map((at) => at64(data, at))).toEqual([2, 1, 1e9, 1e9]);
    expect([32, 36].map((at) => data.readUInt32LE(at))).toEqual([0, 0]);
    expect([40, 48, 56].map((at) => at64(data, at))).toEqual([2, 0, 0]);
    expect([100, 104, 108, 112, 116, 120].map((at) => data.readUInt32LE(at))).toEqual([
      0o020640, 1, 3, 4, 0x12345678, 4096,
    ]);
  });

  it('says that a name is absent in a way the kernel can remember, or not (FS-3)', async () => {
    const { error, data } = await wire.ask(opcode.lookup, {}, text('absent'));
    expect([error, at64(data, 0), at64(data, 16)]).toEqual([0, 0, 1e9]);
    await using forgetful = await Wire.open(fs, { timeouts: { entry: 0.5, attr: 1.25, negative: 0 } });
    expect((await forgetful.ask(opcode.lookup, {}, text('absent'))).error).toBe(ENOENT);
    await forgetful.ask(opcode.mkdir, {}, u32(0o755, 0), text('dir'));
    const entry = (await forgetful.ask(opcode.lookup, {}, text('dir'))).data;
    expect([at64(entry, 16), entry.readUInt32LE(32)]).toEqual([0, 500_000_000]);
    expect([at64(entry, 24), entry.readUInt32LE(36)]).toEqual([1, 250_000_000]);
  });

  it('finds nodes by number for whoever exports the tree (FS-2)', async () => {
    const dir = at64((await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text('dir'))).data, 0);
    const inner = at64((await wire.ask(opcode.mkdir, { node: dir }, u32(0o755, 0), text('in'))).data, 0);
    const ask = async (node: number, name: string) =>
      at64((await wire.ask(opcode.lookup, { node }, text(name))).data, 0);
    expect(await ask(inner, '.')).toBe(inner);
    expect(await ask(inner, '..')).toBe(dir);
    expect(await ask(1, '..')).toBe(1);
    expect((await wire.ask(opcode.lookup, { node: 999 }, text('.'))).error).toBe(ESTALE);
  });

  it("maps the kernel's root to the node it was told (MT-1)", async () => {
    const dir = at64((await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text('dir'))).data, 0);
    await using sub = await Wire.open(fs, { root: dir });
    await sub.ask(opcode.mkdir, {}, u32(0o755, 0), text('inner'));
    const inner = at64((await wire.ask(opcode.lookup, { node: dir }, text('inner'))).data, 0);
    expect(at64((await sub.ask(opcode.lookup, { node: inner }, text('..'))).data, 0)).toBe(1);
    expect(at64((await sub.ask(opcode.getattr, {}, u32(0, 0), u64(0))).data, 16)).toBe(dir);
    const renamed = await sub.ask(opcode.rename, { node: inner }, u64(1), text('x', 'y'));
    expect(renamed.error).toBe(ENOENT);
  });

  it('keeps names as bytes, up to 255 of them (FS-6, FS-3)', async () => {
    const name = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1))
      .join('')
      .replace('/', 'x');
    expect((await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text(name))).error).toBe(0);
    expect(at64((await wire.ask(opcode.lookup, {}, text(name))).data, 0)).toBe(2);
    expect((await wire.ask(opcode.lookup, {}, text(`${name}x`))).error).toBe(ENAMETOOLONG);
    expect((await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text(`${name}x`))).error).toBe(ENAMETOOLONG);
    for (const bad of ['', '.', '..', 'a/b']) {
      expect((await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text(bad))).error).toBe(EINVAL);
    }
    expect((await wire.ask(opcode.mkdir, {}, u32(0o755, 0), Buffer.from('no nul'))).error).toBe(EINVAL);
  });

  it('makes symlinks and hard links, and removes names (FS-2)', async () => {
    const { data } = await wire.ask(opcode.symlink, {}, text('link', 'some/../target'));
    const node = at64(data, 0);
    expect(data.readUInt32LE(100)).toBe(0o120777);
    expect((await wire.ask(opcode.readlink, { node })).data.toString()).toBe('some/../target');
    const linked = await wire.ask(opcode.link, {}, u64(node), text('second'));
    expect([at64(linked.data, 0), linked.data.readUInt32LE(104)]).toEqual([node, 2]);
    expect((await wire.ask(opcode.link, {}, u64(node), text('second'))).error).toBe(EEXIST);
    expect((await wire.ask(opcode.unlink, {}, text('second'))).error).toBe(0);
    expect((await wire.ask(opcode.rmdir, {}, text('link'))).error).toBe(20);
    expect((await wire.ask(opcode.unlink, {}, text('absent'))).error).toBe(ENOENT);
  });

  it('renames with flags, and refuses those it does not know (FS-2, FS-3)', async () => {
    const node = async (name: string) => at64((await wire.ask(opcode.lookup, {}, text(name))).data, 0);
    const flagged = (flags: number, ...names: string[]) =>
      wire.ask(opcode.rename2, {}, u64(1), u32(flags, 0), text(...names));
    for (const name of ['a', 'b']) await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text(name));
    expect((await wire.ask(opcode.rename, {}, u64(1), text('a', 'c'))).error).toBe(0);
    expect([await node('a'), await node('c')]).toEqual([0, 2]);
    expect((await flagged(1, 'c', 'b')).error).toBe(EEXIST);
    expect((await flagged(2, 'c', 'b')).error).toBe(0);
    expect([await node('b'), await node('c')]).toEqual([2, 3]);
    expect((await flagged(4, 'c', 'd')).error).toBe(EINVAL);
    expect((await flagged(0, 'c', 'd')).error).toBe(0);
    expect(await node('d')).toBe(3);
  });
});

describe('attributes', () => {
  it('sets what is valid and leaves the rest (FS-2)', async () => {
    const { node, fh } = await created('file');
    const setattr = (
      valid: number,
      more: { size?: number | bigint; atime?: number; nsec?: number; mode?: number } = {},
    ) =>
      wire.ask(
        opcode.setattr,
        { node },
        u32(valid, 0),
        u64(fh, more.size ?? 0, 0, more.atime ?? 0, 99, 0),
        u32(more.nsec ?? 0, 5, 0, more.mode ?? 0, 0, 71, 72, 0),
      );
    const sized = (await setattr(1 << 3, { size: 12345 })).data;
    expect(sized.length).toBe(104);
    expect([at64(sized, 0), at64(sized, 16), at64(sized, 24), sized.readUInt32LE(76)]).toEqual([
      1e9,
      node,
      12345,
      FILE,
    ]);
    const owned = (await setattr(0b110)).data;
    expect([owned.readUInt32LE(84), owned.readUInt32LE(88)]).toEqual([71, 72]);
    const timed = (await setattr((1 << 4) | (1 << 5), { atime: -7, nsec: 999_999_999 })).data;
    expect([at64(timed, 40), at64(timed, 48), timed.readUInt32LE(64), timed.readUInt32LE(68)]).toEqual([
      -7, 99, 999_999_999, 5,
    ]);
    const before = Math.floor(Date.now() / 1000);
    const now = (await setattr((1 << 4) | (1 << 7))).data;
    expect(at64(now, 40)).toBeGreaterThanOrEqual(before);
    expect(at64(now, 48)).toBe(99);
    expect((await setattr(1, { mode: 0o106755 })).data.readUInt32LE(76)).toBe(0o106755);
    expect((await setattr((1 << 11) | (1 << 3), { size: 1 })).data.readUInt32LE(76)).toBe(0o100755);
    expect((await setattr(1 << 3, { size: 2n ** 60n })).error).toBe(EFBIG);
  });

  it('gives no lifetime to attributes that another mount is writing (FS-11)', async () => {
    await using careful = await Wire.open(fs, { writtenElsewhere: (node, via) => node === 2 && via === 7 });
    const entry = (await careful.ask(opcode.mkdir, {}, u32(0o755, 0), text('dir'))).data;
    expect([at64(entry, 16), at64(entry, 24)]).toEqual([1e9, 0]);
    expect(at64((await careful.ask(opcode.getattr, { node: 2 }, u32(0, 0), u64(0))).data, 0)).toBe(0);
    expect(at64((await careful.ask(opcode.getattr, {}, u32(0, 0), u64(0))).data, 0)).toBe(1e9);
  });

  it('answers STATX with the time of birth (FS-2)', async () => {
    await wire.ask(opcode.mknod, {}, u32(0o060600, 0xabc12fde, 0, 0), text('dev'));
    const { data } = await wire.ask(opcode.statx, { node: 2 }, u32(0, 0), u64(0), u32(0, 0xfff));
    expect(data.length).toBe(288);
    const stat = data.subarray(32);
    expect(stat.readUInt32LE(0)).toBe(0xfff);
    expect([stat.readUInt16LE(28), at64(stat, 32), stat.readUInt32LE(16)]).toEqual([0o060600, 2, 1]);
    // new_encode_dev: minor bits 0..7 and 20..31, major bits 8..19.
    expect([stat.readUInt32LE(128), stat.readUInt32LE(132)]).toEqual([0x12f, 0xabcde]);
    expect(at64(stat, 80)).toBe(at64(stat, 112));
    expect(at64(stat, 80)).toBeGreaterThan(1.6e9);
  });

  it('answers STATFS (FS-2)', async () => {
    const { data } = await wire.ask(opcode.statfs, {});
    expect(data.length).toBe(80);
    expect([0, 8, 16, 24, 32].map((at) => at64(data, at))).toEqual([1000, 600, 500, 100, 90]);
    expect([40, 44, 48].map((at) => data.readUInt32LE(at))).toEqual([4096, 255, 4096]);
  });

  it('syncs directories and the whole (FS-4)', async () => {
    expect((await wire.ask(opcode.fsyncdir, {}, u64(0), u32(0, 0))).error).toBe(0);
    expect((await wire.ask(opcode.syncfs, {}, u64(0))).error).toBe(0);
    expect(fs.seen).toEqual(['sync 1', 'sync 1']);
  });
});

describe('input and output', () => {
  it('reads back what it writes, from a message that is lent only for the call (FS-2)', async () => {
    const { node, fh } = await created('file');
    const written = await wire.ask(opcode.write, { node }, writeIn(fh, 3, 'hello'));
    expect(written.data).toEqual(u32(5, 0));
    const back = await wire.ask(opcode.read, { node }, readIn(fh, 0, 4096));
    expect(back.data).toEqual(Buffer.from('\0\0\0hello'));
    expect((await wire.ask(opcode.read, { node }, readIn(fh, 5, 2))).data.toString()).toBe('ll');
    expect((await wire.ask(opcode.read, { node }, readIn(fh, 2n ** 62n, 4096))).data.length).toBe(0);
    expect((await wire.ask(opcode.write, { node }, writeIn(fh, 2n ** 62n, 'x'))).error).toBe(EFBIG);
  });

  it('serves interleaved reads of all sizes without mixing their bytes (FS-2)', async () => {
    const { fh } = await created('file');
    const content = Buffer.alloc(3 << 20, 'abcdefghijklmnopqrstuvwxyz0123456789');
    for (let at = 0; at < content.length; at += 1 << 20) {
      await wire.ask(
        opcode.write,
        {},
        Buffer.concat([
          u64(fh, at),
          u32(1 << 20, 0),
          u64(0),
          u32(0, 0),
          content.subarray(at, at + (1 << 20)),
        ]),
      );
    }
    const ranges = Array.from({ length: 40 }, (_, i) => ({
      offset: i * 70_001,
      size: 1 + ((i * 123_457) % (1 << 20)),
    }));
    const requests = ranges.map(({ offset, size }) => frame(opcode.read, {}, readIn(fh, offset, size)));
    const before = wire.device.sent.length;
    for (const request of requests) wire.device.deliver(request);
    await new Promise((resolve) => setImmediate(resolve));
    const replies = new Map(
      wire.device.sent.slice(before).map((reply) => [reply.readBigUInt64LE(8), reply.subarray(16)]),
    );
    for (const [i, { offset, size }] of ranges.entries()) {
      const reply = replies.get(requests[i]?.readBigUInt64LE(8) ?? 0n);
      expect(reply?.equals(content.subarray(offset, offset + size))).toBe(true);
    }
  });

  it('refuses numbers it never gave, and writing to a reader (FS-3)', async () => {
    const { node, fh } = await created('file', 0);
    expect((await wire.ask(opcode.write, { node }, writeIn(fh, 0, 'x'))).error).toBe(EBADF);
    expect((await wire.ask(opcode.read, { node }, readIn(99, 0, 1))).error).toBe(EBADF);
    expect((await wire.ask(opcode.flush, { node }, u64(99), u32(0, 0), u64(0))).error).toBe(EBADF);
    expect((await wire.ask(opcode.release, { node }, u64(99), u32(0, 0), u64(0))).error).toBe(EBADF);
  });

  it('clears set-id bits before a write that asks for it, and has the kernel look again (FS-2)', async () => {
    const { node, fh } = await created('file');
    const mode = async () =>
      (await wire.ask(opcode.getattr, { node }, u32(0, 0), u64(0))).data.readUInt32LE(76);
    const chmod = Buffer.concat([u32(1, 0), u64(0, 0, 0, 0, 0, 0), u32(0, 0, 0, 0o6755, 0, 0, 0, 0)]);
    await wire.ask(opcode.setattr, { node }, chmod);
    await wire.ask(opcode.write, { node }, writeIn(fh, 0, 'x'));
    expect(await mode()).toBe(0o106755);
    await wire.ask(opcode.write, { node }, writeIn(fh, 0, 'x', 4));
    expect(await mode()).toBe(0o100755);
    expect(wire.device.notifications.map((message) => message.readInt32LE(4))).toEqual([2]);
    await wire.ask(opcode.write, { node }, writeIn(fh, 0, 'x', 4));
    expect(wire.device.notifications.length).toBe(1);
  });

  it('syncs, allocates, seeks and copies (FS-2, FS-4)', async () => {
    const { node, fh } = await created('file');
    const other = await created('other');
    await wire.ask(opcode.write, { node }, writeIn(fh, 0, 'hello'));
    expect((await wire.ask(opcode.fsync, { node }, u64(fh), u32(1, 0))).error).toBe(0);
    expect((await wire.ask(opcode.fsync, { node }, u64(fh), u32(0, 0))).error).toBe(0);
    expect(fs.seen.slice(-2)).toEqual([`fsync ${node} true`, `fsync ${node} false`]);
    const allocate = (mode: number) => wire.ask(opcode.fallocate, { node }, u64(fh, 0, 8), u32(mode, 0));
    expect((await allocate(0)).error).toBe(0);
    expect((await allocate(8)).error).toBe(EOPNOTSUPP);
    const seek = (offset: number, whence: number) =>
      wire.ask(opcode.lseek, { node }, u64(fh, offset), u32(whence, 0));
    expect(at64((await seek(2, 3)).data, 0)).toBe(2);
    expect(at64((await seek(2, 4)).data, 0)).toBe(8);
    expect((await seek(8, 3)).error).toBe(6);
    expect((await seek(0, 1)).error).toBe(EINVAL);
    const copy = (code: number, flags = 0) =>
      wire.ask(code, { node }, u64(fh, 1, other.node, other.fh, 2, 3, flags));
    expect((await copy(opcode.copyFileRange)).data).toEqual(u32(3, 0));
    expect((await copy(opcode.copyFileRange64)).data).toEqual(u64(3));
    expect((await copy(opcode.copyFileRange, 1)).error).toBe(EINVAL);
    expect((await wire.ask(opcode.read, {}, readIn(other.fh, 0, 9))).data).toEqual(Buffer.from('\0\0ell'));
  });
});

describe('extended attributes', () => {
  it('sets, sizes, gets, lists and removes (FS-2)', async () => {
    const set = (flags: number, name: string, value: string) =>
      wire.ask(opcode.setxattr, {}, u32(value.length, flags, 0, 0), text(name), Buffer.from(value));
    const get = (size: number, name: string) => wire.ask(opcode.getxattr, {}, u32(size, 0), text(name));
    expect((await set(1, 'user.a/b', 'hello')).error).toBe(0);
    expect((await set(1, 'user.a/b', 'hello')).error).toBe(EEXIST);
    expect((await set(2, 'user.none', 'hello')).error).toBe(ENODATA);
    expect((await set(3, 'user.none', 'hello')).error).toBe(EINVAL);
    expect((await get(0, 'user.a/b')).data).toEqual(u32(5, 0));
    expect((await get(4, 'user.a/b')).error).toBe(ERANGE);
    expect((await get(5, 'user.a/b')).data.toString()).toBe('hello');
    await set(0, 'user.z', '');
    expect((await get(9, 'user.z')).data.length).toBe(0);
    expect((await wire.ask(opcode.listxattr, {}, u32(0, 0))).data).toEqual(u32(16, 0));
    expect((await wire.ask(opcode.listxattr, {}, u32(16, 0))).data).toEqual(text('user.a/b', 'user.z'));
    expect((await wire.ask(opcode.listxattr, {}, u32(15, 0))).error).toBe(ERANGE);
    expect((await wire.ask(opcode.removexattr, {}, text('user.z'))).error).toBe(0);
    expect((await wire.ask(opcode.removexattr, {}, text('user.z'))).error).toBe(ENODATA);
  });

  it('refuses POSIX ACLs (FS-2)', async () => {
    const name = text('system.posix_acl_access');
    expect((await wire.ask(opcode.getxattr, {}, u32(0, 0), name)).error).toBe(EOPNOTSUPP);
    expect((await wire.ask(opcode.setxattr, {}, u32(1, 0, 0, 0), name, Buffer.from('x'))).error).toBe(
      EOPNOTSUPP,
    );
    expect((await wire.ask(opcode.removexattr, {}, name)).error).toBe(EOPNOTSUPP);
  });
});

describe('the rest', () => {
  it('has every operation of the protocol in its table', () => {
    for (const [name, number] of Object.entries(opcode)) expect(operations[number]?.name).toBe(name);
  });

  it.each([
    ['access', ENOSYS],
    ['bmap', ENOSYS],
    ['poll', ENOSYS],
    ['setupMapping', ENOSYS],
    ['removeMapping', ENOSYS],
    ['ioctl', ENOTTY],
    ['destroy', 0],
  ] as const)('answers %s with %i, as the kernel expects to do without (FS-2)', async (name, expected) => {
    expect((await wire.ask(opcode[name], {}, Buffer.alloc(40))).error).toBe(expected);
  });

  it('answers unknown opcodes with ENOSYS, and nothing to those that want no answer', async () => {
    for (const number of [0, 7, 19, 49, 54, 4096, 0xffff_ffff]) {
      expect((await wire.ask(number, {}, Buffer.alloc(64))).error).toBe(ENOSYS);
    }
    await wire.send(frame(opcode.forget, { node: 5 }, u64(1)));
    await wire.send(frame(opcode.batchForget, {}, u32(1, 0), u64(5, 1)));
    await wire.send(frame(opcode.interrupt, {}, u64(12345)));
    await wire.send(frame(opcode.notifyReply, {}, Buffer.alloc(40)));
    expect(wire.session.stats().operations['forget']?.count).toBe(1);
  });

  it('shows a defect as EIO and tells it once, and never passes ENOSYS of a FileSystem on', async () => {
    let thrown: Error = new TypeError('a defect');
    fs.getattr = () => Promise.reject(thrown);
    const ask = async () => (await wire.ask(opcode.getattr, {}, u32(0, 0), u64(0))).error;
    expect(await ask()).toBe(EIO);
    expect(wire.log.splice(0).join()).toContain('TypeError: a defect');
    thrown = new FsError('ENOSYS', 'not here');
    expect(await ask()).toBe(EOPNOTSUPP);
    thrown = new FsError('EDQUOT');
    expect(await ask()).toBe(122);
    fs.getattr = () => {
      throw new FsError('EPERM');
    };
    expect(await ask()).toBe(1);
  });

  it('tells the caller, with the group of the directory that the kernel sent along (FS-2)', async () => {
    const callers: object[] = [];
    const mknod = fs.mknod.bind(fs);
    fs.mknod = (caller, at, what) => {
      const { subject, zone, uid, gid, pid, umask, via, groups } = caller;
      callers.push({
        subject,
        zone,
        uid,
        gid,
        pid,
        umask,
        via,
        groups: typeof groups === 'function' ? groups() : groups,
      });
      return mknod(caller, at, what);
    };
    const extension = Buffer.concat([u32(24, 32, 2, 77, 88), u32(0)]);
    await wire.ask(opcode.mkdir, { uid: 3, gid: 4, pid: 0, extension }, u32(0o755, 0o22), text('dir'));
    expect(callers[0]).toEqual({
      subject: 'user:test',
      zone: 'default',
      uid: 3,
      gid: 4,
      pid: 0,
      umask: 0,
      via: 7,
      groups: [77, 88],
    });
  });

  it.skipIf(process.getuid?.() !== 0)(
    'finds the groups of a caller that the kernel did not send (FS-2; needs root)',
    async () => {
      const script = 'process.setgroups([77, 88]); console.log(1); setInterval(() => 0, 1000)';
      const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        await once(child.stdout, 'data');
        const groups = new ThreadGroups();
        const pid = child.pid ?? 0;
        expect(groups.of(pid)()).toEqual([77, 88]);
        const sent = Buffer.concat([u32(16, 32, 1, 99)]);
        expect(groups.withExtension(pid, sent, 0, sent.length)()).toEqual([99, 77, 88]);
        expect(groups.of(0)()).toEqual([]);
      } finally {
        child.kill();
        await once(child, 'close');
      }
      expect(new ThreadGroups().of(child.pid ?? 0)()).toEqual([]);
    },
  );
});

describe('listing', () => {
  interface Listed {
    name: string;
    node: number;
    cookie: number;
    type: number;
    entry?: number;
  }

  async function list(offset: number, size: number, plus: boolean): Promise<Listed[]> {
    const body = Buffer.concat([u64(0, offset), u32(size, 0), u64(0), u32(0, 0)]);
    const { error, data } = await wire.ask(plus ? opcode.readdirplus : opcode.readdir, {}, body);
    expect(error).toBe(0);
    expect(data.length).toBeLessThanOrEqual(size);
    const found: Listed[] = [];
    for (let at = 0; at < data.length; ) {
      const entry = plus ? at64(data, at) : undefined;
      if (plus) at += 128;
      const length = data.readUInt32LE(at + 16);
      const name = data.toString('latin1', at + 24, at + 24 + length);
      const row = {
        name,
        node: at64(data, at),
        cookie: at64(data, at + 8),
        type: data.readUInt32LE(at + 20),
      };
      found.push(entry === undefined ? row : { ...row, entry });
      at += 24 + Math.ceil(length / 8) * 8;
    }
    return found;
  }

  async function listAll(size: number, plus: boolean): Promise<Listed[]> {
    const all: Listed[] = [];
    for (;;) {
      const page = await list(all.at(-1)?.cookie ?? 0, size, plus);
      if (page.length === 0) return all;
      all.push(...page);
    }
  }

  it.each([false, true])(
    'lists `.`, `..` and every entry once, however small the pages (plus: %s) (FS-2)',
    async (plus) => {
      const names = Array.from({ length: 100 }, (_, i) => `${'n'.repeat(1 + ((i * 37) % 200))}${i}`);
      for (const name of names) await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text(name));
      for (const size of [432, 4096, 1 << 20]) {
        const all = await listAll(size, plus);
        expect(all.map(({ name }) => name)).toEqual(['.', '..', ...names]);
        expect(all.map(({ type }) => type)).toEqual(all.map(() => 4));
        expect(all.slice(0, 2).map(({ node }) => node)).toEqual([1, 1]);
        if (plus)
          expect(all.map(({ entry }) => entry)).toEqual([0, 0, ...all.slice(2).map(({ node }) => node)]);
      }
    },
  );

  it('goes on behind the last cookie when that entry is gone (FS-2)', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text(name));
    const page = await list(0, 32 * 4, false);
    expect(page.map(({ name }) => name)).toEqual(['.', '..', 'a', 'b']);
    await wire.ask(opcode.rmdir, {}, text('b'));
    expect((await list(page[3]?.cookie ?? 0, 4096, false)).map(({ name }) => name)).toEqual(['c', 'd']);
  });

  it('has the kernel open directories by itself only where changes are announced (FS-11)', async () => {
    expect((await wire.ask(opcode.opendir, {}, u32(0, 0))).error).toBe(ENOSYS);
    await using other = await Wire.open(fs, { cacheDirectories: false });
    const { error, data } = await other.ask(opcode.opendir, {}, u32(0, 0));
    expect([error, data]).toEqual([0, Buffer.alloc(16)]);
    expect((await other.ask(opcode.releasedir, {}, u64(0), u32(0, 0), u64(0))).error).toBe(0);
  });
});
