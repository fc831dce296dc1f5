/** Requests that list directories. */
import { nameFromText } from '../base/names.ts';
import type { Name } from '../base/names.ts';
import type { Attr, NodeId } from '../fs/types.ts';
import { S_IFDIR } from '../fs/types.ts';
import type { Connection } from './connection.ts';
import { errno } from './errno.ts';
import { DIRENT_SIZE, ENTRY_SIZE, OPEN_OUT_SIZE } from './protocol.ts';
import type { Request } from './request.ts';

const dot = nameFromText('.');
const dotDot = nameFromText('..');
/** `.` ends at cookie 1 and `..` at 2; those of the FileSystem come after. */
const DOTS = 2;
/** A guess at the length of names, for how many entries to ask for. */
const USUAL_NAME = 16;

/**
 * ENOSYS has the kernel open and close directories by itself from then on, and keep listings for as long as it is not told otherwise. Its own
 * changes drop them (fuse_dir_changed); for those of others there is `Invalidation`.
 */
export function opendir(connection: Connection, request: Request): void {
  if (connection.keepsListings && connection.protocol?.noOpendir === true) {
    connection.refuse(request, errno.ENOSYS);
    return;
  }
  connection.frame.clear(0, OPEN_OUT_SIZE);
  connection.send(request, OPEN_OUT_SIZE);
}

export function releasedir(connection: Connection, request: Request): void {
  connection.done(request);
}

export function readdir(connection: Connection, request: Request): Promise<void> {
  return listed(connection, request, false);
}

export function readdirplus(connection: Connection, request: Request): Promise<void> {
  return listed(connection, request, true);
}

async function listed(connection: Connection, request: Request, plus: boolean): Promise<void> {
  const { fs, frame, edge } = connection;
  const node = request.node;
  const offset = Math.min(request.u64(8), Number.MAX_SAFE_INTEGER);
  const size = Math.min(request.u32(16), frame.room);
  const head = plus ? ENTRY_SIZE + DIRENT_SIZE : DIRENT_SIZE;
  const limit = Math.max(1, Math.floor(size / (head + USUAL_NAME)));
  let parent: NodeId = node;
  if (offset < DOTS && node !== edge.root) parent = (await fs.getattr(request, node)).parent ?? node;
  const entries = await fs.readdir(request, node, Math.max(0, offset - DOTS), limit);
  // From here to the sending nothing is waited for: the frame is shared with all requests.
  const page = new Page(connection, request, size, plus);
  let fits = offset >= 1 || page.dot(dot, node, 1);
  fits &&= offset >= DOTS || page.dot(dotDot, parent, DOTS);
  for (let i = 0; fits && i < entries.length; i++) {
    const entry = entries[i];
    fits = entry === undefined || page.add(entry.name, entry.attr, entry.cookie + DOTS);
  }
  connection.send(request, page.length);
}

/** One answer to READDIR or READDIRPLUS. What does not fit is asked for again, by the cookie of the last entry that did. */
class Page {
  length = 0;
  readonly #connection: Connection;
  readonly #request: Request;
  readonly #size: number;
  readonly #plus: boolean;

  constructor(connection: Connection, request: Request, size: number, plus: boolean) {
    this.#connection = connection;
    this.#request = request;
    this.#size = size;
    this.#plus = plus;
  }

  /** `.` and `..` are never entered into the name cache: their node is 0. */
  dot(name: Name, node: NodeId, cookie: number): boolean {
    const end = this.#end(name);
    if (end > this.#size) return false;
    const { frame } = this.#connection;
    if (this.#plus) {
      frame.clear(this.length, ENTRY_SIZE);
      frame.u64(this.length + 40, node);
      frame.u32(this.length + 40 + 60, S_IFDIR);
    }
    this.#dirent(name, node, S_IFDIR, cookie, end);
    return true;
  }

  add(name: Name, attr: Attr, cookie: number): boolean {
    const end = this.#end(name);
    if (end > this.#size) return false;
    if (this.#plus) this.#connection.putEntry(this.#request, this.length, attr);
    this.#dirent(name, attr.node, attr.mode, cookie, end);
    return true;
  }

  #end(name: Name): number {
    const head = this.#plus ? ENTRY_SIZE + DIRENT_SIZE : DIRENT_SIZE;
    return this.length + head + ((name.length + 7) & ~7);
  }

  #dirent(name: Name, node: NodeId, mode: number, cookie: number, end: number): void {
    const { frame } = this.#connection;
    const at = this.length + (this.#plus ? ENTRY_SIZE : 0);
    // The type of a directory entry is the upper four bits of the mode.
    frame.dirent(at, node, cookie, name.length, (mode >> 12) & 15);
    frame.name(at + DIRENT_SIZE, name, end - at - DIRENT_SIZE);
    this.length = end;
  }
}
