/** One mount of the mount table, and its nodes as the whole tree numbers them. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import { root } from '../fs/types.ts';
import type { Attr, FileHandle, FileSystem, Lineage, NodeId, Place } from '../fs/types.ts';
import { WrappedHandle } from './wrapper.ts';

/** The nodes of mount n are n * span and up. */
export const span = 2 ** 40;

export interface MountOptions {
  readonly number?: number;
  readonly readOnly?: boolean;
}

export class Mounted {
  readonly number: number;
  readonly base: number;
  readonly path: string;
  readonly fs: FileSystem;
  readonly readOnly: boolean;
  /** The directory that holds the mount point, in the numbers of the whole tree. */
  readonly parent: NodeId;
  readonly name: Name;
  /** Mount points below this mount. */
  covers = 0;
  /** Open files. */
  open = 0;

  constructor(number: number, path: string, fs: FileSystem, readOnly: boolean, parent: NodeId, name: Name) {
    this.number = number;
    this.base = number * span;
    this.path = path;
    this.fs = fs;
    this.readOnly = readOnly;
    this.parent = parent;
    this.name = name;
  }

  /** A place of the whole tree as this mount's FileSystem numbers it. */
  inner(at: Place): Place {
    return { parent: at.parent - this.base, name: at.name };
  }
}

/** Attributes in the numbers of the whole tree; above the mount's root lies the directory of the mount point. */
export function mappedAttr(attr: Attr, mounted: Mounted): Attr {
  const { base } = mounted;
  // Written out: a spread of this object costs more than the lookup it belongs to.
  const mapped: { -readonly [K in keyof Attr]: Attr[K] } = {
    node: attr.node + base,
    mode: attr.mode,
    nlink: attr.nlink,
    uid: attr.uid,
    gid: attr.gid,
    rdev: attr.rdev,
    size: attr.size,
    blocks: attr.blocks,
    atime: attr.atime,
    mtime: attr.mtime,
    ctime: attr.ctime,
    btime: attr.btime,
    version: attr.version,
  };
  if (attr.parent !== undefined) mapped.parent = attr.node === root ? mounted.parent : attr.parent + base;
  return mapped;
}

/** A lineage in the numbers of the whole tree. */
export function mappedLineage(
  found: Lineage | undefined,
  inner: NodeId,
  mounted: Mounted,
): Lineage | undefined {
  if (found === undefined) return undefined;
  const { parents, directory, owner } = found;
  if (inner === root) return { parents: [mounted.parent], directory, owner };
  const { base } = mounted;
  const [only] = parents;
  // Nearly every node has one, and permissions are asked for all the time: a closure costs more than all the rest.
  if (only !== undefined && parents.length === 1) return { parents: [only + base], directory, owner };
  return { parents: parents.map((parent) => parent + base), directory, owner };
}

/** An open file of a mount; counted, because a mount with open files stays. */
export class MountedHandle extends WrappedHandle {
  readonly #mounted: Mounted;
  #released = false;

  constructor(inner: FileHandle, mounted: Mounted) {
    super(inner);
    this.#mounted = mounted;
    mounted.open++;
  }

  override get node(): NodeId {
    return this.inner.node + this.#mounted.base;
  }

  override async copyRange(
    caller: Caller,
    offset: number,
    to: FileHandle,
    toOffset: number,
    length: number,
  ): Promise<number> {
    if (!(to instanceof MountedHandle) || to.#mounted !== this.#mounted) {
      throw new FsError('EXDEV', 'a range is copied within one mount');
    }
    return this.inner.copyRange(caller, offset, to.inner, toOffset, length);
  }

  override release(caller: Caller): Promise<void> {
    if (!this.#released) {
      this.#released = true;
      this.#mounted.open--;
    }
    return this.inner.release(caller);
  }
}
