/** Directories and makers of nodes survive: reopening, kill -9, and the last close of what has no name any more. */
import { expect, it } from 'vitest';
import { root, S_IFDIR, S_IFREG } from '../../src/fs/types.ts';
import type { FileSystem, NodeId } from '../../src/fs/types.ts';
import { at, bytesOf, caller, close, openStack, put, reading, stranger, writing } from './fixture.ts';

/** Every node of the tree with the directories that name it, in order. */
async function walk(fs: FileSystem): Promise<Map<NodeId, NodeId[]>> {
  const found = new Map<NodeId, NodeId[]>([[root, []]]);
  const directories = [root];
  for (let at = directories.pop(); at !== undefined; at = directories.pop()) {
    for (const { attr } of await fs.readdir(caller, at, 0, 10_000)) {
      const above = found.get(attr.node) ?? [];
      if (!above.includes(at)) above.push(at);
      found.set(attr.node, above);
      if (attr.parent !== undefined) directories.push(attr.node);
    }
  }
  return found;
}

async function agrees(fs: FileSystem): Promise<number> {
  let spread = 0;
  for (const [node, parents] of await walk(fs)) {
    if (parents.length > 1) spread++;
    expect((await fs.lineage(node))?.parents).toEqual(parents.sort((a, b) => a - b));
  }
  return spread;
}

it('is what a crash leaves in the directories, whenever it comes (PERM-9, FS-5)', async () => {
  await using stack = await openStack({ kv: 'level' });
  const { volume } = stack;
  const directories: NodeId[] = [root];
  for (const name of ['a', 'b', 'c']) {
    directories.push((await volume.mknod(stranger, at(name), { mode: S_IFDIR | 0o755 })).node);
  }
  const any = (i: number): NodeId => directories[i % directories.length] ?? root;
  const copies: string[] = [];
  const files: NodeId[] = [];
  for (let i = 0; i < 60; i++) {
    files.push(await put(volume, at(`f${i}`, any(i)), bytesOf(10), i % 2 === 0 ? caller : stranger));
    await volume.link(caller, files[i] ?? 0, at(`l${i}`, any(i * 7 + 1)));
    if (i % 3 === 0) await volume.link(caller, files[i] ?? 0, at(`m${i}`, any(i + 2)));
    const from = at(`l${i}`, any(i * 7 + 1));
    if (i % 4 === 0) await volume.rename(caller, from, at(`n${i}`, any(i * 5 + 2)), 'replace');
    if (i % 5 === 0) await volume.unlink(caller, at(`f${i}`, any(i)));
    if (i % 20 === 19) copies.push(await stack.crash());
  }
  expect(await agrees(volume)).toBeGreaterThan(10);
  for (const [n, directory] of copies.entries()) {
    await using again = await openStack({ kv: 'level', directory, powerCut: n % 2 === 0 });
    expect(await agrees(again.volume)).toBeGreaterThan(3);
    for (const [i, node] of files.slice(0, 15).entries()) {
      const { subject } = i % 2 === 0 ? caller : stranger;
      expect((await again.volume.lineage(node))?.owner).toBe(subject);
    }
    for await (const problem of again.namespace.check(false)) expect(problem).toBeUndefined();
  }
});

it('ends with the last close of a file without a name (PERM-9, PERM-10)', async () => {
  await using stack = await openStack();
  const { volume } = stack;
  const node = await put(volume, at('f'), bytesOf(10));
  const handle = await volume.open(caller, node, reading);
  await volume.unlink(caller, at('f'));
  expect(await volume.lineage(node)).toEqual({ parents: [], directory: false, owner: caller.subject });
  await close(handle);
  await volume.drain();
  expect(await volume.lineage(node)).toBeUndefined();
  const { attr, handle: nameless } = await volume.tmpfile(stranger, root, S_IFREG | 0o600, writing);
  expect((await volume.lineage(attr.node))?.parents).toEqual([]);
  await close(nameless);
  await volume.drain();
  expect(await volume.lineage(attr.node)).toBeUndefined();
});

it('is told at once for what is in memory (PERM-9)', async () => {
  await using stack = await openStack({ kv: 'level' });
  const node = await put(stack.volume, at('f'), bytesOf(10));
  expect(stack.volume.lineage(node)).not.toBeInstanceOf(Promise);
});
