/** Which permission each operation needs, on which of its nodes. */
import type { FileSystem } from '../fs/types.ts';

/**
 * `see`: the node exists for the caller. `read`: its content, entries and extended attributes. `write`: change those, sizes
 * and times; in a directory, make and remove names. `own`: change mode, owner and group.
 */
export type Permission = 'see' | 'read' | 'write' | 'own';

/** `node`: the one the operation is about. `parent`: the directory of a name; `from` and `to`: of the names of a rename. `named`: what the name stands for. */
export type Role = 'node' | 'parent' | 'named' | 'from' | 'to';

export interface Need {
  readonly on: Role;
  readonly permission: Permission;
}

/**
 * What an operation needs besides depends on its arguments, and is decided by the guard: open needs `read` and `write` as its
 * flags ask, setattr needs `own` for mode and ownership, readdir and lookup show only what the caller may see.
 */
export const needs = {
  lookup: [
    { on: 'parent', permission: 'see' },
    { on: 'named', permission: 'see' },
  ],
  getattr: [{ on: 'node', permission: 'see' }],
  setattr: [{ on: 'node', permission: 'write' }],
  readlink: [{ on: 'node', permission: 'read' }],
  mknod: [{ on: 'parent', permission: 'write' }],
  create: [{ on: 'parent', permission: 'write' }],
  tmpfile: [{ on: 'parent', permission: 'write' }],
  // A second name can widen who inherits rights on the node: it takes the right to change the node itself.
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
  readdir: [{ on: 'node', permission: 'read' }],
  getxattr: [{ on: 'node', permission: 'read' }],
  setxattr: [{ on: 'node', permission: 'write' }],
  removexattr: [{ on: 'node', permission: 'write' }],
  listxattr: [{ on: 'node', permission: 'read' }],
  statfs: [{ on: 'node', permission: 'see' }],
  sync: [{ on: 'node', permission: 'see' }],
  versions: [{ on: 'node', permission: 'read' }],
  readVersion: [{ on: 'node', permission: 'read' }],
} as const satisfies Readonly<Record<keyof FileSystem, readonly Need[]>>;
