/** Listing while the directory changes. */
import { expect, it } from 'vitest';
import type { Name } from '../../src/base/names.ts';
import { S_IFREG, root } from '../../src/fs/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { encodeEntry } from '../../src/meta/entry-codec.ts';
import { entryKey, id6, readId6 } from '../../src/meta/keys.ts';
import { nameHash } from '../../src/meta/name-hash.ts';
import { at, closed, codeOf, mkdir, names, openFixture, rootCaller, touch } from './fixture.ts';

it('lists every name once, in pages of any size (FS-2)', async () => {
  const { ns } = await openFixture();
  const made = Array.from({ length: 100 }, (_, i) => `file ${i}`);
  for (const name of made) await touch(ns, root, name);
  for (const page of [1, 2, 3, 7, 99, 100, 101, 1_000])
    expect(await names(ns, root, page)).toEqual(made.toSorted());
  const listed = await ns.list(root, 0, 1_000);
  for (const { name, inode, cookie } of listed) {
    expect(await ns.lookup(root, name)).toEqual(inode);
    expect(Number.isSafeInteger(cookie) && cookie > 1 && cookie < 2 ** 52).toBe(true);
  }
  expect(await codeOf(() => ns.list(listed[0]!.inode.ino, 0, 1))).toBe('ENOTDIR');
  expect(await codeOf(() => ns.list(999, 0, 1))).toBe('ESTALE');
});

it('lists 100,000 names exactly once while others come and go (FS-7)', async () => {
  const { ns } = await openFixture();
  const directory = await mkdir(ns, root, 'big');
  const total = 100_000;
  for (let i = 0; i < total; i++) await touch(ns, directory.ino, `f${i}`);
  const seen = new Map<string, number>();
  const removed = new Set<string>();
  let extra = 0;
  for (let after = 0; ; ) {
    const page = await ns.list(directory.ino, after, 1_000);
    const last = page.at(-1);
    if (last === undefined) break;
    expect(page.length).toBeLessThanOrEqual(1_000);
    for (const { name } of page) seen.set(name, (seen.get(name) ?? 0) + 1);
    after = last.cookie;
    // Some of what was listed, some of what was not, and new names go between the pages.
    for (const name of new Set([page[0]!.name, last.name])) {
      await ns.unlink(rootCaller, { parent: directory.ino, name }, closed);
    }
    for (let i = 0; i < 20; i++) {
      const name = `f${(extra * 7_919) % total}`;
      const victim = at(directory.ino, name);
      if ((await codeOf(() => ns.unlink(rootCaller, victim, closed))) === 'ok') removed.add(name);
      await touch(ns, directory.ino, `extra ${extra++}`);
    }
  }
  for (let i = 0; i < total; i++) {
    const times = seen.get(`f${i}`) ?? 0;
    if (removed.has(`f${i}`)) expect(times).toBeLessThanOrEqual(1);
    else expect(times).toBe(1);
  }
  for (const times of seen.values()) expect(times).toBe(1);
}, 300_000);

it('removes a directory page by page, as rm -r does (FS-1)', async () => {
  const { ns } = await openFixture();
  const directory = await mkdir(ns, root, 'd');
  for (let i = 0; i < 2_000; i++) await touch(ns, directory.ino, `f${i}`);
  for (let after = 0; ; ) {
    const page = await ns.list(directory.ino, after, 100);
    for (const { name } of page) await ns.unlink(rootCaller, { parent: directory.ino, name }, closed);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.cookie;
  }
  expect(await ns.rmdir(rootCaller, at(root, 'd'), closed)).toMatchObject({ gone: true });
});

it('never splits names of one hash over two pages (FS-7)', async () => {
  const kv = new MemoryKv();
  const { ns } = await openFixture(kv);
  const target = await touch(ns, root, 'target');
  const directory = await mkdir(ns, root, 'd');
  // Hashes 5 (one name), 6 (five names), 7 (two names): no such names are known, so the entries are made by hand.
  const made: string[] = [];
  await kv.write((tx) => {
    for (const [hash, count] of [
      [5, 1],
      [6, 5],
      [7, 2],
    ] as const) {
      for (let i = 0; i < count; i++) {
        const name = `${hash}-${i}`;
        made.push(name);
        const value = encodeEntry({ ino: target.ino, type: S_IFREG, revision: 1 });
        tx.put(entryKey(directory.ino, id6(hash), name as Name), value);
      }
    }
  });
  for (const page of [1, 2, 3, 4, 5, 6, 7, 8, 9]) expect(await names(ns, directory.ino, page)).toEqual(made);
  for (const { cookie } of await ns.list(directory.ino, 0, 100)) expect(cookie).toBeGreaterThan(0);
  // Whoever takes part of a page and goes on where its last entry says misses none.
  const all = await ns.list(directory.ino, 0, 100);
  for (let taken = 1; taken <= all.length; taken++) {
    const rest = await ns.list(directory.ino, all[taken - 1]!.cookie, 100);
    const both = new Set([...all.slice(0, taken), ...rest].map(({ name }) => name));
    expect([...both]).toEqual(made);
  }
  expect((await ns.list(directory.ino, all[0]!.cookie, 100)).map(({ name }) => name)).toEqual(made.slice(1));
});

it('hashes names evenly, differently in every namespace, and always the same in one (FS-7)', () => {
  const seed = { a: 1, b: 2 };
  const hashes = new Set<string>();
  const buckets = new Array<number>(256).fill(0);
  const low = new Array<number>(256).fill(0);
  const total = 200_000;
  for (let i = 0; i < total; i++) {
    const hash = nameHash(seed, `file-${i}.txt` as Name);
    hashes.add(hash);
    buckets[hash.charCodeAt(0)]!++;
    low[hash.charCodeAt(5)]!++;
    expect(hash.length).toBe(6);
  }
  expect(hashes.size).toBe(total);
  const mean = total / 256;
  for (const count of [...buckets, ...low]) expect(Math.abs(count - mean)).toBeLessThan(mean * 0.25);
  expect(nameHash(seed, 'a' as Name)).toBe(nameHash(seed, 'a' as Name));
  expect(nameHash({ a: 3, b: 4 }, 'a' as Name)).not.toBe(nameHash(seed, 'a' as Name));
});

it.each([0, 1, 255, 2 ** 24 - 1, 2 ** 24, 2 ** 40, 2 ** 48 - 1])(
  'keeps the number %d in six bytes of a key',
  (number) => {
    expect(readId6('x' + id6(number), 1)).toBe(number);
    expect(id6(number).length).toBe(6);
  },
);
