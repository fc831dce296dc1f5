/** The table of operations, by opcode: what each is called, how long its body is at least, who answers it. */
import { getattr, setattr, statfs, statx, sync } from './attributes.ts';
import type { Connection } from './connection.ts';
import { opendir, readdir, readdirplus, releasedir } from './directories.ts';
import { copyFileRange, copyFileRange64, fallocate, fsync, lseek, read, write } from './io.ts';
import { destroy, forget, initialise, interrupt, ioctl, unknown } from './lifecycle.ts';
import { getlk, setlk, setlkw } from './locking.ts';
import { link, lookup, mkdir, mknod, readlink, rename, rename2, rmdir, symlink, unlink } from './names.ts';
import { create, flush, open, release, tmpfile } from './open.ts';
import { opcode } from './protocol.ts';
import type { Request } from './request.ts';
import { getxattr, listxattr, removexattr, setxattr } from './xattrs.ts';

/** Reads all it needs of the message before its first await, and answers once. What it throws is answered as an error. */
export type Handler = (connection: Connection, request: Request) => void | Promise<void>;

export interface Operation {
  readonly name: keyof typeof opcode;
  /** Bytes after the header that must be there; names are checked as they are read. */
  readonly body: number;
  readonly run: Handler;
  /** The kernel waits for no answer, and takes none. */
  readonly silent: boolean;
  /** The kernel's own business, or the end of what somebody was allowed to begin: served whoever asks. */
  readonly anybody: boolean;
}

const rows: readonly [name: keyof typeof opcode, body: number, run: Handler][] = [
  ['lookup', 2, lookup],
  ['forget', 8, forget],
  ['getattr', 0, getattr],
  ['setattr', 88, setattr],
  ['readlink', 0, readlink],
  ['symlink', 4, symlink],
  ['mknod', 18, mknod],
  ['mkdir', 10, mkdir],
  ['unlink', 2, unlink],
  ['rmdir', 2, rmdir],
  ['rename', 12, rename],
  ['link', 10, link],
  ['open', 8, open],
  ['read', 40, read],
  ['write', 40, write],
  ['statfs', 0, statfs],
  ['release', 24, release],
  ['fsync', 16, fsync],
  ['setxattr', 10, setxattr],
  ['getxattr', 10, getxattr],
  ['listxattr', 8, listxattr],
  ['removexattr', 2, removexattr],
  ['flush', 24, flush],
  ['init', 16, initialise],
  ['opendir', 8, opendir],
  ['readdir', 40, readdir],
  ['releasedir', 24, releasedir],
  ['fsyncdir', 16, sync],
  ['getlk', 48, getlk],
  ['setlk', 48, setlk],
  ['setlkw', 48, setlkw],
  ['access', 0, unknown],
  ['create', 18, create],
  ['interrupt', 8, interrupt],
  ['bmap', 0, unknown],
  ['destroy', 0, destroy],
  ['ioctl', 0, ioctl],
  ['poll', 0, unknown],
  ['notifyReply', 0, forget],
  ['batchForget', 8, forget],
  ['fallocate', 32, fallocate],
  ['readdirplus', 40, readdirplus],
  ['rename2', 20, rename2],
  ['lseek', 24, lseek],
  ['copyFileRange', 56, copyFileRange],
  ['setupMapping', 0, unknown],
  ['removeMapping', 0, unknown],
  ['syncfs', 0, sync],
  ['tmpfile', 16, tmpfile],
  ['statx', 24, statx],
  ['copyFileRange64', 56, copyFileRange64],
];

const silent = new Set<keyof typeof opcode>(['forget', 'batchForget', 'interrupt', 'notifyReply']);
const anybody = new Set<keyof typeof opcode>([
  ...silent,
  'init',
  'destroy',
  'flush',
  'release',
  'releasedir',
]);

export const operations: readonly (Operation | undefined)[] = byOpcode();

function byOpcode(): (Operation | undefined)[] {
  const table = new Array<Operation | undefined>(Math.max(...Object.values(opcode)) + 1).fill(undefined);
  for (const [name, body, run] of rows) {
    table[opcode[name]] = { name, body, run, silent: silent.has(name), anybody: anybody.has(name) };
  }
  return table;
}
