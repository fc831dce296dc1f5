import { describe, expect, it } from 'vitest';
import { nameFromText as name } from '../../src/base/names.ts';
import { root, S_IFDIR, S_IFREG } from '../../src/fs/types.ts';
import { observe } from '../../src/vfs/observe.ts';
import type { Change, ObservedTree } from '../../src/vfs/observe.ts';
import { caller, MemoryTree } from './memory-tree.ts';

const me = caller({ via: 1 });
const file = S_IFREG | 0o644;

function listen(tree: ObservedTree, via: number): { changes: Change[] } & Disposable {
  const changes: Change[] = [];
  const subscription = tree.subscribe({ via, changed: (change) => void changes.push(change) });
  return { changes, [Symbol.dispose]: () => subscription[Symbol.dispose]() };
}

/** `entry 1/f`, `attr 2`, `content 2 0+5`. */
function short(change: Change): string {
  if (change.kind === 'entry') return `entry ${change.parent}/${change.name}`;
  return change.kind === 'attr'
    ? `attr ${change.node}`
    : `content ${change.node} ${change.offset}+${change.length}`;
}

async function changesOf(
  run: (tree: ObservedTree, inner: MemoryTree) => Promise<unknown>,
): Promise<string[]> {
  const inner = new MemoryTree();
  await inner.mknod(me, { parent: root, name: name('f') }, { mode: file });
  await inner.mknod(me, { parent: root, name: name('d') }, { mode: S_IFDIR | 0o755 });
  const tree = observe(inner);
  using other = listen(tree, 2);
  using own = listen(tree, 1);
  await run(tree, inner);
  expect(own.changes).toEqual([]);
  expect(other.changes.every((change) => change.via === 1)).toBe(true);
  return other.changes.map(short);
}

const f = { parent: root, name: name('f') };
const g = { parent: root, name: name('g') };

describe('observe', () => {
  it('tells others, never the edge the change came through (FS-11)', async () => {
    expect(await changesOf((tree) => tree.mknod(me, g, { mode: file }))).toEqual(['entry 1/g', 'attr 1']);
    expect(await changesOf((tree) => tree.create(me, g, 0o644, { read: true, write: true }))).toEqual([
      'entry 1/g',
      'attr 1',
    ]);
    expect(await changesOf((tree) => tree.setattr(me, 2, { mode: 0o600 }))).toEqual(['attr 2']);
    expect(await changesOf((tree) => tree.setattr(me, 2, { size: 10 }))).toEqual([
      'attr 2',
      'content 2 10+0',
    ]);
    expect(await changesOf((tree) => tree.setxattr(me, 2, name('user.a'), Buffer.from('1'), 'set'))).toEqual([
      'attr 2',
    ]);
  });

  it('tells both directories and every inode whose links changed', async () => {
    expect(await changesOf((tree) => tree.link(me, 2, { parent: 3, name: name('h') }))).toEqual([
      'entry 3/h',
      'attr 3',
      'attr 2',
    ]);
    expect(await changesOf((tree) => tree.unlink(me, f))).toEqual(['entry 1/f', 'attr 1', 'attr 2']);
    expect(await changesOf((tree) => tree.rmdir(me, { parent: root, name: name('d') }))).toEqual([
      'entry 1/d',
      'attr 1',
      'attr 3',
    ]);
    const renamed = await changesOf(async (tree, inner) => {
      await inner.mknod(me, { parent: 3, name: name('old') }, { mode: file });
      await tree.rename(me, f, { parent: 3, name: name('old') }, 'replace');
    });
    expect(renamed).toEqual(['entry 1/f', 'attr 1', 'entry 3/old', 'attr 3', 'attr 2', 'attr 4']);
  });

  it('tells which bytes were written', async () => {
    const written = await changesOf(async (tree) => {
      const handle = await tree.open(me, 2, { read: true, write: true });
      await handle.write(me, Buffer.from('hello'), 3);
      await handle.flush(me);
      await handle.release(me);
    });
    expect(written).toEqual(['content 2 3+5', 'attr 2']);
    const appended = await changesOf(async (tree) => {
      const handle = await tree.open(me, 2, { read: false, write: true, append: true });
      await handle.write(me, Buffer.from('hello'), 3);
    });
    expect(appended).toEqual(['content 2 3+0', 'attr 2']);
    expect(await changesOf((tree) => tree.open(me, 2, { read: false, write: true, truncate: true }))).toEqual(
      ['content 2 0+0', 'attr 2'],
    );
  });

  it('tells what the kernel wrote by itself when the file is flushed and closed', async () => {
    const changes = await changesOf(async (tree, inner) => {
      inner.io = 'backing';
      const handle = await tree.open(me, 2, { read: true, write: true, passthrough: true });
      await handle.flush(me);
      await handle.release(me);
      await handle.release(me);
    });
    expect(changes).toEqual(['attr 2', 'content 2 0+0', 'attr 2', 'content 2 0+0', 'attr 2']);
  });

  it('returns when the others have been told (FS-11)', async () => {
    const tree = observe(new MemoryTree());
    const order: string[] = [];
    const subscription = tree.subscribe({
      via: 2,
      changed: async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        order.push('told');
      },
    });
    await tree.mknod(me, g, { mode: file });
    order.push('returned');
    subscription[Symbol.dispose]();
    expect(order).toEqual(['told', 'told', 'returned']);
  });

  it('says nothing of what failed, and nothing after the subscription has ended', async () => {
    const failed = await changesOf(async (tree) => {
      await expect(tree.mknod(me, f, { mode: file })).rejects.toThrow('EEXIST');
      await expect(tree.unlink(me, g)).rejects.toThrow('ENOENT');
    });
    expect(failed).toEqual([]);
    const tree = observe(new MemoryTree());
    const listener = listen(tree, 2);
    listener[Symbol.dispose]();
    await tree.mknod(me, g, { mode: file });
    expect(listener.changes).toEqual([]);
  });

  it('adds no lookup for an edge that is alone', async () => {
    const inner = new MemoryTree();
    await inner.mknod(me, f, { mode: file });
    let lookups = 0;
    const lookup = inner.lookup.bind(inner);
    inner.lookup = (by, at) => {
      lookups++;
      return lookup(by, at);
    };
    const tree = observe(inner);
    using own = listen(tree, 1);
    await tree.unlink(me, f);
    expect([lookups, own.changes.length]).toEqual([0, 0]);
  });
});
