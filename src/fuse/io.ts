/** Requests on open regular files. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FsError } from '../base/errors.ts';
import type { Connection } from './connection.ts';
import type { OpenFile } from './open-files.ts';
import {
  FALLOC_KEEP_SIZE,
  FALLOC_PUNCH_HOLE,
  FALLOC_ZERO_RANGE,
  FSYNC_FDATASYNC,
  MAX_WRITE,
  SEEK_DATA,
  SEEK_HOLE,
  WRITE_KILL_SUIDGID,
} from './protocol.ts';
import type { Request } from './request.ts';

/** How long pages are waited for of which the kernel keeps one locked, ms. */
const LOCKED_PAGE = 2;

export async function read(connection: Connection, request: Request): Promise<void> {
  const { handle } = connection.files.get(request.u64(0));
  const offset = request.u64(8);
  const size = Math.min(request.u32(16), MAX_WRITE);
  // No file reaches there: it is past the end.
  if (offset > Number.MAX_SAFE_INTEGER) {
    connection.done(request);
    return;
  }
  const buffer = connection.buffers.take(size);
  try {
    const into = buffer.length === size ? buffer : buffer.subarray(0, size);
    const length = await handle.read(request, into, offset);
    connection.sendData(request, into, length);
  } finally {
    connection.buffers.give(buffer);
  }
}

export async function write(connection: Connection, request: Request): Promise<void> {
  const file = writable(connection, request.u64(0));
  const offset = request.offset(8);
  const data = request.bytes(40, request.u32(16));
  const kill = (request.u32(20) & WRITE_KILL_SUIDGID) !== 0 && connection.setId.mayHave(file.node);
  // The bytes are needed past this call: no handler has finished before its first await.
  connection.device.keep();
  try {
    if (kill) await killSetId(connection, request, file);
    const { handle } = file;
    const appends = handle.flags.append === true;
    const aside = appends && handle.size !== offset;
    const length = await changing(connection, file, () => handle.write(request, data, offset));
    if (aside || (appends && handle.size !== offset + length)) await misplaced(connection, file, offset);
    answerLength(connection, request, length);
  } finally {
    connection.device.giveBack(request.message);
  }
}

/** Its own attributes are not what the kernel asks for after a write: it would go on believing in the bits. */
async function killSetId(connection: Connection, request: Request, { node }: OpenFile): Promise<void> {
  const attr = await connection.fs.setattr(request, node, { killPriv: true });
  connection.setId.note(attr);
  connection.dropNode(node, -1, 0);
}

/** An operation of this kernel on the content: its cached pages are as right afterwards as they were before. */
async function changing<T>(connection: Connection, file: OpenFile, operate: () => Promise<T>): Promise<T> {
  const { handle, node } = file;
  const before = handle.stamp;
  const result = await operate();
  if (handle.io === 'cached') connection.pages.written(node, before, handle.stamp);
  else connection.pages.forget(node);
  return result;
}

/**
 * The kernel appends where it believes the end is, and takes the pages there for what it wrote; but somebody else made the file longer. These
 * pages go before the answer. The last one it may keep locked until then, and it reads that one again by itself: no need to wait for it.
 */
async function misplaced(connection: Connection, { node }: OpenFile, offset: number): Promise<void> {
  connection.pages.forget(node);
  connection.dropNode(node, offset, 0);
  await Promise.race([connection.device.notified(), sleep(LOCKED_PAGE)]);
}

/** `struct fuse_write_out`. */
function answerLength(connection: Connection, request: Request, length: number): void {
  connection.frame.u32(0, length);
  connection.frame.u32(4, 0);
  connection.send(request, 8);
}

function writable(connection: Connection, fh: number): OpenFile {
  const file = connection.files.get(fh);
  if (!file.handle.flags.write) throw new FsError('EBADF', 'the file is not open for writing');
  return file;
}

export async function fsync(connection: Connection, request: Request): Promise<void> {
  const { handle } = connection.files.get(request.u64(0));
  await handle.fsync(request, (request.u32(8) & FSYNC_FDATASYNC) !== 0);
  connection.done(request);
}

export async function fallocate(connection: Connection, request: Request): Promise<void> {
  const file = writable(connection, request.u64(0));
  const offset = request.offset(8);
  const length = request.offset(16);
  const mode = request.u32(24);
  if ((mode & ~(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) !== 0) {
    throw new FsError('EOPNOTSUPP', `fallocate mode ${mode}`);
  }
  if (offset + length > Number.MAX_SAFE_INTEGER) throw new FsError('EFBIG', 'a range that ends beyond 2**53');
  await changing(connection, file, () => file.handle.allocate(request, mode, offset, length));
  connection.done(request);
}

/** The kernel itself answers the other ways of lseek(2). */
export async function lseek(connection: Connection, request: Request): Promise<void> {
  const { handle } = connection.files.get(request.u64(0));
  const offset = request.u64(8);
  const whence = request.u32(16);
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) throw new FsError('EINVAL', `lseek whence ${whence}`);
  if (offset > Number.MAX_SAFE_INTEGER) throw new FsError('ENXIO', 'past the end of the file');
  const found = await handle.seek(request, offset, whence === SEEK_DATA ? 'data' : 'hole');
  connection.frame.u64(0, found);
  connection.send(request, 8);
}

/** One call copies less than 2 GiB, as the kernel's own would; whoever wants more asks again. */
const MOST_COPIED = 0x7fff_f000;

export async function copyFileRange(connection: Connection, request: Request): Promise<void> {
  answerLength(connection, request, await copied(connection, request));
}

export async function copyFileRange64(connection: Connection, request: Request): Promise<void> {
  const length = await copied(connection, request);
  connection.frame.u64(0, length);
  connection.send(request, 8);
}

async function copied(connection: Connection, request: Request): Promise<number> {
  const from = connection.files.get(request.u64(0));
  const offset = request.u64(8);
  const to = writable(connection, request.u64(24));
  const toOffset = request.offset(32);
  const length = Math.min(request.u64(40), MOST_COPIED);
  if (request.u64(48) !== 0) throw new FsError('EINVAL', 'copy_file_range flags');
  if (offset > Number.MAX_SAFE_INTEGER) return 0;
  return changing(connection, to, () => from.handle.copyRange(request, offset, to.handle, toOffset, length));
}
