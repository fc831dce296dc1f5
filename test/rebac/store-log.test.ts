import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { TupleStore } from '../../src/rebac/store.ts';
import type { TupleChange } from '../../src/rebac/types.ts';
import { textOf, tuple } from '../contract/tuple-reader.ts';
import { temporaryDirectory } from '../kv/temporary.ts';
import { many } from './store-fixture.ts';

const open = (kv: KvStore = new MemoryKv()): Promise<TupleStore> => TupleStore.open({ kv, zone: 'default' });

const line = ({ revision, kind, tuple: one }: TupleChange): string => `${revision} ${kind} ${textOf(one)}`;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('changes', () => {
  it('tells every change with its revision, a deletion with the whole tuple (PERM-8)', async () => {
    const store = await open();
    const one = tuple('file:1 viewer user:ada', { expires: 5, condition: { name: 'c', context: { a: 1 } } });
    await store.write({ writes: [one, tuple('file:2 viewer user:ada')] });
    await store.write({
      deletes: [tuple('file:1 viewer user:ada')],
      writes: [tuple('file:3 viewer user:ada')],
    });
    const changes = await store.changes(0, 10);
    expect(changes.map(line)).toEqual([
      '1 write file:1 viewer user:ada',
      '1 write file:2 viewer user:ada',
      '2 delete file:1 viewer user:ada',
      '2 write file:3 viewer user:ada',
    ]);
    expect(changes[2]!.tuple).toEqual(one);
    expect((await store.changes(1, 10)).map((change) => change.revision)).toEqual([2, 2]);
    expect(await store.changes(2, 10)).toEqual([]);
  });

  it('gives whole revisions whatever the limit (PERM-8)', async () => {
    const store = await open();
    await store.write({ writes: many(5) });
    await store.write({ deletes: many(3) });
    for (let limit = 1; limit <= 5; limit++) expect(await store.changes(0, limit)).toHaveLength(5);
    expect(await store.changes(0, 6)).toHaveLength(8);
    await expect(store.changes(0, 0)).rejects.toThrow('whole number from 1');
  });

  it('refuses a revision that is still to come (PERM-8)', async () => {
    const store = await open();
    await store.write({ writes: many(1) });
    await expect(store.changes(2, 1)).rejects.toMatchObject({
      code: 'EINVAL',
      message: expect.stringContaining('at revision 1') as string,
    });
    await expect(store.changes(-1, 1)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(store.changes(0.5, 1)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  it('are forgotten below a revision, and who needs them is told so (PERM-8)', async () => {
    const kv = new MemoryKv();
    const store = await open(kv);
    for (const one of many(5)) await store.write({ writes: [one] });
    await store.trimChanges(4);
    const forgotten = {
      code: 'ESTALE',
      message: expect.stringContaining('up to revision 3 are forgotten') as string,
    };
    await expect(store.changes(2, 9)).rejects.toMatchObject(forgotten);
    const watch = store.watch(0, new AbortController().signal)[Symbol.asyncIterator]();
    await expect(watch.next()).rejects.toMatchObject(forgotten);
    expect((await store.changes(3, 9)).map((change) => change.revision)).toEqual([4, 5]);
    await store.trimChanges(2);
    const again = await open(kv);
    await expect(again.changes(2, 9)).rejects.toMatchObject(forgotten);
    await again.trimChanges(1000);
    expect(await again.changes(5, 9)).toEqual([]);
    expect(again.revision).toBe(5);
    expect(await again.ofType('file')).toHaveLength(5);
  });
});

/** Scans see the moment they were asked at and answer when `answer` is called. */
function slowScans(inner: MemoryKv): { kv: KvStore; answer: () => Promise<void> } {
  const waiting: (() => void)[] = [];
  const kv: KvStore = {
    get: (key) => inner.get(key),
    scan: (range) => {
      const entries = inner.scan(range);
      return new Promise((resolve) => waiting.push(() => resolve(entries)));
    },
    write: (fn) => inner.write(fn),
    sync: () => inner.sync(),
    stats: () => inner.stats(),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
  const answer = async (): Promise<void> => {
    await turn();
    waiting.shift()?.();
    await turn();
  };
  return { kv, answer };
}

describe('a slow kv', () => {
  it('hides no change that comes while a watcher reads (PERM-8)', async () => {
    const { kv, answer } = slowScans(new MemoryKv());
    const store = await open(kv);
    const watch = store.watch(0, new AbortController().signal)[Symbol.asyncIterator]();
    const next = watch.next();
    await store.write({ writes: many(1) });
    await answer();
    await answer();
    expect((await next).value).toMatchObject({ revision: 1 });
  });

  it('gives no part of a revision that is forgotten meanwhile (PERM-8)', async () => {
    const inner = new MemoryKv();
    const { kv, answer } = slowScans(inner);
    const store = await open(kv);
    await store.write({ writes: many(5) });
    const changes = store.changes(0, 2);
    const refused = expect(changes).rejects.toMatchObject({ code: 'ESTALE' });
    const trimmed = store.trimChanges(2);
    for (let n = 0; n < 4; n++) await answer();
    await Promise.all([refused, trimmed]);
  });
});

describe('watching', () => {
  it('tells what was, waits for what comes, ends with its signal (PERM-8)', async () => {
    const store = await open();
    const [first, second, third] = many(3);
    await store.write({ writes: [first!] });
    const stop = new AbortController();
    const seen: number[] = [];
    const watching = (async (): Promise<void> => {
      for await (const change of store.watch(0, stop.signal)) seen.push(change.revision);
    })();
    await turn();
    expect(seen).toEqual([1]);
    await store.write({ writes: [second!] });
    await store.setModel('a model is a revision without changes');
    await store.write({ writes: [third!] });
    await store.setModel('so is the last one');
    await turn();
    expect(seen).toEqual([1, 2, 4]);
    stop.abort();
    await watching;
    await store.write({ deletes: [third!] });
    await turn();
    expect(seen).toEqual([1, 2, 4]);
  });

  it('ends at once with a signal that is aborted already, and between two changes (PERM-8)', async () => {
    const store = await open();
    await store.write({ writes: many(10) });
    for await (const change of store.watch(0, AbortSignal.abort())) expect(change).toBeUndefined();
    const stop = new AbortController();
    let seen = 0;
    for await (const change of store.watch(0, stop.signal)) {
      expect(change.revision).toBe(1);
      if (++seen === 3) stop.abort();
    }
    expect(seen).toBe(3);
  });

  it('fails when it was too slow and its changes are gone (PERM-8)', async () => {
    const store = await open();
    for (let n = 0; n < 300; n++) await store.write({ writes: [tuple(`file:${n} viewer user:ada`)] });
    const watch = store.watch(0, new AbortController().signal)[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({ revision: 1 });
    await store.trimChanges(301);
    await expect(
      (async (): Promise<void> => {
        while ((await watch.next()).done !== true);
      })(),
    ).rejects.toMatchObject({ code: 'ESTALE' });
  });

  it('misses nothing and repeats nothing, whoever writes while it reads (PERM-8)', async () => {
    const directory = temporaryDirectory();
    let run = 0;
    const script = fc.record({
      /** Each writer's writes: how many tuples, and whether it lets others go first. */
      writers: fc.array(fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()), { maxLength: 8 }), {
        minLength: 1,
        maxLength: 5,
      }),
      /** Watchers begin after so many turns, from a revision reached then. */
      watchers: fc.array(
        fc.tuple(fc.integer({ min: 0, max: 6 }), fc.double({ min: 0, max: 1, noNaN: true })),
        { minLength: 1, maxLength: 3 },
      ),
      level: fc.boolean(),
    });
    const property = fc.asyncProperty(script, async ({ writers, watchers, level }) => {
      await using kv = level
        ? await openLevelKv(`${directory}/${run++}`, { checkpointBytes: 2000 })
        : new MemoryKv();
      const store = await open(kv);
      const stop = new AbortController();
      const watching = watchers.map(async ([turns, from]) => {
        for (let n = 0; n < turns; n++) await turn();
        const after = Math.floor(from * store.revision);
        const seen: string[] = [];
        const done = (async (): Promise<void> => {
          for await (const change of store.watch(after, stop.signal)) seen.push(line(change));
        })();
        return { after, seen, done };
      });
      const writing = writers.map(async (steps, who) => {
        for (const [step, [count, yielding]] of steps.entries()) {
          if (yielding) await turn();
          await store.write({ writes: many(count, (n) => `file:${n} viewer user:${who}-${step}`) });
        }
      });
      await Promise.all(writing);
      const started = await Promise.all(watching);
      const all = (await store.changes(0, 100_000)).map(line);
      const deadline = Date.now() + 10_000;
      const wanted = started.map(({ after }) => all.filter((text) => Number.parseInt(text, 10) > after));
      const short = (): boolean => started.some(({ seen }, at) => seen.length < wanted[at]!.length);
      while (short() && Date.now() < deadline) await turn();
      stop.abort();
      for (const [at, { seen, done }] of started.entries()) {
        await done;
        expect(seen).toEqual(wanted[at]);
      }
      expect(store.revision).toBe(writers.flat().length);
    });
    await fc.assert(property, { numRuns: 40 });
  });
});

describe('listeners', () => {
  it('are waited for, and hear revisions in order even while others are slow (PERM-5)', async () => {
    const store = await open();
    const heard: number[] = [];
    let release = (): void => undefined;
    store.subscribe(async (_, revision) => {
      heard.push(revision);
      expect(store.revision).toBe(revision);
      if (revision === 1) await new Promise<void>((resolve) => (release = resolve));
    });
    const [a, b] = many(2);
    let firstDone = false;
    const first = store.write({ writes: [a!] }).then(() => (firstDone = true));
    await store.write({ writes: [b!] });
    await turn();
    expect(heard).toEqual([1, 2]);
    expect(firstDone).toBe(false);
    release();
    await first;
  });

  it('hear revisions in order from many writers at once (PERM-5)', async () => {
    const store = await open(await openLevelKv(temporaryDirectory(), { checkpointBytes: 4000 }));
    const heard: number[] = [];
    store.subscribe((_, revision) => void heard.push(revision));
    await Promise.all(many(200).map((one) => store.write({ writes: [one] })));
    expect(heard).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
  });

  it('may write themselves (PERM-5)', async () => {
    const store = await open();
    const [a, b] = many(2);
    store.subscribe(async (_, revision) => {
      if (revision === 1) await store.write({ writes: [b!] });
    });
    expect(await store.write({ writes: [a!] })).toBe(1);
    expect(store.revision).toBe(2);
  });

  it('that fail keep nobody from hearing; the write stays and says so (PERM-5)', async () => {
    const store = await open();
    const heard: number[] = [];
    store.subscribe(() => {
      throw new Error('cannot follow');
    });
    store.subscribe(async () => {
      await turn();
      heard.push(store.revision);
    });
    await expect(store.write({ writes: many(1) })).rejects.toMatchObject({
      code: 'EIO',
      message: expect.stringContaining('the change is stored') as string,
      cause: { message: 'cannot follow' },
    });
    expect(heard).toEqual([1]);
    expect(store.revision).toBe(1);
    await expect(store.write({ writes: many(2) })).rejects.toMatchObject({ code: 'EIO' });
    expect(heard).toEqual([1, 2]);
  });

  it('hear no more once they are disposed, and nothing of what changes nothing (PERM-5)', async () => {
    const store = await open();
    let heard = 0;
    const listening = store.subscribe(() => {
      heard++;
    });
    await store.write({ writes: many(1) });
    await store.write({ writes: many(1) });
    await store.trimChanges(1);
    expect(heard).toBe(1);
    listening[Symbol.dispose]();
    await store.write({ writes: many(2) });
    expect(heard).toBe(1);
  });
});
