/** Requests about extended attributes. */
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import type { XattrMode } from '../fs/types.ts';
import type { Connection } from './connection.ts';
import { XATTR_CREATE, XATTR_REPLACE } from './protocol.ts';
import type { Request } from './request.ts';

/** POSIX ACLs would be a second answer to who may do what: refused as on a file system mounted without them. */
function refuseAcl(name: Name): void {
  if (name.startsWith('system.posix_acl_')) throw new FsError('EOPNOTSUPP', 'POSIX ACLs');
}

export async function getxattr(connection: Connection, request: Request): Promise<void> {
  const size = request.u32(0);
  const name = request.attributeName(8);
  refuseAcl(name);
  answer(connection, request, await connection.fs.getxattr(request, request.node, name), size);
}

export async function listxattr(connection: Connection, request: Request): Promise<void> {
  const size = request.u32(0);
  const names = await connection.fs.listxattr(request, request.node);
  answer(connection, request, Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1'), size);
}

/** A size of 0 asks how many bytes there are. */
function answer(connection: Connection, request: Request, value: Uint8Array, size: number): void {
  if (size === 0) {
    connection.frame.u32(0, value.length);
    connection.frame.u32(4, 0);
    connection.send(request, 8);
    return;
  }
  if (value.length > size) throw new FsError('ERANGE', `${value.length} bytes do not fit into ${size}`);
  connection.sendData(request, value, value.length);
}

export async function setxattr(connection: Connection, request: Request): Promise<void> {
  const size = request.u32(0);
  const mode = modeOf(request.u32(4));
  const name = request.attributeName(connection.protocol?.longSetxattr === true ? 16 : 8);
  refuseAcl(name);
  const value = Buffer.from(request.bytes(request.next, size));
  await connection.fs.setxattr(request, request.node, name, value, mode);
  connection.done(request);
}

function modeOf(flags: number): XattrMode {
  if (flags === 0) return 'set';
  if (flags === XATTR_CREATE) return 'create';
  if (flags === XATTR_REPLACE) return 'replace';
  throw new FsError('EINVAL', `setxattr flags ${flags}`);
}

export async function removexattr(connection: Connection, request: Request): Promise<void> {
  const name = request.attributeName(0);
  refuseAcl(name);
  await connection.fs.removexattr(request, request.node, name);
  connection.done(request);
}
