/** What `check` finds wrong in the directories and makers of files, and mends. */
import { expect, it } from 'vitest';
import { root } from '../../src/fs/types.ts';
import { encodeU48 } from '../../src/meta/bytes.ts';
import { encodeInode } from '../../src/meta/inode-codec.ts';
import { inodeKey, linkKey } from '../../src/meta/keys.ts';
import { sample, entryOf, put, findsAndMends } from './check-sample.ts';
import type { Damage } from './check-sample.ts';
import { at, closed, n, openFixture, problems, rootCaller } from './fixture.ts';

const damages: readonly Damage[] = [
  {
    what: 'a wrong directory of a file (PERM-9)',
    kinds: ['parent'],
    damage:
      async ({ g, other }) =>
      (tx) =>
        put(tx, g, { parent: other.ino }),
  },
  {
    what: 'a file that says it lies in several directories (PERM-9)',
    kinds: ['parent'],
    damage:
      async ({ g }) =>
      (tx) =>
        put(tx, g, { parent: 0 }),
  },
  {
    what: 'a file in several directories that says it lies in one (PERM-9)',
    kinds: ['parent', 'link-record', 'link-record'],
    damage:
      async ({ f, d }) =>
      (tx) =>
        put(tx, f, { parent: d.ino }),
  },
  {
    what: 'a missing link record (PERM-9)',
    kinds: ['parent'],
    damage:
      async ({ f, d }) =>
      (tx) => {
        tx.delete(linkKey(f.ino, d.ino));
      },
  },
  {
    what: 'no link record at all (PERM-9)',
    kinds: ['parent'],
    damage:
      async ({ f, d }) =>
      (tx) => {
        tx.delete(linkKey(f.ino, d.ino));
        tx.delete(linkKey(f.ino, root));
      },
  },
  {
    what: 'a link record where one directory needs none (PERM-9)',
    kinds: ['parent'],
    damage:
      async ({ g, d }) =>
      (tx) => {
        put(tx, g, { parent: 0 });
        tx.put(linkKey(g.ino, d.ino), encodeU48(1));
      },
  },
  {
    what: 'a link record of another directory (PERM-9)',
    kinds: ['parent'],
    damage:
      async ({ f, d, other }) =>
      (tx) => {
        tx.delete(linkKey(f.ino, d.ino));
        tx.put(linkKey(f.ino, other.ino), encodeU48(1));
      },
  },
  {
    what: 'a link record too many (PERM-9)',
    kinds: ['parent'],
    damage:
      async ({ f, other }) =>
      (tx) => {
        tx.put(linkKey(f.ino, other.ino), encodeU48(0));
      },
  },
  {
    what: 'names counted in the wrong directory (PERM-9)',
    kinds: ['parent', 'link-count'],
    damage:
      async ({ f, d }) =>
      (tx) => {
        tx.put(linkKey(f.ino, d.ino), encodeU48(2));
        put(tx, f, { nlink: 3 });
      },
  },
  {
    what: 'link records of what lies in one directory, is a directory, is missing (PERM-9)',
    kinds: ['link-record', 'link-record', 'link-record'],
    damage:
      async ({ g, d, other }) =>
      (tx) => {
        for (const ino of [g.ino, d.ino, 777]) tx.put(linkKey(ino, other.ino), encodeU48(1));
      },
  },
  {
    what: 'an owner nobody knows (PERM-9)',
    kinds: ['owner'],
    damage:
      async ({ g }) =>
      (tx) => {
        tx.put(inodeKey(g.ino), encodeInode(g, 4_000_000_000));
      },
  },
];

it.each(damages)('finds and mends $what', findsAndMends);

it('knows the directories of files again after a repair (PERM-9)', async () => {
  const made = await sample();
  const { f, g, d, other } = made;
  await made.ns.link(rootCaller, f.ino, at(d.ino, 'second'));
  const before = [await made.ns.lineage(f.ino), await made.ns.lineage(g.ino)];
  await made.kv.write((tx) => {
    put(tx, g, { parent: 0 });
    tx.put(linkKey(f.ino, d.ino), encodeU48(1));
    tx.put(linkKey(f.ino, other.ino), encodeU48(2));
  });
  const { ns } = await openFixture(made.kv);
  expect((await ns.lineage(f.ino))?.parents).toContain(other.ino);
  expect((await ns.lineage(g.ino))?.parents).toEqual([]);
  await problems(ns, true);
  expect([await ns.lineage(f.ino), await ns.lineage(g.ino)]).toEqual(before);
  // The counts are right too, not just the directories.
  for (const name of ['f', 'second']) await ns.unlink(rootCaller, at(d.ino, name), closed);
  expect((await ns.lineage(f.ino))?.parents).toEqual([root]);
  expect(await problems(ns)).toEqual([]);
});

it('puts a file nobody names where it belongs to who made it (PERM-9)', async () => {
  const made = await sample();
  const keys = [await entryOf(made, root, made.f.ino), await entryOf(made, made.d.ino, made.f.ino)];
  await made.kv.write((tx) => {
    for (const key of keys) tx.delete(key);
  });
  const { ns } = await openFixture(made.kv);
  expect((await problems(ns, true)).map(({ kind }) => kind)).toEqual(['unreachable']);
  const lost = await ns.lookup(root, n('lost+found'));
  expect(await ns.lineage(lost.ino)).toEqual({ parents: [root], directory: true, owner: undefined });
  expect(await ns.lineage(made.f.ino)).toEqual({ parents: [lost.ino], directory: false, owner: 'user:0' });
  expect(await problems(ns)).toEqual([]);
});
