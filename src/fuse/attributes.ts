/** Requests about attributes of nodes and of the whole file system. */
import { FsError, isFsError } from '../base/errors.ts';
import type { Attr, AttrChange, TimeChange } from '../fs/types.ts';
import type { Connection } from './connection.ts';
import { fattr, PAGE, STATFS_OUT_SIZE, STATX_MASK, STATX_OUT_SIZE } from './protocol.ts';
import type { Request } from './request.ts';

export async function getattr(connection: Connection, request: Request): Promise<void> {
  connection.attr(request, await attrOf(connection, request));
}

/** What somebody has open is there, even where it may not be seen any more. */
async function attrOf(connection: Connection, request: Request): Promise<Attr> {
  try {
    return await connection.fs.getattr(request, request.node);
  } catch (error) {
    if (!isFsError(error, 'ENOENT') || !connection.files.isOpen(request.node)) throw error;
    throw new FsError('EACCES', 'the attributes of an open file');
  }
}

export async function setattr(connection: Connection, request: Request): Promise<void> {
  connection.attr(request, await connection.fs.setattr(request, request.node, changeOf(request)));
}

function changeOf(request: Request): AttrChange {
  const valid = request.u32(0);
  const change: { -readonly [K in keyof AttrChange]: AttrChange[K] } = {};
  if ((valid & fattr.MODE) !== 0) change.mode = request.u32(68) & 0o7777;
  if ((valid & fattr.UID) !== 0) change.uid = request.u32(76);
  if ((valid & fattr.GID) !== 0) change.gid = request.u32(80);
  if ((valid & fattr.SIZE) !== 0) change.size = request.offset(16);
  if ((valid & (fattr.ATIME | fattr.ATIME_NOW)) !== 0) {
    change.atime = timeOf(request, (valid & fattr.ATIME_NOW) !== 0, 32, 56);
  }
  if ((valid & (fattr.MTIME | fattr.MTIME_NOW)) !== 0) {
    change.mtime = timeOf(request, (valid & fattr.MTIME_NOW) !== 0, 40, 60);
  }
  if ((valid & fattr.CTIME) !== 0) change.ctime = timeOf(request, false, 48, 64);
  // chown(2) to nobody else arrives with nothing to change: Linux clears the set-id bits then as well.
  if ((valid & fattr.KILL_SUIDGID) !== 0 || (valid & ~fattr.FH) === 0) change.killPriv = true;
  return change;
}

function timeOf(request: Request, now: boolean, sec: number, nsec: number): TimeChange {
  return now ? 'now' : { sec: request.i64(sec), nsec: request.u32(nsec) };
}

/** Asked instead of GETATTR when somebody wants the time of birth. */
export async function statx(connection: Connection, request: Request): Promise<void> {
  const attr = await attrOf(connection, request);
  const { frame } = connection;
  frame.clear(0, STATX_OUT_SIZE);
  const seconds = connection.attrSeconds(request, attr);
  frame.u64(0, Math.floor(seconds));
  frame.u32(8, (seconds - Math.floor(seconds)) * 1e9);
  putStatx(connection, 32, attr);
  connection.send(request, STATX_OUT_SIZE);
}

function putStatx({ frame }: Connection, at: number, attr: Attr): void {
  frame.u32(at, STATX_MASK);
  frame.u32(at + 4, PAGE);
  frame.u32(at + 16, attr.nlink);
  frame.u32(at + 20, attr.uid);
  frame.u32(at + 24, attr.gid);
  frame.u16(at + 28, attr.mode);
  frame.u64(at + 32, attr.node);
  frame.u64(at + 40, attr.size);
  frame.u64(at + 48, attr.blocks);
  const times = [attr.atime, attr.btime, attr.ctime, attr.mtime];
  for (const [index, time] of times.entries()) {
    frame.u64(at + 64 + 16 * index, time.sec);
    frame.u32(at + 72 + 16 * index, time.nsec);
  }
  // 12 bits of the major number lie between the two parts of the minor one.
  frame.u32(at + 128, (attr.rdev & 0xfff00) >>> 8);
  frame.u32(at + 132, (attr.rdev & 0xff) | ((attr.rdev >>> 12) & 0xfff00));
}

export async function statfs(connection: Connection, request: Request): Promise<void> {
  const stat = await connection.fs.statfs(request, request.node);
  const { frame } = connection;
  frame.clear(0, STATFS_OUT_SIZE);
  frame.u64(0, stat.blocks);
  frame.u64(8, stat.free);
  frame.u64(16, stat.available);
  frame.u64(24, stat.files);
  frame.u64(32, stat.filesFree);
  frame.u32(40, stat.blockSize);
  frame.u32(44, stat.nameMax);
  frame.u32(48, stat.blockSize);
  connection.send(request, STATFS_OUT_SIZE);
}

/** SYNCFS and FSYNCDIR. */
export async function sync(connection: Connection, request: Request): Promise<void> {
  await connection.fs.sync(request, request.node);
  connection.done(request);
}
