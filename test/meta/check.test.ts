/** What `check` finds, what it mends, and that it leaves a system in use alone. */
import { expect, it } from 'vitest';
import { root, S_IFDIR, S_IFREG } from '../../src/fs/types.ts';
import { encodeU48 } from '../../src/meta/bytes.ts';
import { encodeEntry } from '../../src/meta/entry-codec.ts';
import { encodeInode } from '../../src/meta/inode-codec.ts';
import { entryKey, inodeCountKey, inodeKey, orphanKey, versionKey, xattrKey } from '../../src/meta/keys.ts';
import { sample, entryOf, put, findsAndMends } from './check-sample.ts';
import type { Damage } from './check-sample.ts';
import {
  at,
  bytes,
  closed,
  codeOf,
  mkdir,
  n,
  names,
  open,
  openFixture,
  problems,
  rootCaller,
  touch,
} from './fixture.ts';

const damages: readonly Damage[] = [
  {
    what: 'a wrong link count of a file',
    kinds: ['link-count'],
    damage:
      async ({ f }) =>
      (tx) =>
        put(tx, f, { nlink: 5 }),
  },
  {
    what: 'a wrong link count of a directory',
    kinds: ['link-count'],
    damage:
      async ({ d }) =>
      (tx) =>
        put(tx, d, { nlink: 9 }),
  },
  {
    what: 'a named file without links',
    kinds: ['link-count'],
    damage:
      async ({ f }) =>
      (tx) =>
        put(tx, f, { nlink: 0 }),
  },
  {
    what: 'a wrong parent',
    kinds: ['parent'],
    damage:
      async ({ sub, other }) =>
      (tx) =>
        put(tx, sub, { parent: other.ino }),
  },
  {
    what: 'an entry of nothing',
    kinds: ['dangling-entry'],
    damage:
      async ({ d }) =>
      (tx) => {
        tx.put(
          entryKey(d.ino, '\0\0\0\0\0\x07', n('ghost')),
          encodeEntry({ ino: 777, type: S_IFREG, revision: 1 }),
        );
      },
  },
  {
    what: 'an entry in nothing',
    kinds: ['dangling-entry'],
    damage:
      async ({ f }) =>
      (tx) => {
        tx.put(
          entryKey(777, '\0\0\0\0\0\x07', n('ghost')),
          encodeEntry({ ino: f.ino, type: S_IFREG, revision: 1 }),
        );
      },
  },
  {
    what: 'an entry in a file',
    kinds: ['dangling-entry'],
    damage:
      async ({ f, sub }) =>
      (tx) => {
        tx.put(
          entryKey(f.ino, '\0\0\0\0\0\x07', n('ghost')),
          encodeEntry({ ino: sub.ino, type: S_IFDIR, revision: 1 }),
        );
      },
  },
  {
    what: 'an entry of another type',
    kinds: ['entry-type'],
    damage: async (s) => {
      const key = await entryOf(s, s.d.ino, s.f.ino);
      return (tx) => {
        tx.put(key, encodeEntry({ ino: s.f.ino, type: S_IFDIR, revision: 1 }));
      };
    },
  },
  {
    what: 'a file nobody names',
    kinds: ['unreachable'],
    damage:
      async ({ f }) =>
      (tx) => {
        tx.put(inodeKey(600), encodeInode({ ...f, ino: 600, version: 0, xattrs: false }, 1));
        tx.put(inodeCountKey, encodeU48(7));
      },
  },
  {
    what: 'a directory nobody names',
    kinds: ['unreachable', 'link-count'],
    damage: async (s) => {
      const key = await entryOf(s, root, s.d.ino);
      return (tx) => {
        tx.delete(key);
      };
    },
  },
  {
    what: 'directories in a circle',
    kinds: ['unreachable', 'unreachable', 'link-count'],
    damage: async (s) => {
      const key = await entryOf(s, root, s.d.ino);
      return (tx) => {
        tx.delete(key);
        tx.put(
          entryKey(s.sub.ino, '\0\0\0\0\0\x07', n('up')),
          encodeEntry({ ino: s.d.ino, type: S_IFDIR, revision: 1 }),
        );
        put(tx, s.d, { parent: s.sub.ino });
      };
    },
  },
  {
    what: 'a directory with two names',
    kinds: ['directory-links', 'link-count'],
    damage:
      async ({ other, sub }) =>
      (tx) => {
        tx.put(
          entryKey(other.ino, '\0\0\0\0\0\x07', n('two')),
          encodeEntry({ ino: sub.ino, type: S_IFDIR, revision: 1 }),
        );
      },
  },
  {
    what: 'orphan marks on what is no orphan',
    kinds: ['orphan', 'orphan'],
    damage:
      async ({ f }) =>
      (tx) => {
        tx.put(orphanKey(f.ino), bytes(''));
        tx.put(orphanKey(888), bytes(''));
      },
  },
  {
    what: 'a missing record of the newest version',
    kinds: ['version-gap'],
    damage:
      async ({ f }) =>
      (tx) => {
        tx.delete(versionKey(f.ino, 3));
      },
  },
  {
    what: 'a missing record of an older version',
    kinds: ['version-gap'],
    lasting: true,
    damage:
      async ({ f }) =>
      (tx) => {
        tx.delete(versionKey(f.ino, 2));
      },
  },
  {
    what: 'an inode behind its versions',
    kinds: ['version-newest'],
    damage:
      async ({ f }) =>
      (tx) =>
        put(tx, f, { version: 2 }),
  },
  {
    what: 'attributes the inode does not know',
    kinds: ['xattr'],
    damage:
      async ({ f }) =>
      (tx) =>
        put(tx, f, { xattrs: false }),
  },
  {
    what: 'attributes of nothing',
    kinds: ['xattr'],
    damage: async () => (tx) => {
      tx.put(xattrKey(777, n('user.x')), bytes('000000x'));
    },
  },
  {
    what: 'a wrong count of inodes',
    kinds: ['count'],
    damage: async () => (tx) => {
      tx.put(inodeCountKey, encodeU48(77));
    },
  },
];

it.each(damages)('finds and mends $what (CAS-3)', findsAndMends);

it('puts what it finds into lost+found, with all that is below (CAS-3)', async () => {
  const made = await sample();
  const key = await entryOf(made, root, made.d.ino);
  await made.kv.write((tx) => {
    tx.delete(key);
  });
  const { ns } = await openFixture(made.kv);
  await problems(ns, true);
  const lost = await ns.lookup(root, n('lost+found'));
  expect(lost).toMatchObject({ mode: S_IFDIR | 0o700, nlink: 3 });
  expect(await names(ns, lost.ino)).toEqual([`#${made.d.ino}`]);
  const found = await ns.lookup(lost.ino, n(`#${made.d.ino}`));
  expect(found).toMatchObject({ ino: made.d.ino, parent: lost.ino, nlink: 3 });
  expect(await names(ns, found.ino)).toEqual(['f', 'g', 'sub']);
});

it('finds nothing wrong in orphans and nameless files (CAS-3)', async () => {
  const { ns } = await openFixture();
  const file = await touch(ns, root, 'f');
  const directory = await mkdir(ns, root, 'd');
  await ns.unlink(rootCaller, at(root, 'f'), open);
  await ns.rmdir(rootCaller, at(root, 'd'), open);
  const { ino } = await ns.makeNameless(rootCaller, root, 0o600);
  expect(await problems(ns, true)).toEqual([]);
  expect([...(await ns.orphans())].sort()).toEqual([file.ino, directory.ino, ino].sort());
});

it('finds nothing wrong while everything changes (CAS-3)', async () => {
  const { ns, clock } = await openFixture();
  const directories = await Promise.all(['a', 'b', 'c'].map((name) => mkdir(ns, root, name)));
  for (let i = 0; i < 600; i++) await touch(ns, directories[i % 3]!.ino, `f${i}`);
  let done = false;
  let count = 0;
  const change = async (): Promise<void> => {
    while (!done) {
      const i = count++;
      const [from, to] = [directories[i % 3]!.ino, directories[(i + 1) % 3]!.ino];
      clock.tick();
      await mkdir(ns, from, `d${i}`);
      await ns.rename(rootCaller, at(from, `d${i}`), at(to, `d${i}`), 'replace', closed);
      await ns.rename(rootCaller, at(root, 'a'), at(root, 'b'), 'exchange', closed);
      await codeOf(() => ns.link(rootCaller, directories[0]!.ino + 3 + (i % 20), at(to, `l${i}`)));
      if (i > 7)
        await codeOf(() => ns.unlink(rootCaller, at(directories[(i - 7 + 1) % 3]!.ino, `l${i - 7}`), closed));
      await codeOf(() => ns.unlink(rootCaller, at(from, `f${i % 600}`), closed));
      if (i > 3) await ns.rmdir(rootCaller, at(directories[(i - 3 + 1) % 3]!.ino, `d${i - 3}`), closed);
      if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const changing = change();
  for (let i = 0; i < 5; i++) expect(await problems(ns, true)).toEqual([]);
  done = true;
  await changing;
  expect(count).toBeGreaterThan(10);
  expect(await problems(ns)).toEqual([]);
});
