import { describe, expect, it } from 'vitest';
import { nameFromText as name } from '../../src/base/names.ts';
import { root, S_IFDIR, S_IFREG } from '../../src/fs/types.ts';
import type { FileSystem, Lineage, NodeId } from '../../src/fs/types.ts';
import { MountTable } from '../../src/vfs/mount-table.ts';
import { span } from '../../src/vfs/mounted.ts';
import { WrappedTree } from '../../src/vfs/wrapper.ts';
import { caller, codeFrom, MemoryTree } from './memory-tree.ts';

const me = caller();
const file = S_IFREG | 0o644;
const directory = S_IFDIR | 0o755;

async function tableOf(mounts: Readonly<Record<string, FileSystem>>): Promise<MountTable> {
  const table = new MountTable({ uid: 7, gid: 8, now: () => ({ sec: 1, nsec: 2 }) });
  for (const [path, fs] of Object.entries(mounts)) await table.add(me, path, fs);
  return table;
}

async function walk(fs: FileSystem, path: string): Promise<NodeId> {
  let node: NodeId = root;
  for (const part of path.split('/').filter((each) => each !== '')) {
    node = (await fs.lookup(me, { parent: node, name: name(part) })).node;
  }
  return node;
}

/** A directory to be covered in the tree, and a tree to cover it. */
async function withSub(tree: MemoryTree): Promise<MemoryTree> {
  await tree.mknod(me, { parent: root, name: name('sub') }, { mode: directory });
  return new MemoryTree();
}

class LateTree extends WrappedTree {
  constructor() {
    super(new MemoryTree());
  }

  override async lineage(node: NodeId): Promise<Lineage | undefined> {
    return this.inner.lineage(node);
  }
}

describe('mount table', () => {
  it('shows mount points as directories of a read-only root (MT-1)', async () => {
    const table = await tableOf({ '/workspace': new MemoryTree(), '/a/b/c': new MemoryTree() });
    const attr = await table.getattr(me, root);
    expect(attr).toMatchObject({ mode: directory, uid: 7, gid: 8, parent: root, nlink: 4 });
    const names = (await table.readdir(me, root, 0, 100)).map((entry) => entry.name);
    expect(names).toEqual(['workspace', 'a']);
    const at = { parent: root, name: name('new') };
    expect(await codeFrom(table.mknod(me, at, { mode: directory }))).toBe('EROFS');
    expect(await codeFrom(table.create(me, at, file, { read: true, write: true }))).toBe('EROFS');
    expect(await codeFrom(table.mknod(me, { parent: root, name: name('a') }, { mode: directory }))).toBe(
      'EEXIST',
    );
    expect(await codeFrom(table.setattr(me, root, { mode: 0o777 }))).toBe('EROFS');
    expect(await codeFrom(table.unlink(me, at))).toBe('ENOENT');
    expect(await codeFrom(table.lookup(me, at))).toBe('ENOENT');
    expect(await codeFrom(table.rmdir(me, { parent: root, name: name('a') }))).toBe('EROFS');
    expect((await table.statfs(me, root)).blocks).toBe(100);
  });

  it('knows the lineage of synthetic directories and of mounted nodes (PERM-9, MT-1)', async () => {
    const workspace = new MemoryTree();
    const table = await tableOf({ '/a/b/w': workspace, '/a/b/w/sub': await withSub(workspace) });
    const a = await walk(table, '/a');
    const b = await walk(table, '/a/b');
    const top = await walk(table, '/a/b/w');
    const sub = await walk(table, '/a/b/w/sub');
    const nobody = { directory: true, owner: undefined };
    expect(await table.lineage(root)).toEqual({ parents: [], ...nobody });
    expect(await table.lineage(a)).toEqual({ parents: [root], ...nobody });
    expect(await table.lineage(b)).toEqual({ parents: [a], ...nobody });
    expect(await table.lineage(top)).toEqual({ parents: [b], ...nobody });
    expect(await table.lineage(sub)).toEqual({ parents: [top], ...nobody });
    const { node } = await table.mknod(me, { parent: top, name: name('f') }, { mode: file });
    expect(await table.lineage(node)).toEqual({ parents: [top], directory: false, owner: 'user:test' });
    await table.mknod(me, { parent: top, name: name('d') }, { mode: directory });
    const d = await walk(table, '/a/b/w/d');
    await table.link(me, node, { parent: d, name: name('f') });
    expect((await table.lineage(node))?.parents).toEqual([top, d]);
    expect(await table.lineage(77)).toBeUndefined();
    expect(await table.lineage(9 * span + root)).toBeUndefined();
    table.remove('/a/b/w/sub');
    table.remove('/a/b/w');
    for (const gone of [b, top, node, sub]) expect(await table.lineage(gone)).toBeUndefined();
  });

  it('answers a lineage at once where the mount does, and through a read-only mount (PERM-9)', async () => {
    const table = new MountTable({ uid: 7, gid: 8, now: () => ({ sec: 1, nsec: 2 }) });
    const tree = new MemoryTree();
    const late = new LateTree();
    await table.add(me, '/now', tree, { readOnly: true });
    await table.add(me, '/late', late);
    const [now, later] = [await walk(table, '/now'), await walk(table, '/late')];
    expect(table.lineage(now)).toEqual({ parents: [root], directory: true, owner: undefined });
    expect(table.lineage(later)).toBeInstanceOf(Promise);
    expect(await table.lineage(later)).toEqual({ parents: [root], directory: true, owner: undefined });
  });

  it('pages through the synthetic root', async () => {
    const table = await tableOf({ '/a': new MemoryTree(), '/b': new MemoryTree(), '/c': new MemoryTree() });
    const seen: string[] = [];
    for (let after = 0; ; ) {
      const page = await table.readdir(me, root, after, 1);
      if (page.length === 0) break;
      seen.push(page[0]!.name);
      after = page[0]!.cookie;
    }
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('numbers nodes by mount, and knows the way up across mount points', async () => {
    const inner = new MemoryTree();
    const table = await tableOf({ '/x/y': inner });
    const top = await walk(table, '/x/y');
    expect(top).toBe(span + root);
    const made = await table.mknod(me, { parent: top, name: name('d') }, { mode: directory });
    expect(made.node).toBe(span + 2);
    expect(made.parent).toBe(top);
    const up = (await table.getattr(me, top)).parent!;
    expect(up).toBe(await walk(table, '/x'));
    expect((await table.getattr(me, up)).parent).toBe(root);
  });

  it('keeps the numbers of a mount that says its own', async () => {
    const table = new MountTable({ uid: 0, gid: 0, now: () => ({ sec: 1, nsec: 0 }) });
    await table.add(me, '/late', new MemoryTree(), { number: 5 });
    expect(await walk(table, '/late')).toBe(5 * span + root);
    expect(await codeFrom(table.add(me, '/other', new MemoryTree(), { number: 5 }))).toBe('EBUSY');
  });

  it('lets mount points stay where they are: EBUSY (FS-3)', async () => {
    const outer = new MemoryTree();
    await outer.mknod(me, { parent: root, name: name('db') }, { mode: directory });
    const table = await tableOf({ '/workspace': outer, '/workspace/db': new MemoryTree() });
    const workspace = await walk(table, '/workspace');
    const point = { parent: workspace, name: name('db') };
    for (const at of [point, { parent: root, name: name('workspace') }]) {
      expect(await codeFrom(table.rmdir(me, at))).toBe('EBUSY');
      expect(await codeFrom(table.unlink(me, at))).toBe('EBUSY');
      const to = { parent: at.parent, name: name('elsewhere') };
      expect(await codeFrom(table.rename(me, at, to, 'replace'))).toBe('EBUSY');
    }
    const other = { parent: workspace, name: name('e') };
    await table.mknod(me, other, { mode: directory });
    expect(await codeFrom(table.rename(me, other, point, 'replace'))).toBe('EBUSY');
  });

  it('nests: the longest prefix wins, the covered directory comes back (MT-1)', async () => {
    const outer = new MemoryTree();
    const covered = await outer.mknod(me, { parent: root, name: name('db') }, { mode: directory });
    await outer.mknod(me, { parent: covered.node, name: name('hidden') }, { mode: file });
    const inner = new MemoryTree();
    await inner.mknod(me, { parent: root, name: name('row') }, { mode: file });
    const table = await tableOf({ '/workspace': outer, '/workspace/db': inner });
    const point = await walk(table, '/workspace/db');
    expect(point).toBe(2 * span + root);
    expect((await table.getattr(me, point)).parent).toBe(span + root);
    const listed = await table.readdir(me, span + root, 0, 10);
    expect(listed.map((entry) => entry.attr.node)).toEqual([point]);
    expect((await table.readdir(me, point, 0, 10)).map((entry) => entry.name)).toEqual(['row']);
    expect(() => table.remove('/workspace')).toThrow('EBUSY');
    table.remove('/workspace/db');
    expect(await walk(table, '/workspace/db/hidden')).toBe(span + 3);
    expect(await codeFrom(table.getattr(me, point))).toBe('ESTALE');
  });

  it('refuses to nest where there is no directory to cover', async () => {
    const outer = new MemoryTree();
    await outer.mknod(me, { parent: root, name: name('f') }, { mode: file });
    const table = await tableOf({ '/w': outer });
    expect(await codeFrom(table.add(me, '/w/none', new MemoryTree()))).toBe('ENOENT');
    expect(await codeFrom(table.add(me, '/w/f', new MemoryTree()))).toBe('ENOTDIR');
    expect(await codeFrom(table.add(me, '/w/f/deeper', new MemoryTree()))).toBe('ENOTDIR');
    expect(await codeFrom(table.add(me, '/w', new MemoryTree()))).toBe('EBUSY');
    expect(await codeFrom(table.add(me, '/', new MemoryTree()))).toBe('EBUSY');
    expect(await codeFrom(table.add(me, 'w', new MemoryTree()))).toBe('EINVAL');
  });

  it('moves and links nothing across mounts: EXDEV (FS-3)', async () => {
    const table = await tableOf({ '/a': new MemoryTree(), '/b': new MemoryTree() });
    const [a, b] = [await walk(table, '/a'), await walk(table, '/b')];
    const from = { parent: a, name: name('f') };
    const made = await table.create(me, from, file, { read: true, write: true });
    const to = { parent: b, name: name('g') };
    expect(await codeFrom(table.rename(me, from, to, 'replace'))).toBe('EXDEV');
    expect(await codeFrom(table.link(me, made.attr.node, to))).toBe('EXDEV');
    const other = await table.create(me, to, file, { read: true, write: true });
    expect(await codeFrom(made.handle.copyRange(me, 0, other.handle, 0, 1))).toBe('EXDEV');
    await made.handle.write(me, Buffer.from('bytes'), 0);
    const third = await table.create(me, { parent: a, name: name('h') }, file, { read: true, write: true });
    expect(await made.handle.copyRange(me, 1, third.handle, 0, 3)).toBe(3);
    expect((await table.getattr(me, third.attr.node)).size).toBe(3);
  });

  it('refuses changes of a read-only mount, and nothing else: EROFS (MT-1)', async () => {
    const inner = new MemoryTree();
    await inner.mknod(me, { parent: root, name: name('f') }, { mode: file });
    const table = new MountTable({ uid: 0, gid: 0, now: () => ({ sec: 1, nsec: 0 }) });
    await table.add(me, '/ro', inner, { readOnly: true });
    const top = await walk(table, '/ro');
    const node = await walk(table, '/ro/f');
    const at = { parent: top, name: name('f') };
    const changes = [
      table.setattr(me, node, { mode: 0o600 }),
      table.mknod(me, { parent: top, name: name('n') }, { mode: directory }),
      table.create(me, { parent: top, name: name('n') }, file, { read: true, write: true }),
      table.tmpfile(me, top, file, { read: true, write: true }),
      table.link(me, node, { parent: top, name: name('n') }),
      table.unlink(me, at),
      table.rmdir(me, at),
      table.rename(me, at, { parent: top, name: name('n') }, 'replace'),
      table.open(me, node, { read: true, write: true }),
      table.open(me, node, { read: true, write: false, truncate: true }),
      table.setxattr(me, node, name('user.a'), Buffer.from('1'), 'set'),
      table.removexattr(me, node, name('user.a')),
    ];
    for (const change of changes) expect(await codeFrom(change)).toBe('EROFS');
    const handle = await table.open(me, node, { read: true, write: false });
    expect(await handle.read(me, Buffer.alloc(4), 0)).toBe(0);
    await handle.release(me);
  });

  it('keeps a mount whose files are open, and gives it up afterwards', async () => {
    const inner = new MemoryTree();
    const table = await tableOf({ '/m': inner });
    const made = await table.create(me, { parent: await walk(table, '/m'), name: name('f') }, file, {
      read: true,
      write: true,
    });
    expect(made.handle.node).toBe(made.attr.node);
    expect(() => table.remove('/m')).toThrow('EBUSY');
    await made.handle.release(me);
    await made.handle.release(me);
    table.remove('/m');
    expect(await table.readdir(me, root, 0, 10)).toEqual([]);
    expect(await codeFrom(table.getattr(me, made.attr.node))).toBe('ESTALE');
    expect(() => table.remove('/m')).toThrow('ENOENT');
  });
});
