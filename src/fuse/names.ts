/** Requests about names: finding, making, removing, renaming. */
import { FsError, isFsError } from '../base/errors.ts';
import type { Attr, RenameMode } from '../fs/types.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../fs/types.ts';
import type { Connection } from './connection.ts';
import { RENAME_EXCHANGE, RENAME_NOREPLACE } from './protocol.ts';
import type { Request } from './request.ts';

export async function lookup(connection: Connection, request: Request): Promise<void> {
  const name = request.name(0, true);
  let attr: Attr;
  try {
    if (name === '.' || name === '..') attr = await byNode(connection, request, name === '..');
    else attr = await connection.fs.lookup(request, { parent: request.node, name });
  } catch (error) {
    if (!isFsError(error, 'ENOENT')) throw error;
    connection.negative(request);
    return;
  }
  connection.entry(request, attr);
}

/** EXPORT_SUPPORT: somebody (an NFS server, open_by_handle_at) has the number of a node that the kernel has forgotten. */
async function byNode(connection: Connection, request: Request, parent: boolean): Promise<Attr> {
  const attr = await connection.fs.getattr(request, request.node);
  if (!parent || request.node === connection.edge.root) return attr;
  return connection.fs.getattr(request, attr.parent ?? attr.node);
}

export async function mknod(connection: Connection, request: Request): Promise<void> {
  const mode = request.u32(0);
  const what = { mode: (mode & S_IFMT) === 0 ? mode | S_IFREG : mode, rdev: request.u32(4) };
  const at = { parent: request.node, name: request.name(16) };
  connection.entry(request, await connection.fs.mknod(request, at, what));
}

export async function mkdir(connection: Connection, request: Request): Promise<void> {
  const mode = (request.u32(0) & 0o7777) | S_IFDIR;
  const at = { parent: request.node, name: request.name(8) };
  connection.entry(request, await connection.fs.mknod(request, at, { mode }));
}

export async function symlink(connection: Connection, request: Request): Promise<void> {
  const at = { parent: request.node, name: request.name(0) };
  const target = request.text(request.next);
  if (target.length === 0) throw new FsError('ENOENT', 'an empty symlink');
  connection.entry(request, await connection.fs.mknod(request, at, { mode: S_IFLNK | 0o777, target }));
}

export async function readlink(connection: Connection, request: Request): Promise<void> {
  const target = await connection.fs.readlink(request, request.node);
  connection.sendData(request, target, target.length);
}

export async function link(connection: Connection, request: Request): Promise<void> {
  const to = { parent: request.node, name: request.name(8) };
  connection.entry(request, await connection.fs.link(request, request.nodeAt(0), to));
}

export async function unlink(connection: Connection, request: Request): Promise<void> {
  await connection.fs.unlink(request, { parent: request.node, name: request.name(0) });
  connection.done(request);
}

export async function rmdir(connection: Connection, request: Request): Promise<void> {
  await connection.fs.rmdir(request, { parent: request.node, name: request.name(0) });
  connection.done(request);
}

export function rename(connection: Connection, request: Request): Promise<void> {
  return renamed(connection, request, 8, 'replace');
}

export function rename2(connection: Connection, request: Request): Promise<void> {
  const flags = request.u32(8);
  if (flags === 0) return renamed(connection, request, 16, 'replace');
  if (flags === RENAME_NOREPLACE) return renamed(connection, request, 16, 'noreplace');
  if (flags === RENAME_EXCHANGE) return renamed(connection, request, 16, 'exchange');
  // RENAME_WHITEOUT makes a device node for overlayfs, which has no meaning here.
  throw new FsError('EINVAL', `rename flags ${flags}`);
}

async function renamed(
  connection: Connection,
  request: Request,
  at: number,
  mode: RenameMode,
): Promise<void> {
  const from = { parent: request.node, name: request.name(at) };
  const to = { parent: request.nodeAt(0), name: request.name(request.next) };
  await connection.fs.rename(request, from, to, mode);
  connection.done(request);
}
