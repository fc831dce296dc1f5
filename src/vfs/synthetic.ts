/** The directories above the mount points: made of paths alone, read-only, kept in memory. */
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import { nameToText } from '../base/names.ts';
import type { Time } from '../base/time.ts';
import { root, S_IFDIR } from '../fs/types.ts';
import type { Attr, Lineage, NodeId } from '../fs/types.ts';

/** What a synthetic directory holds under a name: another one, or the number of a mount. */
export type Child =
  | { readonly kind: 'directory'; readonly node: NodeId }
  | { readonly kind: 'mount'; readonly mount: number };

interface Directory {
  readonly node: NodeId;
  readonly parent: NodeId;
  readonly name: Name | undefined;
  readonly children: Map<Name, { readonly cookie: number; readonly child: Child }>;
  changed: Time;
}

export interface SyntheticOptions {
  readonly uid: number;
  readonly gid: number;
  readonly now: () => Time;
}

/** Node ids are the small integers from `root` on; they are not used again after a directory has gone. */
export class SyntheticTree {
  readonly #directories = new Map<NodeId, Directory>();
  readonly #options: SyntheticOptions;
  readonly #born: Time;
  #lastNode: NodeId = root;
  #lastCookie = 0;

  constructor(options: SyntheticOptions) {
    this.#options = options;
    this.#born = options.now();
    this.#directories.set(root, this.#directory(root, root, undefined));
  }

  #directory(node: NodeId, parent: NodeId, name: Name | undefined): Directory {
    return { node, parent, name, children: new Map(), changed: this.#options.now() };
  }

  /** ESTALE for a directory that is gone. */
  #get(node: NodeId): Directory {
    const directory = this.#directories.get(node);
    if (!directory) throw new FsError('ESTALE');
    return directory;
  }

  child(parent: NodeId, name: Name): Child | undefined {
    return this.#get(parent).children.get(name)?.child;
  }

  /** Children with their cookies, in the order in which they came. */
  children(
    parent: NodeId,
  ): readonly { readonly name: Name; readonly cookie: number; readonly child: Child }[] {
    return [...this.#get(parent).children].map(([name, { cookie, child }]) => ({ name, cookie, child }));
  }

  attr(node: NodeId): Attr {
    const directory = this.#get(node);
    return {
      node,
      mode: S_IFDIR | 0o755,
      nlink: 2 + directory.children.size,
      uid: this.#options.uid,
      gid: this.#options.gid,
      rdev: 0,
      size: 0,
      blocks: 0,
      atime: directory.changed,
      mtime: directory.changed,
      ctime: directory.changed,
      btime: this.#born,
      version: 0,
      parent: directory.parent,
    };
  }

  lineage(node: NodeId): Lineage | undefined {
    const directory = this.#directories.get(node);
    if (directory === undefined) return undefined;
    return { parents: node === root ? [] : [directory.parent], directory: true, owner: undefined };
  }

  /** The directory of that name, made when it is not there; EBUSY where a mount has the name. */
  makeDirectory(parent: NodeId, name: Name): NodeId {
    const child = this.child(parent, name);
    if (child?.kind === 'directory') return child.node;
    if (child) throw new FsError('EBUSY', `${nameToText(name)} is a mount point`);
    const node = ++this.#lastNode;
    this.#directories.set(node, this.#directory(node, parent, name));
    this.#put(parent, name, { kind: 'directory', node });
    return node;
  }

  putMount(parent: NodeId, name: Name, mount: number): void {
    if (this.child(parent, name))
      throw new FsError('EBUSY', `${nameToText(name)} is in use by another mount`);
    this.#put(parent, name, { kind: 'mount', mount });
  }

  #put(parent: NodeId, name: Name, child: Child): void {
    const directory = this.#get(parent);
    directory.children.set(name, { cookie: ++this.#lastCookie, child });
    directory.changed = this.#options.now();
  }

  /** Takes a mount away, and the directories above that were only there for it. */
  removeMount(parent: NodeId, name: Name): void {
    let directory = this.#get(parent);
    directory.children.delete(name);
    directory.changed = this.#options.now();
    while (directory.children.size === 0 && directory.name !== undefined) {
      this.#directories.delete(directory.node);
      const above = this.#get(directory.parent);
      above.children.delete(directory.name);
      above.changed = this.#options.now();
      directory = above;
    }
  }

  /** Why a change in here fails: EBUSY for a mount point, ENOENT for a name that is not there, EROFS otherwise. */
  refusal(parent: NodeId, name: Name): FsError {
    const child = this.child(parent, name);
    if (!child) return new FsError('ENOENT');
    return child.kind === 'mount'
      ? new FsError('EBUSY', `${nameToText(name)} is a mount point`)
      : new FsError('EROFS', `${nameToText(name)} is there for the mounts below it`);
  }
}
