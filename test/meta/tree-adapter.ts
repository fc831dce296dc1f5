/** Runs the operations of the reference tree against a namespace, resolving paths as the kernel does. */
import type { Caller } from '../../src/base/caller.ts';
import { FsError } from '../../src/base/errors.ts';
import { type Place, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, root } from '../../src/fs/types.ts';
import type { Namespace } from '../../src/meta/namespace.ts';
import type { Inode, Listed } from '../../src/meta/types.ts';
import type { NodeState, Operation } from '../model/tree.ts';
import { at, bytes, closed, rootCaller } from './fixture.ts';

/** The content of a file is its own encoding here. */
export async function apply(ns: Namespace, operation: Operation, by: Caller = rootCaller): Promise<unknown> {
  const place = await resolve(ns, operation.path);
  switch (operation.op) {
    case 'mkdir':
      return ns.make(by, place, { mode: S_IFDIR | (operation.mode & 0o1777) });
    case 'create':
      return ns.make(by, place, { mode: S_IFREG | operation.mode });
    case 'symlink':
      return ns.make(by, place, { mode: S_IFLNK | 0o777, target: bytes(operation.target) });
    case 'link': {
      const { ino } = await ns.lookup(place.parent, place.name);
      return ns.link(rootCaller, ino, await resolve(ns, operation.to));
    }
    case 'unlink':
      return ns.unlink(rootCaller, place, closed);
    case 'rmdir':
      return ns.rmdir(rootCaller, place, closed);
    case 'rename':
      return ns.rename(rootCaller, place, await resolve(ns, operation.to), operation.mode, closed);
    case 'chmod':
      return ns.change(rootCaller, (await follow(ns, place)).ino, { mode: operation.mode });
    case 'chown': {
      const { ino } = await ns.lookup(place.parent, place.name);
      return ns.change(rootCaller, ino, { uid: operation.uid, gid: operation.gid });
    }
    case 'write':
    case 'truncate':
      return resize(ns, await follow(ns, place), operation);
  }
}

async function resize(
  ns: Namespace,
  file: Inode,
  operation: Extract<Operation, { op: 'write' | 'truncate' }>,
): Promise<Inode> {
  if ((file.mode & S_IFMT) === S_IFDIR) throw new FsError('EISDIR');
  const old = Buffer.from(file.content).toString('latin1');
  const offset = operation.op === 'write' ? operation.offset : operation.size;
  const data = operation.op === 'write' ? operation.data : '';
  const rest = operation.op === 'write' ? old.slice(offset + data.length) : '';
  const content = bytes(old.slice(0, offset).padEnd(offset, '\0') + data + rest);
  return ns.commit(rootCaller, file.ino, { content, size: content.length, mtime: file.mtime });
}

async function resolve(ns: Namespace, path: string): Promise<Place> {
  const names = path.split('/').slice(1);
  const name = names.pop() ?? '';
  let parent: number = root;
  for (const step of names) {
    const next = await ns.lookup(parent, at(parent, step).name);
    if ((next.mode & S_IFMT) === S_IFLNK) throw new FsError('ENOENT');
    if ((next.mode & S_IFMT) !== S_IFDIR) throw new FsError('ENOTDIR');
    parent = next.ino;
  }
  return at(parent, name);
}

async function follow(ns: Namespace, place: Place): Promise<Inode> {
  const found = await ns.lookup(place.parent, place.name);
  if ((found.mode & S_IFMT) === S_IFLNK) throw new FsError('ENOENT');
  return found;
}

export type ListPage = (parent: number, after: number, limit: number) => Promise<readonly Listed[]>;

/** Every path and its inode, listed in pages of three. */
export async function inodes(top: Inode, page: ListPage, path = '/'): Promise<Map<string, Inode>> {
  const found = new Map<string, Inode>([[path, top]]);
  if ((top.mode & S_IFMT) !== S_IFDIR) return found;
  for (let after = 0; ; ) {
    const listed = await page(top.ino, after, 3);
    for (const { name, inode } of listed) {
      for (const [below, of] of await inodes(inode, page, path === '/' ? `/${name}` : `${path}/${name}`)) {
        if (found.has(below)) throw new Error(`${below} is listed twice`);
        found.set(below, of);
      }
    }
    const last = listed.at(-1);
    if (last === undefined) return found;
    after = last.cookie;
  }
}

/** The tree as the reference shows it. */
export async function stateOf(ns: Namespace): Promise<Map<string, NodeState>> {
  const top = await ns.inode(root);
  if (top === undefined) throw new Error('there is no root');
  const all = await inodes(top, async (parent, after, limit) => ns.list(parent, after, limit));
  const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1));
  const first = new Map<number, string>();
  for (const [path, { ino }] of sorted) if (!first.has(ino)) first.set(ino, path);
  return new Map(
    sorted.map(([path, of]) => {
      const { ino, uid, gid, nlink } = of;
      const kind = of.mode & S_IFMT;
      const type = kind === S_IFDIR ? 'directory' : kind === S_IFLNK ? 'symlink' : 'file';
      const content = Buffer.from(type === 'symlink' ? of.target : of.content).toString('latin1');
      return [path, { type, mode: of.mode & 0o7777, uid, gid, nlink, content, first: first.get(ino)! }];
    }),
  );
}
