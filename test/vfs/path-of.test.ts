/** Paths of nodes, through mounts and the directories above them. */
import { expect, it } from 'vitest';
import { nameFromBytes, nameFromText } from '../../src/base/names.ts';
import { root, S_IFDIR, S_IFREG } from '../../src/fs/types.ts';
import type { NodeId } from '../../src/fs/types.ts';
import { MountTable } from '../../src/vfs/mount-table.ts';
import { PathSearch } from '../../src/vfs/path-of.ts';
import { caller, MemoryTree } from './memory-tree.ts';

const me = caller();
const n = nameFromText;
const pathOf = (tree: MountTable, node: NodeId): Promise<string | undefined> =>
  new PathSearch(tree).path(node);

async function sample() {
  const outer = new MemoryTree();
  const inner = new MemoryTree();
  const table = new MountTable({ uid: 0, gid: 0, now: () => ({ sec: 0, nsec: 0 }) });
  const work = await table.add(me, '/data/work', outer, { number: 1 });
  const top = work.base + root;
  const covered = await table.mknod(me, { parent: top, name: n('deep') }, { mode: S_IFDIR | 0o755 });
  const deep = await table.add(me, '/data/work/deep', inner, { number: 2 });
  return { table, outer, inner, top, covered, deep: deep.base + root, data: work.parent };
}

it('leads through synthetic directories, mounts and mounts below mounts (PERM-2)', async () => {
  const { table, top, deep, data } = await sample();
  const file = await table.mknod(me, { parent: deep, name: n('f é') }, { mode: S_IFREG | 0o644 });
  expect(await pathOf(table, root)).toBe('/');
  expect(await pathOf(table, data)).toBe('/data');
  expect(await pathOf(table, top)).toBe('/data/work');
  expect(await pathOf(table, deep)).toBe('/data/work/deep');
  expect(await pathOf(table, file.node)).toBe('/data/work/deep/f é');
});

it('finds the names of large directories, and follows a rename (PERM-2, PERM-10)', async () => {
  const { table, top } = await sample();
  let last = 0;
  for (let i = 0; i < 2_100; i++) {
    last = (await table.mknod(me, { parent: top, name: n(`f${i}`) }, { mode: S_IFREG })).node;
  }
  expect(await pathOf(table, last)).toBe('/data/work/f2099');
  await table.rename(me, { parent: top, name: n('f2099') }, { parent: top, name: n('new') }, 'replace');
  expect(await pathOf(table, last)).toBe('/data/work/new');
});

it('is one of several, and none for what has no name or never was (PERM-2)', async () => {
  const { table, top, covered } = await sample();
  const sub = await table.mknod(me, { parent: top, name: n('sub') }, { mode: S_IFDIR | 0o755 });
  const { node } = await table.mknod(me, { parent: top, name: n('f') }, { mode: S_IFREG | 0o644 });
  await table.link(me, node, { parent: sub.node, name: n('g') });
  expect(['/data/work/f', '/data/work/sub/g']).toContain(await pathOf(table, node));
  await table.unlink(me, { parent: top, name: n('f') });
  expect(await pathOf(table, node)).toBe('/data/work/sub/g');
  await table.unlink(me, { parent: sub.node, name: n('g') });
  expect(await pathOf(table, node)).toBeUndefined();
  expect(await pathOf(table, 5 * 2 ** 40)).toBeUndefined();
  expect(await pathOf(table, 77)).toBeUndefined();
  // The directory below a mount point is nowhere to be seen.
  expect(await pathOf(table, covered.node)).toBeUndefined();
});

it('shows names that are no text as text (PERM-2)', async () => {
  const { table, top } = await sample();
  const name = nameFromBytes(Uint8Array.of(0x66, 0xff));
  const { node } = await table.mknod(me, { parent: top, name }, { mode: S_IFREG | 0o644 });
  expect(await pathOf(table, node)).toMatch(/^\/data\/work\/f./);
});
