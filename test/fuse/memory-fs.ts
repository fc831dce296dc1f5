/** A small FileSystem for tests of the protocol: nodes in a Map, the content of each file in a nameless host file, so that passthrough has something to work on. */
import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Caller } from '../../src/base/caller.ts';
import { FsError } from '../../src/base/errors.ts';
import type { Name } from '../../src/base/names.ts';
import type { Time } from '../../src/base/time.ts';
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
  TimeChange,
  Version,
  XattrMode,
} from '../../src/fs/types.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../../src/fs/types.ts';
import type { Node } from './memory-handle.ts';
import { MemoryHandle, now } from './memory-handle.ts';

export class MemoryFs implements FileSystem, Disposable {
  readonly #nodes = new Map<NodeId, Node>();
  #last = 0;
  #cookies = 0;
  /** What was released, flushed, synced: for tests to look at. */
  readonly seen: string[] = [];

  constructor() {
    const node = this.#make(S_IFDIR | 0o755, 0, 0);
    node.parent = node.id;
    node.nlink = 2;
  }

  #make(mode: number, uid: number, gid: number): Node {
    const id = ++this.#last;
    const time = now();
    let fd = -1;
    if ((mode & S_IFMT) === S_IFREG) {
      const directory = mkdtempSync(join(tmpdir(), 'nexus-memory-fs-'));
      fd = openSync(join(directory, 'content'), 'w+');
      rmSync(directory, { recursive: true });
    }
    const node: Node = {
      id,
      mode,
      nlink: 0,
      uid,
      gid,
      rdev: 0,
      times: { atime: time, mtime: time, ctime: time, btime: time },
      parent: 0,
      owner: undefined,
      entries: new Map(),
      xattrs: new Map(),
      target: new Uint8Array(),
      fd,
      stamp: 1,
      opens: 0,
      io: 'cached',
    };
    this.#nodes.set(id, node);
    return node;
  }

  #node(id: NodeId): Node {
    const node = this.#nodes.get(id);
    if (!node) throw new FsError('ESTALE', `node ${id}`);
    return node;
  }

  #dir(id: NodeId): Node {
    const node = this.#node(id);
    if ((node.mode & S_IFMT) !== S_IFDIR) throw new FsError('ENOTDIR');
    return node;
  }

  #at(at: Place): Node {
    const entry = this.#dir(at.parent).entries.get(at.name);
    if (!entry) throw new FsError('ENOENT');
    return this.#node(entry.node);
  }

  /** A kernel may be writing its host file. */
  unseen(id: NodeId): boolean {
    const node = this.#nodes.get(id);
    return node !== undefined && node.opens > 0 && node.io === 'backing';
  }

  #attr(node: Node): Attr {
    const size = node.fd >= 0 ? fstatSync(node.fd).size : node.target.length;
    const dir = (node.mode & S_IFMT) === S_IFDIR;
    return {
      node: node.id,
      mode: node.mode,
      nlink: node.nlink,
      uid: node.uid,
      gid: node.gid,
      rdev: node.rdev,
      size,
      blocks: Math.ceil(size / 512),
      ...node.times,
      version: 0,
      ...(dir ? { parent: node.parent } : {}),
    };
  }

  #put(at: Place, node: Node): void {
    const dir = this.#dir(at.parent);
    if (dir.entries.has(at.name)) throw new FsError('EEXIST');
    dir.entries.set(at.name, { node: node.id, cookie: ++this.#cookies });
    node.nlink++;
    if ((node.mode & S_IFMT) === S_IFDIR) {
      node.parent = at.parent;
      node.nlink = 2;
      dir.nlink++;
    }
    dir.times.mtime = dir.times.ctime = now();
  }

  #drop(at: Place): void {
    const dir = this.#dir(at.parent);
    const node = this.#at(at);
    dir.entries.delete(at.name);
    dir.times.mtime = dir.times.ctime = now();
    if ((node.mode & S_IFMT) === S_IFDIR) {
      dir.nlink--;
      node.nlink = 0;
    } else node.nlink--;
    this.#reap(node);
  }

  #reap(node: Node): void {
    if (node.nlink > 0 || node.opens > 0) return;
    if (node.fd >= 0) closeSync(node.fd);
    this.#nodes.delete(node.id);
  }

  async lookup(_: Caller, at: Place): Promise<Attr> {
    return this.#attr(this.#at(at));
  }

  async getattr(_: Caller, node: NodeId): Promise<Attr> {
    return this.#attr(this.#node(node));
  }

  lineage(id: NodeId): Lineage | undefined {
    const node = this.#nodes.get(id);
    if (!node) return undefined;
    const parents = [...this.#nodes.values()]
      .filter((above) => [...above.entries.values()].some((entry) => entry.node === id))
      .map((above) => above.id);
    return { parents, directory: (node.mode & S_IFMT) === S_IFDIR, owner: node.owner };
  }

  async setattr(_: Caller, id: NodeId, change: AttrChange): Promise<Attr> {
    const node = this.#node(id);
    if (change.mode !== undefined) node.mode = (node.mode & S_IFMT) | change.mode;
    if (change.uid !== undefined) node.uid = change.uid;
    if (change.gid !== undefined) node.gid = change.gid;
    if (change.killPriv === true) node.mode &= ~0o6000;
    if (change.size !== undefined) {
      ftruncateSync(node.fd, change.size);
      node.stamp++;
    }
    const at = (time: TimeChange): Time => (time === 'now' ? now() : time);
    if (change.atime) node.times.atime = at(change.atime);
    if (change.mtime) node.times.mtime = at(change.mtime);
    node.times.ctime = now();
    return this.#attr(node);
  }

  async readlink(_: Caller, node: NodeId): Promise<Uint8Array> {
    return this.#node(node).target;
  }

  async mknod(caller: Caller, at: Place, what: NewNode): Promise<Attr> {
    if (this.#dir(at.parent).entries.has(at.name)) throw new FsError('EEXIST');
    const node = this.#make(what.mode, caller.uid, caller.gid);
    node.rdev = what.rdev ?? 0;
    node.owner = caller.subject;
    node.target = what.target ?? node.target;
    this.#put(at, node);
    return this.#attr(node);
  }

  async create(caller: Caller, at: Place, mode: number, flags: OpenFlags): Promise<Created> {
    const attr = await this.mknod(caller, at, { mode: S_IFREG | mode });
    return { attr, handle: await this.open(caller, attr.node, flags) };
  }

  async tmpfile(caller: Caller, _: NodeId, mode: number, flags: OpenFlags): Promise<Created> {
    const node = this.#make(S_IFREG | mode, caller.uid, caller.gid);
    node.owner = caller.subject;
    return { attr: this.#attr(node), handle: await this.open(caller, node.id, flags) };
  }

  async link(_: Caller, id: NodeId, to: Place): Promise<Attr> {
    const node = this.#node(id);
    this.#put(to, node);
    return this.#attr(node);
  }

  async unlink(_: Caller, at: Place): Promise<void> {
    this.#drop(at);
  }

  async rmdir(_: Caller, at: Place): Promise<void> {
    const node = this.#at(at);
    if ((node.mode & S_IFMT) !== S_IFDIR) throw new FsError('ENOTDIR');
    if (node.entries.size > 0) throw new FsError('ENOTEMPTY');
    this.#drop(at);
  }

  async rename(_: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    const node = this.#at(from);
    const there = this.#dir(to.parent).entries.get(to.name);
    if (mode === 'exchange') {
      const other = this.#at(to);
      const here = this.#dir(from.parent).entries;
      here.set(from.name, { node: other.id, cookie: here.get(from.name)?.cookie ?? 0 });
      this.#dir(to.parent).entries.set(to.name, { node: node.id, cookie: there?.cookie ?? 0 });
      return;
    }
    if (there && mode === 'noreplace') throw new FsError('EEXIST');
    if (there) this.#drop(to);
    const above = this.#dir(from.parent);
    above.entries.delete(from.name);
    above.times.mtime = above.times.ctime = now();
    node.nlink--;
    if ((node.mode & S_IFMT) === S_IFDIR) above.nlink--;
    this.#put(to, node);
  }

  async open(_: Caller, id: NodeId, flags: OpenFlags): Promise<FileHandle> {
    const node = this.#node(id);
    if (node.fd < 0) throw new FsError('EISDIR');
    if (flags.truncate === true) {
      ftruncateSync(node.fd, 0);
      node.stamp++;
    }
    if (node.opens++ === 0) node.io = flags.passthrough === true ? 'backing' : 'cached';
    return new MemoryHandle(node, flags, this.seen, () => {
      node.opens--;
      this.#reap(node);
    });
  }

  async readdir(_: Caller, id: NodeId, after: number, limit: number): Promise<readonly DirEntry[]> {
    const page: DirEntry[] = [];
    for (const [name, { node, cookie }] of this.#dir(id).entries) {
      if (cookie > after && page.length < limit)
        page.push({ name, attr: this.#attr(this.#node(node)), cookie });
    }
    return page;
  }

  async getxattr(_: Caller, node: NodeId, name: Name): Promise<Uint8Array> {
    const value = this.#node(node).xattrs.get(name);
    if (!value) throw new FsError('ENODATA');
    return value;
  }

  async setxattr(_: Caller, node: NodeId, name: Name, value: Uint8Array, mode: XattrMode): Promise<void> {
    const { xattrs } = this.#node(node);
    if (mode === 'create' && xattrs.has(name)) throw new FsError('EEXIST');
    if (mode === 'replace' && !xattrs.has(name)) throw new FsError('ENODATA');
    xattrs.set(name, value);
  }

  async removexattr(_: Caller, node: NodeId, name: Name): Promise<void> {
    if (!this.#node(node).xattrs.delete(name)) throw new FsError('ENODATA');
  }

  async listxattr(_: Caller, node: NodeId): Promise<readonly Name[]> {
    return [...this.#node(node).xattrs.keys()];
  }

  async statfs(): Promise<StatFs> {
    return {
      blockSize: 4096,
      blocks: 1000,
      free: 600,
      available: 500,
      files: 100,
      filesFree: 90,
      nameMax: 255,
    };
  }

  async sync(_: Caller, node: NodeId): Promise<void> {
    this.seen.push(`sync ${node}`);
  }

  async versions(): Promise<readonly Version[]> {
    return [];
  }

  async readVersion(): Promise<number> {
    throw new FsError('ENOENT');
  }

  [Symbol.dispose](): void {
    for (const node of this.#nodes.values()) if (node.fd >= 0) closeSync(node.fd);
  }
}
