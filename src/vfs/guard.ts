/** Asks, before each operation, whether the caller may: the one way into a tree for every edge. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import type {
  Attr,
  AttrChange,
  Created,
  DirEntry,
  FileHandle,
  FileSystem,
  NewNode,
  NodeId,
  OpenFlags,
  Place,
  RenameMode,
  StatFs,
  Version,
  XattrMode,
} from '../fs/types.ts';
import { GuardedHandle } from './guarded-handle.ts';
import { needs } from './needs.ts';
import type { Need, Permission, Role } from './needs.ts';

/** Who may do what. */
export interface Authorizer {
  /** Moves with everything that could change an answer: an answer holds as long as this is the same. */
  readonly revision: number;
  allows(caller: Caller, permission: Permission, node: NodeId): Awaitable<boolean>;
  /** Has this caller every permission on every node? Then nothing is asked node by node, and its kernel may do I/O by itself. */
  everything(caller: Caller): boolean;
}

/**
 * Everybody may do everything; POSIX mode bits remain the kernel's business. Agents are asked about node by node all the same: what one may
 * do can be taken back at any moment, so its kernel does no I/O by itself.
 */
export const allowAll: Authorizer = {
  revision: 0,
  allows: () => true,
  everything: ({ subject }) => !subject.startsWith('agent:'),
};

type Nodes = Partial<Readonly<Record<Role, NodeId>>>;

/** What the caller may not see does not exist (ENOENT); what it may see but not do is EACCES. */
class GuardedTree implements FileSystem {
  readonly #inner: FileSystem;
  readonly #authorizer: Authorizer;

  constructor(inner: FileSystem, authorizer: Authorizer) {
    this.#inner = inner;
    this.#authorizer = authorizer;
  }

  async #require(caller: Caller, permission: Permission, node: NodeId): Promise<void> {
    if (await this.#authorizer.allows(caller, permission, node)) return;
    const seen = permission !== 'see' && (await this.#authorizer.allows(caller, 'see', node));
    throw seen
      ? new FsError('EACCES', `${caller.subject} has no ${permission} permission here`)
      : new FsError('ENOENT');
  }

  async #meet(caller: Caller, all: readonly Need[], nodes: Nodes): Promise<void> {
    for (const need of all) {
      const node = nodes[need.on];
      if (node !== undefined) await this.#require(caller, need.permission, node);
    }
  }

  /** Runs the operation at once for a caller who has everything, after its needs are met for all others. */
  #run<T>(caller: Caller, all: readonly Need[], nodes: Nodes, run: () => Promise<T>): Promise<T> {
    return this.#meet(caller, all, nodes).then(run);
  }

  /** Meets needs on the node a name stands for: the name is looked up only for callers who have not everything. */
  async #named<T>(
    caller: Caller,
    all: readonly Need[],
    nodes: Nodes,
    at: Place,
    run: () => Promise<T>,
  ): Promise<T> {
    await this.#meet(caller, all, nodes);
    const { node } = await this.#inner.lookup(caller, at);
    await this.#meet(caller, all, { named: node });
    return run();
  }

  lookup(caller: Caller, at: Place): Promise<Attr> {
    if (this.#authorizer.everything(caller)) return this.#inner.lookup(caller, at);
    return this.#lookup(caller, at);
  }

  async #lookup(caller: Caller, at: Place): Promise<Attr> {
    await this.#meet(caller, needs.lookup, { parent: at.parent });
    const found = await this.#inner.lookup(caller, at);
    await this.#meet(caller, needs.lookup, { named: found.node });
    return found;
  }

  getattr(caller: Caller, node: NodeId): Promise<Attr> {
    if (this.#authorizer.everything(caller)) return this.#inner.getattr(caller, node);
    return this.#run(caller, needs.getattr, { node }, () => this.#inner.getattr(caller, node));
  }

  setattr(caller: Caller, node: NodeId, change: AttrChange): Promise<Attr> {
    if (this.#authorizer.everything(caller)) return this.#inner.setattr(caller, node, change);
    const owns = change.mode !== undefined || change.uid !== undefined || change.gid !== undefined;
    const all: readonly Need[] = owns ? [{ on: 'node', permission: 'own' }] : needs.setattr;
    return this.#run(caller, all, { node }, () => this.#inner.setattr(caller, node, change));
  }

  readlink(caller: Caller, node: NodeId): Promise<Uint8Array> {
    if (this.#authorizer.everything(caller)) return this.#inner.readlink(caller, node);
    return this.#run(caller, needs.readlink, { node }, () => this.#inner.readlink(caller, node));
  }

  mknod(caller: Caller, at: Place, what: NewNode): Promise<Attr> {
    if (this.#authorizer.everything(caller)) return this.#inner.mknod(caller, at, what);
    const { parent } = at;
    return this.#run(caller, needs.mknod, { parent }, () => this.#inner.mknod(caller, at, what));
  }

  create(caller: Caller, at: Place, mode: number, flags: OpenFlags): Promise<Created> {
    const { parent } = at;
    const run = (): Promise<Created> => this.#inner.create(caller, at, mode, this.#flags(caller, flags));
    const made = this.#authorizer.everything(caller)
      ? run()
      : this.#run(caller, needs.create, { parent }, run);
    return made.then(({ attr, handle }) => ({ attr, handle: this.#opened(handle) }));
  }

  tmpfile(caller: Caller, parent: NodeId, mode: number, flags: OpenFlags): Promise<Created> {
    const run = (): Promise<Created> => this.#inner.tmpfile(caller, parent, mode, this.#flags(caller, flags));
    const made = this.#authorizer.everything(caller)
      ? run()
      : this.#run(caller, needs.tmpfile, { parent }, run);
    return made.then(({ attr, handle }) => ({ attr, handle: this.#opened(handle) }));
  }

  link(caller: Caller, node: NodeId, to: Place): Promise<Attr> {
    if (this.#authorizer.everything(caller)) return this.#inner.link(caller, node, to);
    const nodes = { node, parent: to.parent };
    return this.#run(caller, needs.link, nodes, () => this.#inner.link(caller, node, to));
  }

  unlink(caller: Caller, at: Place): Promise<void> {
    if (this.#authorizer.everything(caller)) return this.#inner.unlink(caller, at);
    const nodes = { parent: at.parent };
    return this.#named(caller, needs.unlink, nodes, at, () => this.#inner.unlink(caller, at));
  }

  rmdir(caller: Caller, at: Place): Promise<void> {
    if (this.#authorizer.everything(caller)) return this.#inner.rmdir(caller, at);
    const nodes = { parent: at.parent };
    return this.#named(caller, needs.rmdir, nodes, at, () => this.#inner.rmdir(caller, at));
  }

  rename(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    if (this.#authorizer.everything(caller)) return this.#inner.rename(caller, from, to, mode);
    const nodes = { from: from.parent, to: to.parent };
    const run = (): Promise<void> => this.#inner.rename(caller, from, to, mode);
    if (mode !== 'exchange') return this.#named(caller, needs.rename, nodes, from, run);
    // Both names move: what the other one stands for is moved as well.
    return this.#named(caller, needs.rename, nodes, from, () =>
      this.#named(caller, needs.rename, {}, to, run),
    );
  }

  open(caller: Caller, node: NodeId, flags: OpenFlags): Promise<FileHandle> {
    const run = (): Promise<FileHandle> => this.#inner.open(caller, node, this.#flags(caller, flags));
    const opened = this.#authorizer.everything(caller) ? run() : this.#open(caller, node, flags, run);
    return opened.then((handle) => this.#opened(handle));
  }

  async #open(
    caller: Caller,
    node: NodeId,
    flags: OpenFlags,
    run: () => Promise<FileHandle>,
  ): Promise<FileHandle> {
    await this.#meet(caller, needs.open, { node });
    if (flags.read) await this.#require(caller, 'read', node);
    if (flags.write || flags.truncate === true) await this.#require(caller, 'write', node);
    return run();
  }

  /** Passthrough takes I/O out of our hands until close: not for a caller from whom something can be taken away. */
  #flags(caller: Caller, flags: OpenFlags): OpenFlags {
    if (flags.passthrough !== true || this.#authorizer.everything(caller)) return flags;
    return { ...flags, passthrough: false };
  }

  #opened(handle: FileHandle): FileHandle {
    return new GuardedHandle(handle, this.#authorizer);
  }

  readdir(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly DirEntry[]> {
    if (this.#authorizer.everything(caller)) return this.#inner.readdir(caller, node, after, limit);
    return this.#readdir(caller, node, after, limit);
  }

  async #readdir(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly DirEntry[]> {
    await this.#meet(caller, needs.readdir, { node });
    // A page that is empty says the directory has ended: go on while all of a page is hidden.
    for (let from = after; ; ) {
      const page = await this.#inner.readdir(caller, node, from, limit);
      const last = page.at(-1);
      if (!last) return page;
      const seen: DirEntry[] = [];
      for (const entry of page) {
        if (await this.#authorizer.allows(caller, 'see', entry.attr.node)) seen.push(entry);
      }
      if (seen.length > 0) return seen;
      from = last.cookie;
    }
  }

  getxattr(caller: Caller, node: NodeId, name: Name): Promise<Uint8Array> {
    if (this.#authorizer.everything(caller)) return this.#inner.getxattr(caller, node, name);
    return this.#run(caller, needs.getxattr, { node }, () => this.#inner.getxattr(caller, node, name));
  }

  setxattr(caller: Caller, node: NodeId, name: Name, value: Uint8Array, mode: XattrMode): Promise<void> {
    if (this.#authorizer.everything(caller)) return this.#inner.setxattr(caller, node, name, value, mode);
    const run = (): Promise<void> => this.#inner.setxattr(caller, node, name, value, mode);
    return this.#run(caller, needs.setxattr, { node }, run);
  }

  removexattr(caller: Caller, node: NodeId, name: Name): Promise<void> {
    if (this.#authorizer.everything(caller)) return this.#inner.removexattr(caller, node, name);
    return this.#run(caller, needs.removexattr, { node }, () => this.#inner.removexattr(caller, node, name));
  }

  listxattr(caller: Caller, node: NodeId): Promise<readonly Name[]> {
    if (this.#authorizer.everything(caller)) return this.#inner.listxattr(caller, node);
    return this.#run(caller, needs.listxattr, { node }, () => this.#inner.listxattr(caller, node));
  }

  statfs(caller: Caller, node: NodeId): Promise<StatFs> {
    if (this.#authorizer.everything(caller)) return this.#inner.statfs(caller, node);
    return this.#run(caller, needs.statfs, { node }, () => this.#inner.statfs(caller, node));
  }

  sync(caller: Caller, node: NodeId): Promise<void> {
    if (this.#authorizer.everything(caller)) return this.#inner.sync(caller, node);
    return this.#run(caller, needs.sync, { node }, () => this.#inner.sync(caller, node));
  }

  versions(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly Version[]> {
    if (this.#authorizer.everything(caller)) return this.#inner.versions(caller, node, after, limit);
    const run = (): Promise<readonly Version[]> => this.#inner.versions(caller, node, after, limit);
    return this.#run(caller, needs.versions, { node }, run);
  }

  readVersion(
    caller: Caller,
    node: NodeId,
    version: number,
    into: Uint8Array,
    offset: number,
  ): Promise<number> {
    if (this.#authorizer.everything(caller))
      return this.#inner.readVersion(caller, node, version, into, offset);
    const run = (): Promise<number> => this.#inner.readVersion(caller, node, version, into, offset);
    return this.#run(caller, needs.readVersion, { node }, run);
  }
}

/** Checks each operation on `fs` with `authorizer`, by the table in needs.ts. */
export function guard(fs: FileSystem, authorizer: Authorizer): FileSystem {
  return new GuardedTree(fs, authorizer);
}
