/** Which permission each operation needs, on which of its nodes. */
import type { FileSystem, NodeId } from '../fs/types.ts';

/**
 * `see`: the node exists for the caller. `read`: its content, target and extended attributes; execution is reading. `write`: change those,
 * sizes and times; in a directory, make and remove names. `own`: change mode, owner and group, and let others inherit more.
 */
export type Permission = 'see' | 'read' | 'write' | 'own';

/**
 * `node`: the one the operation is about. `parent`: the directory of a name; `from` and `to`: of the names of a rename. `named`: what the name
 * stands for; `replaced`: what the new name of a rename stands for before.
 */
export type Role = 'node' | 'parent' | 'named' | 'from' | 'to' | 'replaced';

export interface Need {
  readonly on: Role;
  readonly permission: Permission;
}

export type Nodes = Partial<Readonly<Record<Role, NodeId>>>;

/**
 * What each operation needs in any case, in the order in which it is asked: needs on `named` and `replaced` after the name was looked up.
 * Listings show only entries that the caller may see.
 */
export const needs = {
  lookup: [
    { on: 'parent', permission: 'see' },
    { on: 'named', permission: 'see' },
  ],
  // Nobody outside the program can ask for it.
  lineage: [],
  getattr: [{ on: 'node', permission: 'see' }],
  setattr: [{ on: 'node', permission: 'see' }],
  readlink: [{ on: 'node', permission: 'read' }],
  mknod: [{ on: 'parent', permission: 'write' }],
  create: [{ on: 'parent', permission: 'write' }],
  tmpfile: [{ on: 'parent', permission: 'write' }],
  link: [
    { on: 'node', permission: 'write' },
    { on: 'parent', permission: 'write' },
  ],
  unlink: [
    { on: 'parent', permission: 'write' },
    { on: 'named', permission: 'see' },
  ],
  rmdir: [
    { on: 'parent', permission: 'write' },
    { on: 'named', permission: 'see' },
  ],
  rename: [
    { on: 'from', permission: 'write' },
    { on: 'to', permission: 'write' },
    { on: 'named', permission: 'write' },
  ],
  open: [{ on: 'node', permission: 'see' }],
  readdir: [{ on: 'node', permission: 'see' }],
  getxattr: [{ on: 'node', permission: 'read' }],
  setxattr: [{ on: 'node', permission: 'write' }],
  removexattr: [{ on: 'node', permission: 'write' }],
  listxattr: [{ on: 'node', permission: 'read' }],
  statfs: [{ on: 'node', permission: 'see' }],
  sync: [{ on: 'node', permission: 'see' }],
  versions: [{ on: 'node', permission: 'read' }],
  readVersion: [{ on: 'node', permission: 'read' }],
} as const satisfies Readonly<Record<keyof FileSystem, readonly Need[]>>;

/** What an operation needs besides, by what exactly is asked of it. */
export const needsFor = {
  /** open */
  reading: [{ on: 'node', permission: 'read' }],
  /** open, also to truncate; setattr of size and times, and of nothing */
  writing: [{ on: 'node', permission: 'write' }],
  /** setattr of mode, owner, group */
  owning: [{ on: 'node', permission: 'own' }],
  /** rename onto a name that is there, and exchange with it */
  replacing: [{ on: 'replaced', permission: 'write' }],
  /** rename into a directory where somebody inherits more */
  moving: [{ on: 'named', permission: 'own' }],
  /** the other side of an exchange, when somebody inherits more on it */
  movingBack: [{ on: 'replaced', permission: 'own' }],
  /** link into a directory where somebody inherits more */
  sharing: [{ on: 'node', permission: 'own' }],
} as const satisfies Readonly<Record<string, readonly Need[]>>;
