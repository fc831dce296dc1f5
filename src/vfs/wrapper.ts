/** What combinators build on: a FileSystem and a FileHandle that pass every call to another one, unchanged. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import type { Name } from '../base/names.ts';
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

/** The methods return the inner promise itself: a layer costs one call, no turn of the microtask queue. */
export class WrappedTree implements FileSystem {
  protected readonly inner: FileSystem;

  constructor(inner: FileSystem) {
    this.inner = inner;
  }

  lookup(caller: Caller, at: Place): Promise<Attr> {
    return this.inner.lookup(caller, at);
  }

  lineage(node: NodeId): Awaitable<Lineage | undefined> {
    return this.inner.lineage(node);
  }

  getattr(caller: Caller, node: NodeId): Promise<Attr> {
    return this.inner.getattr(caller, node);
  }

  setattr(caller: Caller, node: NodeId, change: AttrChange): Promise<Attr> {
    return this.inner.setattr(caller, node, change);
  }

  readlink(caller: Caller, node: NodeId): Promise<Uint8Array> {
    return this.inner.readlink(caller, node);
  }

  mknod(caller: Caller, at: Place, what: NewNode): Promise<Attr> {
    return this.inner.mknod(caller, at, what);
  }

  create(caller: Caller, at: Place, mode: number, flags: OpenFlags): Promise<Created> {
    return this.inner.create(caller, at, mode, flags);
  }

  tmpfile(caller: Caller, parent: NodeId, mode: number, flags: OpenFlags): Promise<Created> {
    return this.inner.tmpfile(caller, parent, mode, flags);
  }

  link(caller: Caller, node: NodeId, to: Place): Promise<Attr> {
    return this.inner.link(caller, node, to);
  }

  unlink(caller: Caller, at: Place): Promise<void> {
    return this.inner.unlink(caller, at);
  }

  rmdir(caller: Caller, at: Place): Promise<void> {
    return this.inner.rmdir(caller, at);
  }

  rename(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    return this.inner.rename(caller, from, to, mode);
  }

  open(caller: Caller, node: NodeId, flags: OpenFlags): Promise<FileHandle> {
    return this.inner.open(caller, node, flags);
  }

  readdir(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly DirEntry[]> {
    return this.inner.readdir(caller, node, after, limit);
  }

  getxattr(caller: Caller, node: NodeId, name: Name): Promise<Uint8Array> {
    return this.inner.getxattr(caller, node, name);
  }

  setxattr(caller: Caller, node: NodeId, name: Name, value: Uint8Array, mode: XattrMode): Promise<void> {
    return this.inner.setxattr(caller, node, name, value, mode);
  }

  removexattr(caller: Caller, node: NodeId, name: Name): Promise<void> {
    return this.inner.removexattr(caller, node, name);
  }

  listxattr(caller: Caller, node: NodeId): Promise<readonly Name[]> {
    return this.inner.listxattr(caller, node);
  }

  statfs(caller: Caller, node: NodeId): Promise<StatFs> {
    return this.inner.statfs(caller, node);
  }

  sync(caller: Caller, node: NodeId): Promise<void> {
    return this.inner.sync(caller, node);
  }

  versions(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly Version[]> {
    return this.inner.versions(caller, node, after, limit);
  }

  readVersion(
    caller: Caller,
    node: NodeId,
    version: number,
    into: Uint8Array,
    offset: number,
  ): Promise<number> {
    return this.inner.readVersion(caller, node, version, into, offset);
  }
}

/** An open file of a wrapped FileSystem; `copyRange` hands the inner handles to each other. */
export class WrappedHandle implements FileHandle {
  readonly inner: FileHandle;

  constructor(inner: FileHandle) {
    this.inner = inner;
  }

  get node(): NodeId {
    return this.inner.node;
  }

  get flags(): OpenFlags {
    return this.inner.flags;
  }

  get io(): 'cached' | 'direct' | 'backing' {
    return this.inner.io;
  }

  get backing(): number | undefined {
    return this.inner.backing;
  }

  get size(): number {
    return this.inner.size;
  }

  get stamp(): number {
    return this.inner.stamp;
  }

  read(caller: Caller, into: Uint8Array, offset: number): Promise<number> {
    return this.inner.read(caller, into, offset);
  }

  write(caller: Caller, data: Uint8Array, offset: number): Promise<number> {
    return this.inner.write(caller, data, offset);
  }

  flush(caller: Caller): Promise<void> {
    return this.inner.flush(caller);
  }

  flushSoon(caller: Caller): Promise<void> {
    return this.inner.flushSoon(caller);
  }

  fsync(caller: Caller, dataOnly: boolean): Promise<void> {
    return this.inner.fsync(caller, dataOnly);
  }

  release(caller: Caller): Promise<void> {
    return this.inner.release(caller);
  }

  allocate(caller: Caller, mode: number, offset: number, length: number): Promise<void> {
    return this.inner.allocate(caller, mode, offset, length);
  }

  seek(caller: Caller, offset: number, whence: 'data' | 'hole'): Promise<number> {
    return this.inner.seek(caller, offset, whence);
  }

  copyRange(
    caller: Caller,
    offset: number,
    to: FileHandle,
    toOffset: number,
    length: number,
  ): Promise<number> {
    return this.inner.copyRange(caller, offset, unwrapped(to), toOffset, length);
  }
}

/** The handle of the FileSystem one layer below, where there is one. */
export function unwrapped(handle: FileHandle): FileHandle {
  return handle instanceof WrappedHandle ? handle.inner : handle;
}
