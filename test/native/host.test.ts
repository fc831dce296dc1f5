/** The host calls, compared with what Node's own file functions see. */
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Native } from '../../src/host/native.ts';
import { loadNative } from '../../src/host/native.ts';
import { buildNative } from './mounted.ts';

const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const MIB = 1 << 20;

describe('host calls', () => {
  let native: Native;
  let dir: string;
  let path: string;
  const open: number[] = [];

  function opened(file = path, flags = 'r+'): number {
    const fd = openSync(file, flags);
    open.push(fd);
    return fd;
  }

  function codeOf(act: () => unknown): unknown {
    try {
      act();
    } catch (error) {
      const { code, errno, syscall } = error as NodeJS.ErrnoException;
      return { code, errno, syscall };
    }
    return 'nothing thrown';
  }

  beforeAll(async () => {
    await buildNative();
    native = loadNative();
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'nexus-host-'));
    path = join(dir, 'file');
    writeFileSync(path, 'content');
  });
  afterEach(() => {
    for (const fd of open.splice(0)) closeSync(fd);
    rmSync(dir, { recursive: true, force: true });
  });

  it('finds data and holes of a sparse file beyond 4 GiB (FS-2)', () => {
    const fd = opened(path, 'w+');
    const far = 5 * 1024 ** 3;
    writeSync(fd, 'far', far);
    const data = native.seek(fd, 0, 'data');
    expect(data).toBeGreaterThan(0);
    expect(data).toBeLessThanOrEqual(far);
    expect(native.seek(fd, 0, 'hole')).toBe(0);
    expect(native.seek(fd, far, 'hole')).toBe(far + 3);
    expect(native.seek(fd, far + 3, 'data')).toBe(-1);
    expect(codeOf(() => native.seek(-1, 0, 'data'))).toEqual({ code: 'EBADF', errno: -9, syscall: 'lseek' });
  });

  it('allocates and punches (FS-2)', () => {
    const fd = opened();
    native.fallocate(fd, KEEP_SIZE, 0, MIB);
    expect(fstatSync(fd)).toMatchObject({ size: 7 });
    expect(fstatSync(fd).blocks * 512).toBeGreaterThanOrEqual(MIB);
    native.fallocate(fd, 0, 0, MIB);
    expect(fstatSync(fd).size).toBe(MIB);
    native.fallocate(fd, KEEP_SIZE | PUNCH_HOLE, 0, MIB);
    expect(readFileSync(path).every((byte) => byte === 0)).toBe(true);
    expect(codeOf(() => native.fallocate(fd, 0, 0, 0))).toMatchObject({
      code: 'EINVAL',
      syscall: 'fallocate',
    });
  });

  it('copies a range between descriptors (FS-2)', () => {
    const from = opened(path, 'r');
    const to = opened(join(dir, 'copy'), 'w+');
    expect(native.copyFileRange(from, 3, to, 1, 100)).toBe(4);
    expect(readFileSync(join(dir, 'copy'), 'latin1')).toBe('\0tent');
    expect(native.copyFileRange(from, 7, to, 0, 100)).toBe(0);
    expect(codeOf(() => native.copyFileRange(from, 0, from, 0, 1))).toMatchObject({ code: 'EBADF' });
  });

  it('reads what is in memory without waiting', () => {
    const fd = opened(path, 'r');
    const into = Buffer.alloc(10, '.');
    native.fadvise(fd, 0, 0, 3);
    readFileSync(path);
    const n = native.readNowait(fd, into, 2, 5, 1);
    // -2 is the answer of a file system that cannot tell.
    if (n === -2) expect(into.toString()).toBe('..........');
    else expect([n, into.toString()]).toEqual([5, '..onten...']);
    expect([0, -2]).toContain(native.readNowait(fd, into, 0, 5, 7));
    expect(() => native.readNowait(fd, into, 6, 5, 0)).toThrow(TypeError);
    expect(codeOf(() => native.readNowait(-1, into, 0, 5, 0))).toMatchObject({ code: 'EBADF' });
  });

  it('refuses bad advice', () => {
    expect(codeOf(() => native.fadvise(opened(), 0, 0, 99))).toMatchObject({ code: 'EINVAL' });
  });

  it('sees who else has a file open', () => {
    const fd = opened();
    expect(native.usedElsewhere(fd)).toBe(false);
    const reader = openSync(path, 'r');
    expect(native.usedElsewhere(fd)).toBe(true);
    closeSync(reader);
    expect(native.usedElsewhere(fd)).toBe(false);
    // A lease left behind would make this wait.
    closeSync(openSync(path, 'r+'));
  });

  it('sees a mapping that outlives its descriptor', async () => {
    const fd = opened();
    const script =
      'import mmap,sys;f=open(sys.argv[1],"r+b");m=mmap.mmap(f.fileno(),0);f.close();print(1,flush=True);sys.stdin.read()';
    const mapper = spawn('python3', ['-c', script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    const exit = once(mapper, 'exit');
    await Promise.race([once(mapper.stdout, 'data'), exit]);
    expect(native.usedElsewhere(fd)).toBe(true);
    mapper.stdin.end();
    await exit;
    expect(native.usedElsewhere(fd)).toBe(false);
  });

  it('is not ended by the signal of a lease that others break', async () => {
    const script = `while :; do : < "$0"; done`;
    const opener = spawn('sh', ['-c', script, path], { stdio: 'ignore' });
    const exit = once(opener, 'exit');
    const fd = opened();
    for (let i = 0; i < 20_000; i++) native.usedElsewhere(fd);
    opener.kill('SIGKILL');
    await exit;
    expect(native.usedElsewhere(fd)).toBe(false);
  });

  it('reads the clock that files are stamped with (FS-2)', () => {
    const now = new Float64Array(2);
    const before = Date.now() / 1000 - 1;
    native.clock(now);
    expect(now[0]).toBeGreaterThanOrEqual(Math.floor(before));
    expect(now[1]).toBeGreaterThanOrEqual(0);
    expect(now[1]).toBeLessThan(1e9);
    expect(() => native.clock(new Float64Array(1))).toThrow(TypeError);
    expect(() => native.clock(new Uint8Array(16) as unknown as Float64Array)).toThrow(TypeError);
  });

  it('stats a descriptor as Node does (FS-2)', () => {
    // Node's own utimes takes a negative time for the present.
    execFileSync('touch', ['-d', '1969-12-31 23:59:58.5 UTC', path]);
    const fd = opened(path, 'r');
    const found = new Float64Array(8);
    native.fstat(fd, found);
    const stat = fstatSync(fd, { bigint: true });
    const second = 1_000_000_000n;
    expect([...found]).toEqual(
      [
        stat.size,
        stat.blocks,
        -2n,
        500_000_000n,
        stat.ctimeNs / second,
        stat.ctimeNs % second,
        1n,
        stat.ino,
      ].map(Number),
    );
    expect(codeOf(() => native.fstat(-1, found))).toEqual({ code: 'EBADF', errno: -9, syscall: 'fstat' });
  });

  it('locks a file for one holder', () => {
    const first = opened();
    const second = openSync(path, 'r');
    expect(native.lockFile(first)).toBe(true);
    expect(native.lockFile(second)).toBe(false);
    closeSync(open.pop() ?? -1);
    expect(native.lockFile(second)).toBe(true);
    closeSync(second);
  });

  it('tells the space of a file system (FS-2)', () => {
    const found = native.statfs(dir);
    const { blocks, files } = statfsSync(dir);
    expect(found).toMatchObject({ blocks, files });
    expect(found.bfree).toBeGreaterThanOrEqual(found.bavail);
    const size = execFileSync('stat', ['-f', '-c', '%S', dir], { encoding: 'latin1' });
    expect(found.bsize).toBe(Number(size));
    expect(codeOf(() => native.statfs(join(dir, 'absent')))).toMatchObject({
      code: 'ENOENT',
      syscall: 'statfs',
    });
  });

  it('knows the peer of a unix socket (PERM-2)', async () => {
    const server: Server = createServer().listen(join(dir, 'socket'));
    await once(server, 'listening');
    const client = connect(join(dir, 'socket'));
    const [socket] = (await once(server, 'connection')) as [{ _handle: { fd: number }; destroy(): void }];
    expect(native.peerCredentials(socket._handle.fd)).toEqual({
      pid: process.pid,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    });
    socket.destroy();
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(codeOf(() => native.peerCredentials(opened()))).toMatchObject({ code: 'ENOTSOCK' });
  });

  it('becomes an IO flusher where it may', () => {
    const script = `process.stdout.write(String(require(process.argv[1]).prctlIoFlusher()))`;
    const addon = fileURLToPath(new URL('../../native/build/nexus.node', import.meta.url));
    const answer = execFileSync(process.execPath, ['-e', script, addon], { encoding: 'latin1' });
    const capabilities =
      /CapEff:\s*([0-9a-f]+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
    const mayResource = ((BigInt(`0x${capabilities}`) >> 24n) & 1n) === 1n;
    expect(answer).toBe(String(mayResource));
  });

  it('names the argument that is wrong', () => {
    const loose = native as unknown as Record<string, (...args: unknown[]) => unknown>;
    expect(() => loose['fstat']?.('1', new Float64Array(8))).toThrow('argument 1 must be a number');
    expect(() => loose['seek']?.(1, 0, 'end')).toThrow("argument 3 must be 'data' or 'hole'");
    expect(() => loose['statfs']?.()).toThrow('argument 1 must be a string');
    expect(() => loose['statfs']?.('a\0b')).toThrow('without null bytes');
    expect(() => loose['readNowait']?.(1, 'text', 0, 0, 0)).toThrow('argument 2 must be a Uint8Array');
  });
});
