/** Requests that open and close regular files. */
import { FsError, isFsError } from '../base/errors.ts';
import type { Created, FileHandle, OpenFlags } from '../fs/types.ts';
import type { Connection } from './connection.ts';
import { ownerAt } from './lock-owner.ts';
import type { OpenFile } from './open-files.ts';
import {
  ENTRY_SIZE,
  fopen,
  O_ACCMODE,
  O_APPEND,
  O_DSYNC,
  O_EXCL,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  OPEN_KILL_SUIDGID,
  OPEN_OUT_SIZE,
  RELEASE_FLOCK_UNLOCK,
} from './protocol.ts';
import type { Request } from './request.ts';

/** `flags` are open(2)'s, `more` the protocol's own. */
function openFlags(flags: number, more: number, passthrough: boolean): OpenFlags {
  const mode = flags & O_ACCMODE;
  return {
    read: mode !== O_WRONLY,
    write: mode === O_WRONLY || mode === O_RDWR,
    append: (flags & O_APPEND) !== 0,
    truncate: (flags & O_TRUNC) !== 0,
    sync: (flags & O_DSYNC) !== 0,
    killPriv: (more & OPEN_KILL_SUIDGID) !== 0,
    passthrough,
  };
}

export async function open(connection: Connection, request: Request): Promise<void> {
  const flags = openFlags(request.u32(0), request.u32(4), connection.passthrough);
  const handle = await connection.fs.open(request, request.node, flags);
  const file = putOpen(connection, request, handle, 0);
  await answered(connection, request, file, connection.send(request, OPEN_OUT_SIZE));
}

export async function create(connection: Connection, request: Request): Promise<void> {
  const flags = request.u32(0);
  const at = { parent: request.node, name: request.name(16) };
  const mode = request.u32(4) & 0o7777;
  const opening = openFlags(flags, request.u32(12), connection.passthrough);
  let created: Created;
  try {
    created = await connection.fs.create(request, at, mode, opening);
  } catch (error) {
    // Somebody else was first. ESTALE has the kernel look the name up again and open what it finds there, with its own checks.
    if (isFsError(error, 'EEXIST') && (flags & O_EXCL) === 0)
      throw new FsError('ESTALE', 'the name exists by now');
    throw error;
  }
  await answerCreated(connection, request, created);
}

/** O_TMPFILE. The name in the request is the kernel's placeholder. */
export async function tmpfile(connection: Connection, request: Request): Promise<void> {
  const mode = request.u32(4) & 0o7777;
  const flags = openFlags(request.u32(0), request.u32(12), connection.passthrough);
  await answerCreated(connection, request, await connection.fs.tmpfile(request, request.node, mode, flags));
}

async function answerCreated(connection: Connection, request: Request, created: Created): Promise<void> {
  connection.putEntry(request, 0, created.attr);
  const file = putOpen(connection, request, created.handle, ENTRY_SIZE);
  await answered(connection, request, file, connection.send(request, ENTRY_SIZE + OPEN_OUT_SIZE));
}

/** An open whose caller was killed meanwhile has no RELEASE: what was opened is closed again. */
async function answered(
  connection: Connection,
  request: Request,
  file: OpenFile,
  sent: number,
): Promise<void> {
  if (sent >= 0) return;
  connection.files.take(file.fh);
  await released(connection, request, file);
}

/** Takes the handle into the table, and `struct fuse_open_out` into the frame. */
function putOpen(connection: Connection, request: Request, handle: FileHandle, at: number): OpenFile {
  const { frame } = connection;
  const { node } = handle;
  let flags = 0;
  let backing: number | undefined;
  if (handle.io !== 'cached') {
    if (handle.backing !== undefined) backing = connection.backings.take(node, handle.backing);
    if (backing !== undefined) flags |= fopen.PASSTHROUGH;
    // With both flags the kernel maps the host file, and reads and writes come here past the page cache; they do as well where it
    // refuses the host file.
    if (handle.io === 'direct' || backing === undefined) flags |= fopen.DIRECT_IO;
    if (handle.io === 'backing' && handle.flags.write) connection.pages.forget(node);
  } else if (connection.shared) {
    flags |= fopen.DIRECT_IO;
  } else if (connection.pages.opened(node, handle.stamp) && connection.current(request)) {
    flags |= fopen.KEEP_CACHE;
  }
  // There is nothing to flush for a reader but fcntl locks, which a process loses with the first descriptor of the file it closes: the only
  // descriptor there is tells so by RELEASE.
  if (!handle.flags.write && !connection.locks.everHeld(node) && !connection.files.isOpen(node)) {
    flags |= fopen.NOFLUSH;
  }
  const file = connection.files.add(handle, backing !== undefined);
  frame.u64(at, file.fh);
  frame.u32(at + 8, flags);
  frame.u32(at + 12, backing ?? 0);
  return file;
}

/** close(2) of one descriptor. */
export async function flush(connection: Connection, request: Request): Promise<void> {
  const { handle, node } = connection.files.get(request.u64(0));
  const owner = ownerAt(request, 16);
  try {
    if (handle.flags.write) await handle.flushSoon(request);
  } finally {
    if (connection.locks.held(node)) connection.locks.dropOwner(node, 'posix', owner());
  }
  connection.done(request);
}

export async function release(connection: Connection, request: Request): Promise<void> {
  const file = connection.files.take(request.u64(0));
  if ((request.u32(12) & RELEASE_FLOCK_UNLOCK) !== 0) {
    connection.locks.dropOwner(file.node, 'flock', ownerAt(request, 16)());
  }
  // Nobody waits for the answer, but the kernel counts what is unanswered among the reads ahead it allows itself.
  connection.done(request);
  await released(connection, request, file);
}

/** Nobody is told of what fails here: close(2) has returned long ago. */
async function released(connection: Connection, request: Request, file: OpenFile): Promise<void> {
  const { handle, node } = file;
  connection.locks.dropFile(node, request.via, file.fh);
  if (file.backed) connection.backings.drop(node);
  const cached = handle.io === 'cached' && handle.flags.write;
  const before = cached ? handle.stamp : 0;
  await connection.logged(`closing node ${node}`, handle.release(request));
  if (cached) connection.pages.written(node, before, handle.stamp);
}
