/** Several FileSystems as one tree: a path prefix for each, the longest wins, read-only directories above them. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { nameToText } from '../base/names.ts';
import type { Name } from '../base/names.ts';
import { root } from '../fs/types.ts';
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
import { mappedAttr, mappedLineage, MountedHandle, Mounted, span } from './mounted.ts';
import type { MountOptions } from './mounted.ts';
import { parsePath } from './path.ts';
import { readonly } from './readonly.ts';
import { SyntheticTree } from './synthetic.ts';
import type { SyntheticOptions } from './synthetic.ts';

/**
 * A node is `mount * 2**40 + inode`; mount 0 is the synthetic tree, so the root is `root`. A mount point below another mount
 * covers a directory that must exist there. Nothing moves or is linked across (EXDEV), mount points stay (EBUSY).
 */
export class MountTable implements FileSystem {
  readonly #mounts = new Map<number, Mounted>();
  readonly #synthetic: SyntheticTree;
  /** Mount points below other mounts, by `parent node/name`. */
  readonly #covers = new Map<string, Mounted>();

  constructor(options: SyntheticOptions) {
    this.#synthetic = new SyntheticTree(options);
  }

  /** The mounts, in the order in which they were added. */
  list(): readonly Readonly<Mounted>[] {
    return [...this.#mounts.values()];
  }

  /**
   * Adds a mount at an absolute path. `number` (from 1) makes its node ids: keep it for the same data, so that inode numbers
   * stay. ENOENT and ENOTDIR where the directory to be covered is not there, EBUSY where the path or the number is in use.
   */
  async add(caller: Caller, path: string, fs: FileSystem, options: MountOptions = {}): Promise<Mounted> {
    const names = parsePath(path);
    const name = names.at(-1);
    if (name === undefined) throw new FsError('EBUSY', 'the root of the tree is no place for a mount');
    const number = options.number ?? Math.max(0, ...this.#mounts.keys()) + 1;
    if (this.#mounts.has(number)) throw new FsError('EBUSY', `mount number ${number} is in use`);
    const parent = await this.#parentFor(caller, names.slice(0, -1), path);
    const tree = options.readOnly === true ? readonly(fs) : fs;
    const mounted = new Mounted(number, path, tree, options.readOnly === true, parent, name);
    const above = this.#mountOf(parent);
    if (above === undefined) {
      this.#synthetic.putMount(parent, name, number);
    } else {
      const covered = await this.lookup(caller, { parent, name });
      if (this.#mountOf(covered.node) !== above)
        throw new FsError('EBUSY', `${path} is a mount point already`);
      if (covered.parent === undefined) throw new FsError('ENOTDIR', `${path} is not a directory`);
      above.covers++;
      this.#covers.set(`${parent}/${name}`, mounted);
    }
    this.#mounts.set(number, mounted);
    return mounted;
  }

  async #parentFor(caller: Caller, names: readonly Name[], path: string): Promise<NodeId> {
    let parent: NodeId = root;
    for (const name of names) {
      if (parent < span && this.#synthetic.child(parent, name)?.kind !== 'mount') {
        parent = this.#synthetic.makeDirectory(parent, name);
        continue;
      }
      const attr = await this.lookup(caller, { parent, name });
      if (attr.parent === undefined) {
        throw new FsError('ENOTDIR', `${path}: ${nameToText(name)} is not a directory`);
      }
      parent = attr.node;
    }
    return parent;
  }

  /** Takes a mount away. EBUSY while it has open files or mounts below it, ENOENT where none is mounted. */
  remove(path: string): void {
    const mounted = [...this.#mounts.values()].find((each) => each.path === path);
    if (!mounted) throw new FsError('ENOENT', `${path} is not a mount point`);
    if (mounted.covers > 0) throw new FsError('EBUSY', `${path} has other mounts below it`);
    if (mounted.open > 0) throw new FsError('EBUSY', `${path} has ${mounted.open} open files`);
    this.#mounts.delete(mounted.number);
    const above = this.#mountOf(mounted.parent);
    if (above) {
      above.covers--;
      this.#covers.delete(`${mounted.parent}/${mounted.name}`);
    } else {
      this.#synthetic.removeMount(mounted.parent, mounted.name);
    }
  }

  /** The mount of a node; undefined for the synthetic tree. */
  #mountOf(node: NodeId): Mounted | undefined {
    if (node < span) return undefined;
    const mounted = this.#mounts.get(Math.floor(node / span));
    if (!mounted) throw new FsError('ESTALE', 'the mount of this file is gone');
    return mounted;
  }

  /** The mount of a node that only a mount can have: a change of the synthetic tree is refused. */
  #changing(node: NodeId): Mounted {
    const mounted = this.#mountOf(node);
    if (!mounted) throw new FsError('EROFS', 'the directories above the mount points are read-only');
    return mounted;
  }

  /** The mount in which a name may be made or removed. */
  #place(at: Place): Mounted {
    const mounted = this.#mountOf(at.parent);
    if (!mounted) throw this.#synthetic.refusal(at.parent, at.name);
    if (mounted.covers > 0 && this.#covers.has(`${at.parent}/${at.name}`)) {
      throw new FsError('EBUSY', `${nameToText(at.name)} is a mount point`);
    }
    return mounted;
  }

  /** The mount in which a new name is made: EEXIST before EROFS, as everywhere. */
  #newPlace(at: Place): Mounted {
    const mounted = this.#mountOf(at.parent);
    if (mounted) return mounted;
    throw this.#synthetic.child(at.parent, at.name)
      ? new FsError('EEXIST')
      : new FsError('EROFS', 'files live below the mount points');
  }

  async lookup(caller: Caller, at: Place): Promise<Attr> {
    const mounted = this.#mountOf(at.parent);
    if (mounted) {
      const cover = mounted.covers > 0 ? this.#covers.get(`${at.parent}/${at.name}`) : undefined;
      if (cover) return this.#rootOf(caller, cover);
      return mappedAttr(await mounted.fs.lookup(caller, mounted.inner(at)), mounted);
    }
    const child = this.#synthetic.child(at.parent, at.name);
    if (!child) throw new FsError('ENOENT');
    if (child.kind === 'directory') return this.#synthetic.attr(child.node);
    return this.#rootOf(caller, this.#numbered(child.mount));
  }

  #numbered(number: number): Mounted {
    const mounted = this.#mounts.get(number);
    if (!mounted) throw new FsError('ESTALE');
    return mounted;
  }

  async #rootOf(caller: Caller, mounted: Mounted): Promise<Attr> {
    return mappedAttr(await mounted.fs.getattr(caller, root), mounted);
  }

  /** Of a mount's root: the directory of the mount point is above it, and nothing else. */
  lineage(node: NodeId): Awaitable<Lineage | undefined> {
    if (node < span) return this.#synthetic.lineage(node);
    const mounted = this.#mounts.get(Math.floor(node / span));
    if (mounted === undefined) return undefined;
    const inner = node - mounted.base;
    const found = mounted.fs.lineage(inner);
    return found instanceof Promise
      ? found.then((read) => mappedLineage(read, inner, mounted))
      : mappedLineage(found, inner, mounted);
  }

  async getattr(caller: Caller, node: NodeId): Promise<Attr> {
    const mounted = this.#mountOf(node);
    if (!mounted) return this.#synthetic.attr(node);
    return mappedAttr(await mounted.fs.getattr(caller, node - mounted.base), mounted);
  }

  async setattr(caller: Caller, node: NodeId, change: AttrChange): Promise<Attr> {
    const mounted = this.#changing(node);
    return mappedAttr(await mounted.fs.setattr(caller, node - mounted.base, change), mounted);
  }

  async readlink(caller: Caller, node: NodeId): Promise<Uint8Array> {
    const mounted = this.#mountOf(node);
    if (!mounted) throw new FsError('EINVAL', 'not a symbolic link');
    return mounted.fs.readlink(caller, node - mounted.base);
  }

  async mknod(caller: Caller, at: Place, what: NewNode): Promise<Attr> {
    const mounted = this.#newPlace(at);
    return mappedAttr(await mounted.fs.mknod(caller, mounted.inner(at), what), mounted);
  }

  async create(caller: Caller, at: Place, mode: number, flags: OpenFlags): Promise<Created> {
    const mounted = this.#newPlace(at);
    const { attr, handle } = await mounted.fs.create(caller, mounted.inner(at), mode, flags);
    return { attr: mappedAttr(attr, mounted), handle: new MountedHandle(handle, mounted) };
  }

  async tmpfile(caller: Caller, parent: NodeId, mode: number, flags: OpenFlags): Promise<Created> {
    const mounted = this.#changing(parent);
    const { attr, handle } = await mounted.fs.tmpfile(caller, parent - mounted.base, mode, flags);
    return { attr: mappedAttr(attr, mounted), handle: new MountedHandle(handle, mounted) };
  }

  async link(caller: Caller, node: NodeId, to: Place): Promise<Attr> {
    const mounted = this.#newPlace(to);
    if (this.#mountOf(node) !== mounted) throw new FsError('EXDEV', 'a link stays within one mount');
    return mappedAttr(await mounted.fs.link(caller, node - mounted.base, mounted.inner(to)), mounted);
  }

  async unlink(caller: Caller, at: Place): Promise<void> {
    const mounted = this.#place(at);
    return mounted.fs.unlink(caller, mounted.inner(at));
  }

  async rmdir(caller: Caller, at: Place): Promise<void> {
    const mounted = this.#place(at);
    return mounted.fs.rmdir(caller, mounted.inner(at));
  }

  async rename(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    // As rename(2) has it: two mounts are told apart before either name is looked at.
    if (this.#mountOf(from.parent) !== this.#mountOf(to.parent)) {
      throw new FsError('EXDEV', 'a rename stays within one mount');
    }
    const mounted = this.#place(from);
    this.#place(to);
    return mounted.fs.rename(caller, mounted.inner(from), mounted.inner(to), mode);
  }

  async open(caller: Caller, node: NodeId, flags: OpenFlags): Promise<FileHandle> {
    const mounted = this.#mountOf(node);
    if (!mounted) throw new FsError('EISDIR');
    return new MountedHandle(await mounted.fs.open(caller, node - mounted.base, flags), mounted);
  }

  async readdir(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly DirEntry[]> {
    const mounted = this.#mountOf(node);
    if (!mounted) return this.#readSynthetic(caller, node, after, limit);
    const page = await mounted.fs.readdir(caller, node - mounted.base, after, limit);
    const entries: DirEntry[] = [];
    for (const { name, attr, cookie } of page) {
      const cover = mounted.covers > 0 ? this.#covers.get(`${node}/${name}`) : undefined;
      entries.push({
        name,
        attr: cover ? await this.#rootOf(caller, cover) : mappedAttr(attr, mounted),
        cookie,
      });
    }
    return entries;
  }

  async #readSynthetic(
    caller: Caller,
    node: NodeId,
    after: number,
    limit: number,
  ): Promise<readonly DirEntry[]> {
    const rest = this.#synthetic.children(node).filter(({ cookie }) => cookie > after);
    const entries: DirEntry[] = [];
    for (const { name, cookie, child } of rest.slice(0, limit)) {
      const attr =
        child.kind === 'directory'
          ? this.#synthetic.attr(child.node)
          : await this.#rootOf(caller, this.#numbered(child.mount));
      entries.push({ name, attr, cookie });
    }
    return entries;
  }

  async getxattr(caller: Caller, node: NodeId, name: Name): Promise<Uint8Array> {
    const mounted = this.#mountOf(node);
    if (!mounted) throw new FsError('ENODATA');
    return mounted.fs.getxattr(caller, node - mounted.base, name);
  }

  async setxattr(
    caller: Caller,
    node: NodeId,
    name: Name,
    value: Uint8Array,
    mode: XattrMode,
  ): Promise<void> {
    const mounted = this.#changing(node);
    return mounted.fs.setxattr(caller, node - mounted.base, name, value, mode);
  }

  async removexattr(caller: Caller, node: NodeId, name: Name): Promise<void> {
    const mounted = this.#changing(node);
    return mounted.fs.removexattr(caller, node - mounted.base, name);
  }

  async listxattr(caller: Caller, node: NodeId): Promise<readonly Name[]> {
    const mounted = this.#mountOf(node);
    return mounted ? mounted.fs.listxattr(caller, node - mounted.base) : [];
  }

  /** The synthetic directories have no space of their own: they show that of the first mount. */
  async statfs(caller: Caller, node: NodeId): Promise<StatFs> {
    const mounted = this.#mountOf(node);
    if (mounted) return mounted.fs.statfs(caller, node - mounted.base);
    for (const first of this.#mounts.values()) return first.fs.statfs(caller, root);
    return { blockSize: 4096, blocks: 0, free: 0, available: 0, files: 0, filesFree: 0, nameMax: 255 };
  }

  async sync(caller: Caller, node: NodeId): Promise<void> {
    const mounted = this.#mountOf(node);
    if (mounted) return mounted.fs.sync(caller, node - mounted.base);
    for (const each of this.#mounts.values()) await each.fs.sync(caller, root);
  }

  async versions(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly Version[]> {
    const mounted = this.#mountOf(node);
    if (!mounted) throw new FsError('EINVAL', 'only regular files have versions');
    return mounted.fs.versions(caller, node - mounted.base, after, limit);
  }

  async readVersion(
    caller: Caller,
    node: NodeId,
    version: number,
    into: Uint8Array,
    offset: number,
  ): Promise<number> {
    const mounted = this.#mountOf(node);
    if (!mounted) throw new FsError('EINVAL', 'only regular files have versions');
    return mounted.fs.readVersion(caller, node - mounted.base, version, into, offset);
  }
}
