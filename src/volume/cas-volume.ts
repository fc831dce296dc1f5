/** The volume: a FileSystem made of a Namespace (names, attributes, versions) and a ContentStore (bytes). */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import { decodeContent } from '../cas/content.ts';
import { hashToHex } from '../cas/hash.ts';
import type { Content } from '../cas/types.ts';
import { root, S_IFLNK, S_IFMT, S_IFREG } from '../fs/types.ts';
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
  XattrMode,
} from '../fs/types.ts';
import type { Inode, VersionRecord } from '../meta/types.ts';
import { Attributes } from './attributes.ts';
import { checkOffset } from './limits.ts';
import { fsync } from './fsync.ts';
import { checkFlags, Opening } from './opening.ts';
import { OpenFiles } from './open-files.ts';
import { setattr } from './setattr.ts';
import type { Parts } from './types.ts';
import { Xattrs } from './xattrs.ts';

/** More inodes than anybody makes: as many as fit below the part of a node id that the mount table owns. */
const INODES = 2 ** 40;

export class CasVolume implements FileSystem, AsyncDisposable {
  readonly #parts: Parts;
  readonly #files: OpenFiles;
  readonly #opening: Opening;
  readonly #attributes: Attributes;
  readonly #xattrs: Xattrs;

  /** Use `openCasVolume`, which recovers what a crash left. */
  constructor(parts: Parts) {
    this.#parts = parts;
    this.#files = new OpenFiles(parts);
    this.#opening = new Opening(parts, this.#files);
    this.#attributes = new Attributes(parts, this.#files);
    this.#xattrs = new Xattrs(parts, this.#files);
  }

  async lookup(_caller: Caller, at: Place): Promise<Attr> {
    const inode = this.#parts.namespace.lookup(at.parent, at.name);
    return this.#attributes.of(inode instanceof Promise ? await inode : inode);
  }

  lineage(node: NodeId): Awaitable<Lineage | undefined> {
    return this.#parts.namespace.lineage(node);
  }

  async getattr(_caller: Caller, node: NodeId): Promise<Attr> {
    const inode = this.#inode(node);
    return this.#attributes.of(inode instanceof Promise ? await inode : inode);
  }

  async setattr(caller: Caller, node: NodeId, change: AttrChange): Promise<Attr> {
    return this.#attributes.of(await setattr(this.#parts, this.#files, caller, node, change));
  }

  async readlink(_caller: Caller, node: NodeId): Promise<Uint8Array> {
    const inode = await this.#inode(node);
    if ((inode.mode & S_IFMT) === S_IFLNK) return inode.target;
    throw new FsError('EINVAL', `inode ${String(node)} is no symbolic link`);
  }

  async mknod(caller: Caller, at: Place, what: NewNode): Promise<Attr> {
    return this.#attributes.of(await this.#parts.namespace.make(caller, at, what));
  }

  async create(caller: Caller, at: Place, mode: number, flags: OpenFlags): Promise<Created> {
    checkFlags(flags);
    const { inode, handle } = await this.#opening.create(caller, at, mode, flags);
    return { attr: await this.#attributes.of(inode), handle };
  }

  async tmpfile(caller: Caller, parent: NodeId, mode: number, flags: OpenFlags): Promise<Created> {
    checkFlags(flags);
    const { inode, handle } = await this.#opening.tmpfile(caller, parent, mode, flags);
    return { attr: await this.#attributes.of(inode), handle };
  }

  async link(caller: Caller, node: NodeId, to: Place): Promise<Attr> {
    return this.#attributes.of(await this.#parts.namespace.link(caller, node, to));
  }

  async unlink(caller: Caller, at: Place): Promise<void> {
    this.#files.removed(await this.#parts.namespace.unlink(caller, at, this.#files.isOpen));
  }

  async rmdir(caller: Caller, at: Place): Promise<void> {
    await this.#parts.namespace.rmdir(caller, at, this.#files.isOpen);
  }

  async rename(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    const { replaced } = await this.#parts.namespace.rename(caller, from, to, mode, this.#files.isOpen);
    this.#files.removed(replaced);
  }

  async open(caller: Caller, node: NodeId, flags: OpenFlags): Promise<FileHandle> {
    checkFlags(flags);
    return this.#opening.open(caller, node, flags);
  }

  async readdir(_caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly DirEntry[]> {
    const listed = await this.#parts.namespace.list(node, after, limit);
    const entries: DirEntry[] = [];
    for (const { name, inode, cookie } of listed) {
      const attr = this.#attributes.of(inode);
      entries.push({ name, attr: attr instanceof Promise ? await attr : attr, cookie });
    }
    return entries;
  }

  getxattr(caller: Caller, node: NodeId, name: Name): Promise<Uint8Array> {
    return this.#xattrs.get(caller, node, name);
  }

  setxattr(caller: Caller, node: NodeId, name: Name, value: Uint8Array, mode: XattrMode): Promise<void> {
    return this.#xattrs.set(caller, node, name, value, mode);
  }

  removexattr(caller: Caller, node: NodeId, name: Name): Promise<void> {
    return this.#xattrs.remove(caller, node, name);
  }

  listxattr(caller: Caller, node: NodeId): Promise<readonly Name[]> {
    return this.#xattrs.list(caller, node);
  }

  async statfs(): Promise<StatFs> {
    const host = this.#parts.native.statfs(this.#parts.directory);
    return {
      blockSize: host.bsize,
      blocks: host.blocks,
      free: host.bfree,
      available: host.bavail,
      files: INODES,
      filesFree: INODES - this.#parts.namespace.counts().inodes,
      nameMax: 255,
    };
  }

  /** Of the root: everything, files that are being written included (syncfs(2)). Of another directory: what is acknowledged of names and closed files. */
  async sync(caller: Caller, node: NodeId): Promise<void> {
    await this.#inode(node);
    if (node !== root) {
      await this.#files.settled();
      await this.#parts.kv.sync();
      return;
    }
    const changed = [...this.#files.all()].filter((file) => {
      file.observe();
      return file.changed;
    });
    await Promise.all(changed.map((file) => fsync(this.#parts, file, file.lastCaller ?? caller)));
    await this.#parts.kv.sync();
  }

  async versions(_caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly Version[]> {
    await this.#settledFile(node);
    const records = await this.#parts.namespace.versions(node, after, limit);
    const versions: Version[] = [];
    for (const record of records) versions.push(await this.#version(record));
    return versions;
  }

  async #version(record: VersionRecord): Promise<Version> {
    const { number, size, time, author } = record;
    const hash = hashToHex(await this.#parts.content.hashOf(decodeContent(record.content), size));
    return { number, size, time, author, hash };
  }

  async readVersion(
    _caller: Caller,
    node: NodeId,
    version: number,
    into: Uint8Array,
    offset: number,
  ): Promise<number> {
    checkOffset(offset);
    await this.#settledFile(node);
    const record = await this.#parts.namespace.version(node, version);
    if (record === undefined) {
      throw new FsError('ENOENT', `inode ${String(node)} has no version ${String(version)}`);
    }
    return this.#parts.content.read(decodeContent(record.content), record.size, into, offset);
  }

  /** A regular file, with what its last close left to be done. */
  async #settledFile(node: NodeId): Promise<void> {
    const inode = await this.#inode(node);
    if ((inode.mode & S_IFMT) !== S_IFREG) {
      throw new FsError('EINVAL', `inode ${String(node)} is no regular file; only these have versions`);
    }
    const file = this.#files.get(node);
    if (file !== undefined) await this.#files.finish(file);
  }

  #inode(node: NodeId): Awaitable<Inode> {
    const inode = this.#parts.namespace.inode(node);
    return inode instanceof Promise ? inode.then((read) => existing(read, node)) : existing(inode, node);
  }

  /** Does somebody write to the file through another mount in a way only the kernel sees? Then attributes must not be cached. */
  openElsewhere(node: NodeId, via: number): boolean {
    const file = this.#files.get(node);
    return file !== undefined && (file.mapped || file.users.unseenElsewhere(via));
  }

  /** What open files read although no record may name it any more: garbage collection spares it. */
  *contentsInUse(): Iterable<Content> {
    for (const file of this.#files.all()) yield file.base;
  }

  /** Files kept in memory because they are open or were a moment ago. */
  stats(): Readonly<Record<string, number>> {
    return { openFiles: this.#files.size };
  }

  /** Resolves when everything closed is a version and every slot that can be given up is. */
  drain(): Promise<void> {
    return this.#files.drain();
  }

  /** Commits everything, also what is still open; nothing may be called afterwards. The stores beneath stay open. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files.close();
  }
}

function existing(inode: Inode | undefined, node: NodeId): Inode {
  if (inode === undefined) throw new FsError('ESTALE', `there is no inode ${String(node)} any more`);
  return inode;
}
