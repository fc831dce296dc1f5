/** A small FileSystem in memory, for what is stacked upon one. Checks no permissions, keeps a version per flush. */
import { FsError } from '../../src/base/errors.ts';
import type { Name } from '../../src/base/names.ts';
import type { Caller } from '../../src/base/caller.ts';
import { root, S_IFDIR, S_IFMT, S_IFREG } from '../../src/fs/types.ts';
import type {
  Attr,
  AttrChange,
  Created,
  DirEntry,
  FileHandle,
  FileSystem,
  Lineage,
  NewNode,
  NodeId,
  OpenFlags,
  Place,
  RenameMode,
  StatFs,
  Version,
} from '../../src/fs/types.ts';

const epoch = { sec: 1_700_000_000, nsec: 0 };

interface Node {
  node: NodeId;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  data: Buffer;
  target: Uint8Array;
  parent: NodeId;
  children: Map<Name, { node: NodeId; cookie: number }>;
  xattrs: Map<Name, Uint8Array>;
  versions: Buffer[];
  owner: string | undefined;
}

export function caller(over: Partial<Caller> = {}): Caller {
  return {
    subject: 'user:test',
    zone: 'default',
    uid: 0,
    gid: 0,
    groups: [],
    pid: 1,
    umask: 0,
    via: 0,
    ...over,
  };
}

export class MemoryTree implements FileSystem {
  readonly nodes = new Map<NodeId, Node>();
  /** Handles that are open. */
  open_ = 0;
  /** What new handles answer as their `io`. */
  io: FileHandle['io'] = 'cached';
  #lastNode = 0;
  #lastCookie = 0;

  constructor() {
    this.#node(S_IFDIR | 0o755, root);
  }

  #node(mode: number, parent: NodeId, owner?: string): Node {
    const node: Node = {
      node: ++this.#lastNode,
      mode,
      uid: 0,
      gid: 0,
      nlink: (mode & S_IFMT) === S_IFDIR ? 2 : 1,
      data: Buffer.alloc(0),
      target: Buffer.alloc(0),
      parent,
      children: new Map(),
      xattrs: new Map(),
      versions: [],
      owner,
    };
    this.nodes.set(node.node, node);
    return node;
  }

  get(node: NodeId): Node {
    const found = this.nodes.get(node);
    if (!found) throw new FsError('ESTALE');
    return found;
  }

  #directory(node: NodeId): Node {
    const found = this.get(node);
    if ((found.mode & S_IFMT) !== S_IFDIR) throw new FsError('ENOTDIR');
    return found;
  }

  #at(at: Place): Node {
    const entry = this.#directory(at.parent).children.get(at.name);
    if (!entry) throw new FsError('ENOENT');
    return this.get(entry.node);
  }

  #attr(node: Node): Attr {
    const directory = (node.mode & S_IFMT) === S_IFDIR;
    return {
      node: node.node,
      mode: node.mode,
      nlink: node.nlink,
      uid: node.uid,
      gid: node.gid,
      rdev: 0,
      size: node.data.length || node.target.length,
      blocks: 0,
      atime: epoch,
      mtime: epoch,
      ctime: epoch,
      btime: epoch,
      version: node.versions.length,
      ...(directory ? { parent: node.parent } : {}),
    };
  }

  #put(at: Place, node: NodeId): void {
    const directory = this.#directory(at.parent);
    if (directory.children.has(at.name)) throw new FsError('EEXIST');
    directory.children.set(at.name, { node, cookie: ++this.#lastCookie });
  }

  async lookup(_: Caller, at: Place): Promise<Attr> {
    return this.#attr(this.#at(at));
  }

  async getattr(_: Caller, node: NodeId): Promise<Attr> {
    return this.#attr(this.get(node));
  }

  lineage(node: NodeId): Lineage | undefined {
    const found = this.nodes.get(node);
    if (!found) return undefined;
    const directories = [...this.nodes.values()].filter((above) =>
      [...above.children.values()].some((entry) => entry.node === node),
    );
    return {
      parents: directories.map((above) => above.node),
      directory: (found.mode & S_IFMT) === S_IFDIR,
      owner: found.owner,
    };
  }

  async setattr(_: Caller, node: NodeId, change: AttrChange): Promise<Attr> {
    const found = this.get(node);
    if (change.mode !== undefined) found.mode = (found.mode & S_IFMT) | change.mode;
    if (change.size !== undefined) {
      const data = Buffer.alloc(change.size);
      found.data.copy(data);
      found.data = data;
    }
    return this.#attr(found);
  }

  async readlink(_: Caller, node: NodeId): Promise<Uint8Array> {
    return this.get(node).target;
  }

  async mknod(by: Caller, at: Place, what: NewNode): Promise<Attr> {
    if (this.#directory(at.parent).children.has(at.name)) throw new FsError('EEXIST');
    const node = this.#node(what.mode, at.parent, by.subject);
    if (what.target) node.target = Buffer.from(what.target);
    this.#put(at, node.node);
    return this.#attr(node);
  }

  async create(by: Caller, at: Place, mode: number, flags: OpenFlags): Promise<Created> {
    const attr = await this.mknod(by, at, { mode: S_IFREG | (mode & 0o7777) });
    return { attr, handle: this.#handle(this.get(attr.node), flags) };
  }

  async tmpfile(by: Caller, parent: NodeId, mode: number, flags: OpenFlags): Promise<Created> {
    const node = this.#node(S_IFREG | mode, parent, by.subject);
    node.nlink = 0;
    return { attr: this.#attr(node), handle: this.#handle(node, flags) };
  }

  async link(_: Caller, node: NodeId, to: Place): Promise<Attr> {
    this.#put(to, node);
    this.get(node).nlink++;
    return this.#attr(this.get(node));
  }

  async unlink(_: Caller, at: Place): Promise<void> {
    const node = this.#at(at);
    if ((node.mode & S_IFMT) === S_IFDIR) throw new FsError('EISDIR');
    node.nlink--;
    this.#directory(at.parent).children.delete(at.name);
  }

  async rmdir(_: Caller, at: Place): Promise<void> {
    const node = this.#at(at);
    if (this.#directory(node.node).children.size > 0) throw new FsError('ENOTEMPTY');
    this.#directory(at.parent).children.delete(at.name);
    this.nodes.delete(node.node);
  }

  async rename(_: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    const node = this.#at(from);
    const target = this.#directory(to.parent);
    if (mode === 'noreplace' && target.children.has(to.name)) throw new FsError('EEXIST');
    target.children.delete(to.name);
    this.#directory(from.parent).children.delete(from.name);
    this.#put(to, node.node);
    node.parent = to.parent;
  }

  async open(_: Caller, node: NodeId, flags: OpenFlags): Promise<FileHandle> {
    const found = this.get(node);
    if (flags.truncate === true) found.data = Buffer.alloc(0);
    return this.#handle(found, flags);
  }

  #handle(node: Node, flags: OpenFlags): FileHandle {
    this.open_++;
    let changed = flags.truncate === true;
    const flush = (): void => {
      if (changed) node.versions.push(node.data);
      changed = false;
    };
    return {
      node: node.node,
      flags,
      io: this.io,
      backing: this.io === 'backing' ? 0 : undefined,
      size: node.data.length,
      stamp: 0,
      read: async (_, into, offset) => node.data.copy(into, 0, offset),
      write: async (_, data, offset) => {
        const at = flags.append === true ? node.data.length : offset;
        const grown = Buffer.alloc(Math.max(node.data.length, at + data.length));
        node.data.copy(grown);
        grown.set(data, at);
        node.data = grown;
        changed = true;
        return data.length;
      },
      flush: async () => flush(),
      flushSoon: async () => flush(),
      fsync: async () => undefined,
      release: async () => {
        this.open_--;
      },
      allocate: async () => undefined,
      seek: async (_, offset) => offset,
      copyRange: async (by, offset, to, toOffset, length) =>
        to.write(by, node.data.subarray(offset, offset + length), toOffset),
    };
  }

  async readdir(_: Caller, node: NodeId, after: number, limit: number): Promise<readonly DirEntry[]> {
    return [...this.#directory(node).children]
      .map(([name, entry]) => ({ name, cookie: entry.cookie, attr: this.#attr(this.get(entry.node)) }))
      .filter((entry) => entry.cookie > after)
      .slice(0, limit);
  }

  async getxattr(_: Caller, node: NodeId, name: Name): Promise<Uint8Array> {
    const value = this.get(node).xattrs.get(name);
    if (!value) throw new FsError('ENODATA');
    return value;
  }

  async setxattr(_: Caller, node: NodeId, name: Name, value: Uint8Array): Promise<void> {
    this.get(node).xattrs.set(name, Buffer.from(value));
  }

  async removexattr(_: Caller, node: NodeId, name: Name): Promise<void> {
    if (!this.get(node).xattrs.delete(name)) throw new FsError('ENODATA');
  }

  async listxattr(_: Caller, node: NodeId): Promise<readonly Name[]> {
    return [...this.get(node).xattrs.keys()];
  }

  async statfs(): Promise<StatFs> {
    return { blockSize: 4096, blocks: 100, free: 50, available: 50, files: 10, filesFree: 5, nameMax: 255 };
  }

  async sync(): Promise<void> {
    return undefined;
  }

  async versions(_: Caller, node: NodeId, after: number, limit: number): Promise<readonly Version[]> {
    return this.get(node)
      .versions.map((data, i) => ({
        number: i + 1,
        size: data.length,
        time: epoch,
        author: 'user:test',
        hash: '',
      }))
      .filter((version) => version.number > after)
      .slice(0, limit);
  }

  async readVersion(
    _: Caller,
    node: NodeId,
    version: number,
    into: Uint8Array,
    offset: number,
  ): Promise<number> {
    const data = this.get(node).versions[version - 1];
    if (!data) throw new FsError('ENOENT');
    return data.copy(into, 0, offset);
  }
}

/** The code an operation fails with, or 'none'. */
export async function codeFrom(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return 'none';
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
}
