/**
 * A file tree in plain maps that says what Linux does with an operation on a path: an errno, or a new state. The reference
 * for random runs against a namespace, a FileSystem or a mount. Acts as root. Symlinks must dangle (`operations` sees to it),
 * so that following one is ENOENT everywhere.
 */
import fc from 'fast-check';
import type { Code } from '../../src/base/errors.ts';
import type { RenameMode } from '../../src/fs/types.ts';

export type Operation =
  | { readonly op: 'mkdir' | 'create' | 'chmod'; readonly path: string; readonly mode: number }
  | { readonly op: 'symlink'; readonly path: string; readonly target: string }
  | { readonly op: 'link'; readonly path: string; readonly to: string }
  | { readonly op: 'unlink' | 'rmdir'; readonly path: string }
  | { readonly op: 'rename'; readonly path: string; readonly to: string; readonly mode: RenameMode }
  | { readonly op: 'chown'; readonly path: string; readonly uid: number; readonly gid: number }
  | { readonly op: 'write'; readonly path: string; readonly offset: number; readonly data: string }
  | { readonly op: 'truncate'; readonly path: string; readonly size: number };

/** What a node looks like from outside; `content` is the bytes (latin1) or the target. */
export interface NodeState {
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly content: string;
  /** The first path, in order, that leads to the same node: tells hard links from copies. */
  readonly first: string;
}

/** What a descriptor refers to: it stays when the last name is gone. */
export interface OpenNode {
  content: string;
}

/** How `Tree.open` opens: `exclusive` makes the file, with mode 0644. */
export type OpenHow = 'read' | 'write' | 'append' | 'truncate' | 'exclusive';

interface Node extends OpenNode {
  readonly type: NodeState['type'];
  readonly entries: Map<string, Node>;
  parent: Node | undefined;
  mode: number;
  uid: number;
  gid: number;
}

interface At {
  readonly parent: Node;
  readonly name: string;
  readonly node: Node | undefined;
}

class Refused extends Error {
  readonly code: Code;
  constructor(code: Code) {
    super(code);
    this.code = code;
  }
}

function refuse(code: Code): never {
  throw new Refused(code);
}

export class Tree {
  readonly #root: Node = node('directory', 0o755, 0, 0);

  /** Undefined when the operation succeeded, the errno when it changed nothing. */
  run(operation: Operation): Code | undefined {
    const refused = attempt(() => this.#run(operation));
    return typeof refused === 'string' ? refused : undefined;
  }

  /** The regular file a path leads to, or the errno of open(2). */
  open(path: string, how: OpenHow): OpenNode | Code {
    return attempt(() => {
      if (how === 'exclusive') this.#make(path, node('file', 0o644, 0, 0));
      const file = this.#follow(path);
      if (file.type === 'directory') refuse('EISDIR');
      if (how === 'truncate') file.content = '';
      return file;
    });
  }

  /** lstat(2). */
  stat(path: string): NodeState | Code {
    const refused = attempt(() => this.#there(path));
    if (typeof refused === 'string') return refused;
    return this.state().get(
      '/' +
        path
          .split('/')
          .filter((part) => part !== '')
          .join('/'),
    )!;
  }

  /** The names in a directory, in order. */
  list(path: string): string[] | Code {
    return attempt(() => {
      const directory = this.#follow(path);
      return directory.type === 'directory' ? [...directory.entries.keys()].sort() : refuse('ENOTDIR');
    });
  }

  /** How many names lead to an open file. */
  names(open: OpenNode): number {
    const paths = new Map<string, Node>();
    walk('/', this.#root, paths);
    return [...paths.values()].filter((found) => found === open).length;
  }

  /** Every path below the root, in order, with the root itself as `/`. */
  state(): Map<string, NodeState> {
    const paths = new Map<string, Node>();
    walk('/', this.#root, paths);
    const sorted = [...paths].sort(([a], [b]) => (a < b ? -1 : 1));
    const first = new Map<Node, string>();
    const names = new Map<Node, number>();
    for (const [path, at] of sorted) {
      if (!first.has(at)) first.set(at, path);
      names.set(at, (names.get(at) ?? 0) + 1);
    }
    return new Map(
      sorted.map(([path, at]) => {
        const { type, mode, uid, gid, content } = at;
        const subdirectories = [...at.entries.values()].filter((child) => child.type === 'directory').length;
        const nlink = type === 'directory' ? 2 + subdirectories : names.get(at)!;
        return [path, { type, mode, uid, gid, nlink, content, first: first.get(at)! }];
      }),
    );
  }

  #run(operation: Operation): void {
    switch (operation.op) {
      case 'mkdir':
        this.#make(operation.path, node('directory', operation.mode & 0o1777, 0, 0));
        return;
      case 'create':
        this.#make(operation.path, node('file', operation.mode, 0, 0));
        return;
      case 'symlink':
        this.#make(operation.path, node('symlink', 0o777, 0, 0, operation.target));
        return;
      case 'link':
        this.#link(operation.path, operation.to);
        return;
      case 'unlink':
        this.#unlink(operation.path);
        return;
      case 'rmdir':
        this.#rmdir(operation.path);
        return;
      case 'rename':
        this.#rename(operation.path, operation.to, operation.mode);
        return;
      case 'chmod':
        this.#follow(operation.path).mode = operation.mode;
        return;
      case 'chown':
        this.#chown(operation.path, operation.uid, operation.gid);
        return;
      case 'write':
      case 'truncate':
        this.#resize(operation);
        return;
    }
  }

  #make(path: string, made: Node): void {
    const { parent, name, node: there } = this.#at(path);
    if (there !== undefined) refuse('EEXIST');
    if ((parent.mode & 0o2000) !== 0) {
      made.gid = parent.gid;
      if (made.type === 'directory') made.mode |= 0o2000;
    }
    put(parent, name, made);
  }

  #link(path: string, to: string): void {
    const source = this.#there(path);
    const { parent, name, node: there } = this.#at(to);
    if (there !== undefined) refuse('EEXIST');
    if (source.type === 'directory') refuse('EPERM');
    put(parent, name, source);
  }

  #unlink(path: string): void {
    const { parent, name, node: there } = this.#at(path);
    if (there === undefined) refuse('ENOENT');
    if (there.type === 'directory') refuse('EISDIR');
    parent.entries.delete(name);
  }

  #rmdir(path: string): void {
    const { parent, name, node: there } = this.#at(path);
    if (there === undefined) refuse('ENOENT');
    if (there.type !== 'directory') refuse('ENOTDIR');
    if (there.entries.size > 0) refuse('ENOTEMPTY');
    parent.entries.delete(name);
  }

  #rename(path: string, to: string, mode: RenameMode): void {
    const from = this.#at(path);
    const into = this.#at(to);
    const source = from.node ?? refuse('ENOENT');
    const target = into.node;
    if (mode === 'noreplace' && target !== undefined) refuse('EEXIST');
    if (mode === 'exchange' && target === undefined) refuse('ENOENT');
    if (isAbove(source, into.parent)) refuse('EINVAL');
    if (target !== undefined && isAbove(target, from.parent))
      refuse(mode === 'exchange' ? 'EINVAL' : 'ENOTEMPTY');
    if (source === target) return;
    if (mode === 'exchange') {
      put(into.parent, into.name, source);
      put(from.parent, from.name, target!);
      return;
    }
    if (target !== undefined) checkReplace(source, target);
    from.parent.entries.delete(from.name);
    put(into.parent, into.name, source);
  }

  #chown(path: string, uid: number, gid: number): void {
    const changed = this.#there(path);
    Object.assign(changed, { uid, gid });
    if (changed.type === 'directory') return;
    changed.mode &= (changed.mode & 0o010) === 0 ? ~0o4000 : ~0o6000;
  }

  #resize(operation: Extract<Operation, { op: 'write' | 'truncate' }>): void {
    const file = this.#follow(operation.path);
    if (file.type === 'directory') refuse('EISDIR');
    if (operation.op === 'truncate') {
      file.content = file.content.slice(0, operation.size).padEnd(operation.size, '\0');
      return;
    }
    const { offset, data } = operation;
    file.content =
      file.content.slice(0, offset).padEnd(offset, '\0') + data + file.content.slice(offset + data.length);
  }

  /** The parent must be there; the last name need not. */
  #at(path: string): At {
    const names = path.split('/').filter((name) => name !== '');
    const name = names.pop();
    if (name === undefined) throw new Error('the root has no name');
    let parent = this.#root;
    for (const step of names) {
      const next = parent.entries.get(step) ?? refuse('ENOENT');
      if (next.type === 'symlink') refuse('ENOENT');
      if (next.type !== 'directory') refuse('ENOTDIR');
      parent = next;
    }
    return { parent, name, node: parent.entries.get(name) };
  }

  #there(path: string): Node {
    return this.#at(path).node ?? refuse('ENOENT');
  }

  /** As `#there`, for calls that follow a symlink at the end. */
  #follow(path: string): Node {
    const found = this.#there(path);
    return found.type === 'symlink' ? refuse('ENOENT') : found;
  }
}

function attempt<T>(fn: () => T): T | Code {
  try {
    return fn();
  } catch (error) {
    if (error instanceof Refused) return error.code;
    throw error;
  }
}

function node(type: Node['type'], mode: number, uid: number, gid: number, content = ''): Node {
  return { type, mode, uid, gid, content, entries: new Map(), parent: undefined };
}

function put(parent: Node, name: string, child: Node): void {
  parent.entries.set(name, child);
  child.parent = parent;
}

function isAbove(above: Node, below: Node): boolean {
  for (let at: Node | undefined = below; at !== undefined; at = at.parent) if (at === above) return true;
  return false;
}

function checkReplace(source: Node, target: Node): void {
  if (source.type === 'directory' && target.type !== 'directory') refuse('ENOTDIR');
  if (source.type !== 'directory' && target.type === 'directory') refuse('EISDIR');
  if (target.entries.size > 0) refuse('ENOTEMPTY');
}

function walk(path: string, at: Node, into: Map<string, Node>): void {
  into.set(path, at);
  for (const [name, child] of at.entries) walk(path === '/' ? `/${name}` : `${path}/${name}`, child, into);
}

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => '/' + names.join('/'));
const permission = fc.constantFrom(0o644, 0o755, 0o700, 0o4755, 0o2755, 0o2644, 0o6755, 0o1777);
const data = fc.string({
  unit: fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)),
  minLength: 1,
  maxLength: 20,
});

/** Operations on a handful of names, so that they meet. */
export const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('mkdir' as const), path, mode: permission }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('create' as const), path, mode: permission }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('symlink' as const), path, target: fc.constant('no-such-name') }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('link' as const), path, to: path }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('unlink' as const), path }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('rmdir' as const), path }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('rename' as const),
      path,
      to: path,
      mode: fc.constantFrom<RenameMode>('replace', 'noreplace', 'exchange'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('chmod' as const), path, mode: permission }) },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('chown' as const), path, uid: fc.nat(3), gid: fc.nat(3) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('write' as const), path, offset: fc.nat(30), data }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('truncate' as const), path, size: fc.nat(30) }) },
);
