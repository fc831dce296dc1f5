/** Counters, caches and stores that answer late or fail. */
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Awaitable } from '../../src/base/awaitable.ts';
import { root } from '../../src/fs/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { Entry, Key, KvStore, KvTransaction, Range } from '../../src/kv/types.ts';
import { InodeCache } from '../../src/meta/inode-cache.ts';
import { Namespace } from '../../src/meta/namespace.ts';
import { operations } from '../model/tree.ts';
import {
  at,
  bytes,
  closed,
  codeOf,
  inode,
  mkdir,
  n,
  names,
  openFixture,
  problems,
  rootCaller,
  touch,
} from './fixture.ts';
import { apply, stateOf } from './tree-adapter.ts';

it('gives no number twice, whatever is lost in a crash (FS-5)', async () => {
  const kv = new MemoryKv();
  const given = new Set<number>();
  let revision = 0;
  for (let round = 0; round < 4; round++) {
    const { ns } = await openFixture(kv);
    expect(ns.counts().revision).toBeGreaterThanOrEqual(revision);
    for (let i = 0; i < 700; i++) given.add((await touch(ns, root, `${round} ${i}`)).ino);
    for (let i = 0; i < 100; i++) await ns.unlink(rootCaller, at(root, `${round} ${i}`), closed);
    revision = ns.counts().revision;
  }
  expect(given.size).toBe(2_800);
  const { ns } = await openFixture(kv);
  expect(ns.counts().inodes).toBe(1 + 4 * 600);
  expect(await problems(ns)).toEqual([]);
});

it('keeps the root, its seed and its order across a restart (FS-6)', async () => {
  const { ns, kv } = await openFixture();
  for (let i = 0; i < 50; i++) await touch(ns, root, `f${i}`);
  const again = (await openFixture(kv)).ns;
  expect(await again.list(root, 0, 100)).toEqual(await ns.list(root, 0, 100));
  expect(await again.lookup(root, n('f7'))).toEqual(await ns.lookup(root, n('f7')));
});

it('refuses a store of another format (CAS-3)', async () => {
  const { kv } = await openFixture();
  await kv.write((tx) => {
    tx.put('mformat', new Uint8Array(9).fill(1));
  });
  expect(await codeOf(() => openFixture(kv))).toBe('EIO');
});

/** Answers every question a turn of the loop later; `failing` refuses to apply. */
class LateKv implements KvStore {
  readonly #kv = new MemoryKv();
  failing = false;

  async get(key: Key): Promise<Uint8Array | undefined> {
    const value = this.#kv.get(key);
    await setImmediate();
    return value;
  }

  async scan(range: Range): Promise<readonly Entry[]> {
    const page = this.#kv.scan(range);
    await setImmediate();
    return page;
  }

  write<T>(fn: (tx: KvTransaction) => Awaitable<T>): Promise<T> {
    return this.#kv.write(async (tx) => {
      const result = await fn({
        get: async (key) => (await setImmediate(), tx.get(key)),
        scan: async (range) => (await setImmediate(), tx.scan(range)),
        put: (key, value) => {
          tx.put(key, value);
        },
        delete: (key) => {
          tx.delete(key);
        },
      });
      await setImmediate();
      if (this.failing) throw new Error('the disk is full');
      return result;
    });
  }

  sync(): Promise<void> {
    return this.#kv.sync();
  }

  stats(): Readonly<Record<string, number>> {
    return this.#kv.stats();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#kv[Symbol.asyncDispose]();
  }
}

it('never remembers a value that is not the newest, over a store that answers late (FS-11)', async () => {
  const kv = new LateKv();
  const { ns, clock } = await openFixture(kv, 8);
  const files = await Promise.all(['a', 'b', 'c', 'd'].map((name) => touch(ns, root, name)));
  const work: Promise<unknown>[] = [];
  for (let i = 0; i < 60; i++) {
    const { ino } = files[i % 4]!;
    work.push(
      ns.change(rootCaller, ino, { mode: i }),
      codeOf(() => touch(ns, root, `n${i % 20}`)),
    );
    work.push(
      Promise.resolve(ns.inode(ino)),
      codeOf(() => ns.unlink(rootCaller, at(root, `n${i % 20}`), closed)),
    );
    work.push(Promise.resolve(ns.list(root, 0, 100)), Promise.resolve(ns.inode(root)));
    if (i % 7 === 0) await setImmediate();
  }
  await Promise.all(work);
  const again = await Namespace.open({ kv, now: () => clock.time });
  for (const { ino } of [...files, { ino: root }])
    expect(await ns.inode(ino)).toEqual(await again.inode(ino));
  expect(files.map((file, i) => (i + 56).toString(8))).toEqual(
    await Promise.all(files.map(async ({ ino }) => ((await inode(ns, ino)).mode & 0o7777).toString(8))),
  );
  expect(ns.counts().inodes).toBe(again.counts().inodes);
  expect(await names(ns, root)).toEqual(await names(again, root));
});

it('changes nothing in memory when the store fails (FS-5)', async () => {
  const kv = new LateKv();
  const { ns } = await openFixture(kv);
  const directory = await mkdir(ns, root, 'd');
  const file = await touch(ns, directory.ino, 'f');
  kv.failing = true;
  const failing = [
    touch(ns, directory.ino, 'g'),
    ns.unlink(rootCaller, at(directory.ino, 'f'), closed),
    ns.change(rootCaller, file.ino, { mode: 0 }),
    ns.commit(rootCaller, file.ino, { content: bytes('x'), size: 1, mtime: file.mtime }),
    ns.rename(rootCaller, at(directory.ino, 'f'), at(root, 'f'), 'replace', closed),
  ];
  for (const result of await Promise.allSettled(failing)) expect(result.status).toBe('rejected');
  kv.failing = false;
  expect(await ns.inode(file.ino)).toEqual(file);
  expect(await names(ns, directory.ino)).toEqual(['f']);
  expect(ns.counts().inodes).toBe(3);
  const next = await touch(ns, root, 'next');
  expect((await openFixture(kv)).ns.counts().inodes).toBe(4);
  expect((await touch((await openFixture(kv)).ns, root, 'later')).ino).toBeGreaterThan(next.ino);
});

it('ends up the same over a store that answers late (FS-2)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operations, { minLength: 5, maxLength: 40 }), async (run) => {
      const [quick, late] = [await openFixture(), await openFixture(new LateKv(), 2)];
      for (const operation of run) {
        expect(await codeOf(() => apply(late.ns, operation))).toBe(
          await codeOf(() => apply(quick.ns, operation)),
        );
      }
      expect(await stateOf(late.ns)).toEqual(await stateOf(quick.ns));
    }),
    { numRuns: 20 },
  );
});

it('bounds what it keeps in memory (FS-7)', async () => {
  const { ns } = await openFixture(new MemoryKv(), 100);
  for (let i = 0; i < 5_000; i++) {
    await touch(ns, root, `f${i}`);
    await ns.unlink(rootCaller, at(root, `f${i}`), closed);
  }
  expect(ns.stats()['cachedInodes']).toBeLessThanOrEqual(100);
  expect(ns.stats()['removedInodes']).toBe(4_096);
});

it('forgets what was used least recently, never what is held', async () => {
  const { ns } = await openFixture();
  const made = await Promise.all(Array.from({ length: 10 }, (_, i) => touch(ns, root, `f${i}`)));
  const cache = new InodeCache(4);
  const held = cache.hold(made[0]!.ino);
  for (const one of made) cache.fill(one, cache.epoch);
  expect(cache.get(made[0]!.ino)).toBeUndefined();
  expect(cache.get(made[9]!.ino)).toBe(made[9]);
  expect(cache.get(made[1]!.ino)).toBeUndefined();
  cache.release(held, 5, made[0]);
  expect(cache.get(made[0]!.ino)).toBe(made[0]);
  const { epoch } = cache;
  const [first, second] = [cache.hold(made[2]!.ino), cache.hold(made[2]!.ino)];
  cache.release(second, 7, made[3]);
  cache.release(first, 6, made[4]);
  expect(cache.get(made[2]!.ino)).toBe(made[3]);
  cache.fill(made[5]!, epoch);
  expect(cache.get(made[5]!.ino)).toBeUndefined();
});
