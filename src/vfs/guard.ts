/** Asks, before each operation, whether the caller may: the one way into a tree for every edge. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError, isFsError } from '../base/errors.ts';
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
import { after, denied, met } from './asking.ts';
import type { Authorizer } from './authorizer.ts';
import { GuardedHandle } from './guarded-handle.ts';
import { GuardedNames } from './guarded-names.ts';
import { needs, needsFor } from './needs.ts';
import type { Need, Nodes } from './needs.ts';
import { Shown, shownSpace } from './shown.ts';
import { WrappedTree } from './wrapper.ts';

/** Entries asked for at a time while all of them are hidden, and how many are passed over before others have their turn. */
const HIDDEN_PAGE = 1024;

/**
 * What the caller may not see does not exist (ENOENT); what it may see but not do is EACCES. Where the authorizer answers at once, the promise of
 * the FileSystem below is handed on; what shows counts of nodes, or depends on a name, has one more.
 */
class GuardedTree extends WrappedTree {
  readonly #authorizer: Authorizer;
  readonly #names: GuardedNames;
  readonly #shown: Shown;

  constructor(inner: FileSystem, authorizer: Authorizer) {
    super(inner);
    this.#authorizer = authorizer;
    this.#shown = new Shown(inner, authorizer);
    this.#names = new GuardedNames(inner, authorizer, this.#shown);
  }

  /** The operation at once for a caller who has everything; for all others after their needs are met, and its result as they are shown it. */
  #run<T>(
    caller: Caller,
    wanted: readonly Need[],
    nodes: Nodes,
    run: () => Promise<T>,
    show?: (result: T) => Awaitable<T>,
  ): Promise<T> {
    const authorizer = this.#authorizer;
    if (authorizer.everything(caller)) return run();
    const done = after(() => met(authorizer, caller, wanted, nodes), run);
    return show === undefined ? done : done.then(show);
  }

  override lookup(caller: Caller, at: Place): Promise<Attr> {
    const authorizer = this.#authorizer;
    const find = (): Promise<Attr> => this.inner.lookup(caller, at);
    if (authorizer.everything(caller)) return find();
    // Looked up before it is asked about: a hidden name takes the same calls as one that is not there.
    return after(() => met(authorizer, caller, needs.lookup, { parent: at.parent }), find).then((attr) => {
      const asked = met(authorizer, caller, needs.lookup, { named: attr.node });
      return asked === undefined
        ? this.#shown.attr(caller, attr)
        : asked.then(() => this.#shown.attr(caller, attr));
    });
  }

  #attrFor(caller: Caller): (attr: Attr) => Awaitable<Attr> {
    return (attr) => this.#shown.attr(caller, attr);
  }

  override getattr(caller: Caller, node: NodeId): Promise<Attr> {
    return this.#run(
      caller,
      needs.getattr,
      { node },
      () => this.inner.getattr(caller, node),
      this.#attrFor(caller),
    );
  }

  override setattr(caller: Caller, node: NodeId, change: AttrChange): Promise<Attr> {
    const run = (): Promise<Attr> => this.inner.setattr(caller, node, change);
    return this.#run(caller, neededToSet(change), { node }, run, this.#attrFor(caller));
  }

  override readlink(caller: Caller, node: NodeId): Promise<Uint8Array> {
    return this.#run(caller, needs.readlink, { node }, () => this.inner.readlink(caller, node));
  }

  /** Makes a name. One that is there but hidden is answered for as one that may not be made. */
  #make<T>(
    caller: Caller,
    wanted: readonly Need[],
    at: Place,
    run: () => Promise<T>,
    show: (result: T) => Awaitable<T>,
  ): Promise<T> {
    const { parent } = at;
    const made = this.#run(caller, wanted, { parent }, run, show);
    if (this.#authorizer.everything(caller)) return made;
    return made.catch(async (error: unknown) => {
      if (isFsError(error, 'EEXIST') && !(await this.#names.sees(caller, at))) throw denied(caller, 'write');
      throw error;
    });
  }

  override mknod(caller: Caller, at: Place, what: NewNode): Promise<Attr> {
    return this.#make(
      caller,
      needs.mknod,
      at,
      () => this.inner.mknod(caller, at, what),
      this.#attrFor(caller),
    );
  }

  override create(caller: Caller, at: Place, mode: number, flags: OpenFlags): Promise<Created> {
    const opened = this.#opening(caller);
    const run = (): Promise<Created> =>
      this.inner
        .create(caller, at, mode, this.#flags(caller, flags))
        .then(({ attr, handle }) => ({ attr, handle: opened(handle) }));
    return this.#make(caller, needs.create, at, run, (made) => made);
  }

  override tmpfile(caller: Caller, parent: NodeId, mode: number, flags: OpenFlags): Promise<Created> {
    const opened = this.#opening(caller);
    const run = (): Promise<Created> =>
      this.inner
        .tmpfile(caller, parent, mode, this.#flags(caller, flags))
        .then(({ attr, handle }) => ({ attr, handle: opened(handle) }));
    return this.#run(caller, needs.tmpfile, { parent }, run);
  }

  override link(caller: Caller, node: NodeId, to: Place): Promise<Attr> {
    return this.#names.link(caller, node, to);
  }

  override unlink(caller: Caller, at: Place): Promise<void> {
    return this.#names.remove(caller, at, 'unlink');
  }

  override rmdir(caller: Caller, at: Place): Promise<void> {
    return this.#names.remove(caller, at, 'rmdir');
  }

  override rename(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    return this.#names.rename(caller, from, to, mode);
  }

  override open(caller: Caller, node: NodeId, flags: OpenFlags): Promise<FileHandle> {
    const opened = this.#opening(caller);
    const run = (): Promise<FileHandle> =>
      this.inner.open(caller, node, this.#flags(caller, flags)).then(opened);
    return this.#run(caller, neededToOpen(flags), { node }, run);
  }

  /** Passthrough takes I/O out of our hands until close: not for a caller from whom something can be taken away. */
  #flags(caller: Caller, flags: OpenFlags): OpenFlags {
    if (flags.passthrough !== true || this.#authorizer.everything(caller)) return flags;
    return { ...flags, passthrough: false };
  }

  /** Called before anything is asked: what changes while the file is being opened is asked about again. */
  #opening(caller: Caller): (handle: FileHandle) => GuardedHandle {
    const authorizer = this.#authorizer;
    const { revision } = authorizer;
    return (handle) => new GuardedHandle(handle, authorizer, caller, revision);
  }

  override readdir(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly DirEntry[]> {
    const run = (): Promise<readonly DirEntry[]> => this.inner.readdir(caller, node, after, limit);
    if (this.#authorizer.everything(caller)) return run();
    return this.#run(caller, needs.readdir, { node }, () => this.#list(caller, node, after, limit));
  }

  /** A page that is empty says the directory has ended: goes on while all of a page is hidden. */
  async #list(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly DirEntry[]> {
    let passed = 0;
    let wanted = limit;
    for (let from = after; ; ) {
      const page = await this.inner.readdir(caller, node, from, wanted);
      const last = page.at(-1);
      if (!last) return page;
      const seen = await this.#visible(caller, page, limit);
      if (seen.length > 0) return seen;
      from = last.cookie;
      wanted = Math.max(limit, HIDDEN_PAGE);
      passed += page.length;
      if (passed < HIDDEN_PAGE) continue;
      passed = 0;
      await turn();
      if (caller.signal?.aborted === true) throw new FsError('EINTR', 'listing a directory');
    }
  }

  /** The first `limit` entries that the caller may see. */
  async #visible(caller: Caller, page: readonly DirEntry[], limit: number): Promise<readonly DirEntry[]> {
    const seen: DirEntry[] = [];
    for (const entry of page) {
      const allowed = this.#authorizer.allows(caller, 'see', entry.attr.node);
      if (!(typeof allowed === 'boolean' ? allowed : await allowed)) continue;
      const attr = this.#shown.attr(caller, entry.attr);
      seen.push(
        attr === entry.attr ? entry : { ...entry, attr: attr instanceof Promise ? await attr : attr },
      );
      if (seen.length === limit) break;
    }
    return seen;
  }

  override getxattr(caller: Caller, node: NodeId, name: Name): Promise<Uint8Array> {
    return this.#run(caller, needs.getxattr, { node }, () => this.inner.getxattr(caller, node, name));
  }

  override setxattr(
    caller: Caller,
    node: NodeId,
    name: Name,
    value: Uint8Array,
    mode: XattrMode,
  ): Promise<void> {
    const run = (): Promise<void> => this.inner.setxattr(caller, node, name, value, mode);
    return this.#run(caller, needs.setxattr, { node }, run);
  }

  override removexattr(caller: Caller, node: NodeId, name: Name): Promise<void> {
    return this.#run(caller, needs.removexattr, { node }, () => this.inner.removexattr(caller, node, name));
  }

  override listxattr(caller: Caller, node: NodeId): Promise<readonly Name[]> {
    return this.#run(caller, needs.listxattr, { node }, () => this.inner.listxattr(caller, node));
  }

  override statfs(caller: Caller, node: NodeId): Promise<StatFs> {
    return this.#run(caller, needs.statfs, { node }, () => this.inner.statfs(caller, node), shownSpace);
  }

  override sync(caller: Caller, node: NodeId): Promise<void> {
    return this.#run(caller, needs.sync, { node }, () => this.inner.sync(caller, node));
  }

  override versions(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly Version[]> {
    const run = (): Promise<readonly Version[]> => this.inner.versions(caller, node, after, limit);
    return this.#run(caller, needs.versions, { node }, run);
  }

  override readVersion(
    caller: Caller,
    node: NodeId,
    version: number,
    into: Uint8Array,
    offset: number,
  ): Promise<number> {
    const run = (): Promise<number> => this.inner.readVersion(caller, node, version, into, offset);
    return this.#run(caller, needs.readVersion, { node }, run);
  }
}

const toWrite: readonly Need[] = [...needs.setattr, ...needsFor.writing];
const toOwn: readonly Need[] = [...needs.setattr, ...needsFor.owning];
const toWriteAndOwn: readonly Need[] = [...toWrite, ...needsFor.owning];

function neededToSet(change: AttrChange): readonly Need[] {
  const { mode, uid, gid, size, atime, mtime } = change;
  if (mode === undefined && uid === undefined && gid === undefined) return toWrite;
  return size === undefined && atime === undefined && mtime === undefined ? toOwn : toWriteAndOwn;
}

const opening = {
  read: [...needs.open, ...needsFor.reading],
  write: [...needs.open, ...needsFor.writing],
  both: [...needs.open, ...needsFor.reading, ...needsFor.writing],
} as const satisfies Readonly<Record<string, readonly Need[]>>;

function neededToOpen(flags: OpenFlags): readonly Need[] {
  const write = flags.write || flags.truncate === true;
  if (flags.read) return write ? opening.both : opening.read;
  return write ? opening.write : needs.open;
}

/** Checks each operation on `fs` with `authorizer`, by the table in needs.ts. */
export function guard(fs: FileSystem, authorizer: Authorizer): FileSystem {
  return new GuardedTree(fs, authorizer);
}
