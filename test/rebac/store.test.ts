import { describe, expect, it } from 'vitest';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { StoreKeys } from '../../src/rebac/store-keys.ts';
import { TupleStore } from '../../src/rebac/store.ts';
import type { Tuple, TupleChange } from '../../src/rebac/types.ts';
import { texts, tuple } from '../contract/tuple-reader.ts';
import { FailingKv } from '../fault/failing-kv.ts';
import { temporaryDirectory } from '../kv/temporary.ts';
import { kvContent, many } from './store-fixture.ts';

const open = (kv: KvStore = new MemoryKv(), zone = 'default'): Promise<TupleStore> =>
  TupleStore.open({ kv, zone });

const viewer = tuple('file:1 viewer user:ada');
const member = tuple('group:eng member user:ada');

describe('writing', () => {
  it('makes one revision of each write that changes something (PERM-8)', async () => {
    const store = await open();
    expect(store.revision).toBe(0);
    expect(await store.write({ writes: [viewer, member] })).toBe(1);
    expect(await store.write({ writes: [viewer] })).toBe(1);
    expect(await store.write({ deletes: [tuple('file:9 viewer user:ada')] })).toBe(1);
    expect(await store.write({})).toBe(1);
    expect(await store.write({ deletes: [viewer] })).toBe(2);
    expect(store.revision).toBe(2);
    expect(await store.get(viewer)).toBeUndefined();
    expect(await store.get(member)).toEqual(member);
  });

  it('replaces a tuple whose condition or expiry differs, leaves one with an equal context (PERM-8)', async () => {
    const store = await open();
    const conditioned = (context: Record<string, unknown>): Tuple => ({
      ...viewer,
      condition: { name: 'c', context },
    });
    expect(await store.write({ writes: [viewer] })).toBe(1);
    expect(await store.write({ writes: [{ ...viewer, expires: 5 }] })).toBe(2);
    expect(await store.write({ writes: [{ ...viewer, expires: 6 }] })).toBe(3);
    expect(await store.write({ writes: [conditioned({ a: 1, b: { c: [], d: null } })] })).toBe(4);
    expect(await store.write({ writes: [conditioned({ b: { d: null, c: [] }, a: 1 })] })).toBe(4);
    expect(await store.get(viewer)).toEqual(conditioned({ a: 1, b: { c: [], d: null } }));
    expect(await store.objects(viewer.subject)).toEqual([conditioned({ a: 1, b: { c: [], d: null } })]);
    expect(await store.write({ writes: [viewer] })).toBe(5);
    expect(await store.get(viewer)).toEqual(viewer);
  });

  it('keeps what it was given, not the object it was given in (PERM-1)', async () => {
    const store = await open();
    const context: Record<string, unknown> = { a: 1 };
    const heard: TupleChange[] = [];
    store.subscribe((changes) => void heard.push(...changes));
    await store.write({ writes: [{ ...viewer, condition: { name: 'c', context } }] });
    context['a'] = 2;
    expect(heard[0]!.tuple.condition!.context).toEqual({ a: 1 });
    expect((await store.get(viewer))!.condition!.context).toEqual({ a: 1 });
  });

  it('writes all or nothing when a tuple is not allowed (PERM-1)', async () => {
    const kv = new MemoryKv();
    const refuse = (one: Tuple): void => {
      if (one.relation === 'member') throw new Error('not in the model');
    };
    const store = await TupleStore.open({ kv, zone: 'default', validate: refuse });
    await expect(store.write({ writes: [viewer, member] })).rejects.toThrow('not in the model');
    expect(store.revision).toBe(0);
    expect(await kvContent(kv)).toEqual({});
  });

  it('writes all or nothing whichever call to the kv fails (PERM-1)', async () => {
    for (let n = 1; ; n++) {
      const inner = new MemoryKv();
      const first = await open(inner);
      await first.write({ writes: [...many(3), { ...viewer, expires: 7 }] });
      const before = await kvContent(inner);
      const kv = new FailingKv(inner, n);
      const told: number[] = [];
      try {
        const store = await open(kv);
        store.subscribe((_, revision) => void told.push(revision));
        await store.write({
          writes: [viewer, member],
          deletes: many(2),
          must: [{ kind: 'exists', tuple: many(1)[0]! }],
        });
        expect(kv.failed).toBe(false);
        expect(told).toEqual([2]);
        expect(n).toBeGreaterThan(6);
        return;
      } catch (error) {
        expect(error).toMatchObject({ code: 'EIO', message: expect.stringContaining('failed on purpose') });
        expect(told).toEqual([]);
        expect(await kvContent(inner)).toEqual(before);
      }
    }
  });

  it('goes on after a failed write with the next revision (PERM-8)', async () => {
    const inner = new MemoryKv();
    const store = await open(new FailingKv(inner, 3));
    await expect(store.write({ writes: [viewer] })).rejects.toThrow('failed on purpose');
    expect(await store.write({ writes: [viewer] })).toBe(1);
  });

  it('leaves no key behind of tuples that are deleted, but the log and the head (PERM-10)', async () => {
    const kv = new MemoryKv();
    const store = await open(kv);
    const tuples = [viewer, { ...member, expires: 10 }, tuple('file:1 viewer group:eng#member')];
    await store.write({ writes: tuples });
    await store.write({ writes: [{ ...member, expires: 20 }] });
    await store.write({ deletes: tuples });
    await store.trimChanges(store.revision + 1);
    expect(Object.keys(await kvContent(kv))).toEqual([new StoreKeys('default').head]);
  });

  it('refuses more than a thousand tuples at once, and takes a thousand (PERM-2)', async () => {
    const store = await open();
    expect(await store.write({ writes: many(1000) })).toBe(1);
    await expect(store.write({ writes: many(1001) })).rejects.toMatchObject({
      code: 'E2BIG',
      message: expect.stringContaining('1001 tuples') as string,
    });
    expect(await store.ofType('file')).toHaveLength(1000);
  });

  it('refuses to be told two things of one tuple (PERM-1)', async () => {
    const store = await open();
    const twice = { code: 'EINVAL', message: expect.stringContaining('file:1#viewer@user:ada') as string };
    await expect(store.write({ writes: [viewer], deletes: [viewer] })).rejects.toMatchObject(twice);
    await expect(store.write({ writes: [viewer, { ...viewer, expires: 1 }] })).rejects.toMatchObject(twice);
    await expect(store.write({ deletes: [viewer, viewer] })).rejects.toMatchObject(twice);
    expect(store.revision).toBe(0);
  });
});

describe('preconditions', () => {
  const writes = [member];

  it('tuples that must exist or must not (PERM-8)', async () => {
    const store = await open();
    await expect(store.write({ writes, must: [{ kind: 'exists', tuple: viewer }] })).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('file:1#viewer@user:ada') as string,
    });
    await store.write({ writes: [viewer] });
    await expect(store.write({ writes, must: [{ kind: 'absent', tuple: viewer }] })).rejects.toMatchObject({
      code: 'EEXIST',
    });
    expect(await store.get(member)).toBeUndefined();
    expect(await store.write({ writes, must: [{ kind: 'exists', tuple: viewer }] })).toBe(2);
    expect(
      await store.write({
        deletes: writes,
        must: [{ kind: 'absent', tuple: tuple('file:2 viewer user:ada') }],
      }),
    ).toBe(3);
  });

  it('one that has expired does not exist (PERM-8)', async () => {
    const store = await TupleStore.open({ kv: new MemoryKv(), zone: 'default', now: () => 100 });
    await store.write({
      writes: [
        { ...viewer, expires: 100 },
        { ...member, expires: 101 },
      ],
    });
    await store.write({
      must: [
        { kind: 'absent', tuple: viewer },
        { kind: 'exists', tuple: member },
      ],
    });
    await expect(store.write({ must: [{ kind: 'exists', tuple: viewer }] })).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });

  it('the revision: of two who read the same one, one writes (PERM-8)', async () => {
    const store = await open();
    const must = [{ kind: 'revision', revision: 0 }] as const;
    const outcomes = await Promise.allSettled([
      store.write({ writes: [viewer], must }),
      store.write({ writes: [member], must }),
    ]);
    expect(outcomes[0]).toEqual({ status: 'fulfilled', value: 1 });
    expect(outcomes[1]).toMatchObject({
      reason: { code: 'EAGAIN', message: expect.stringContaining('revision 1, not 0') as string },
    });
    expect(await store.get(member)).toBeUndefined();
  });
});

describe('keeping', () => {
  it('opens as it was left, from the journal and from LevelDB (PERM-1)', async () => {
    const directory = temporaryDirectory();
    const last = { ...viewer, expires: 99, condition: { name: 'c', context: { a: 'é' } } };
    {
      await using kv = await openLevelKv(directory);
      const store = await open(kv);
      for (let at = 0; at < 3; at++) {
        await store.write({ writes: many(500, (n) => `file:${at}-${n} viewer user:u${n}`) });
        if (at < 2) await kv.checkpoint();
      }
      await store.setModel('the model');
      await store.write({ writes: [last] });
    }
    await using kv = await openLevelKv(directory);
    const store = await open(kv);
    expect(store.revision).toBe(5);
    expect(await store.model()).toBe('the model');
    expect(await store.get(viewer)).toEqual(last);
    expect(await store.ofType('file')).toHaveLength(1501);
    expect(await store.objects({ type: 'user', id: 'u7' })).toHaveLength(3);
    expect(await store.changes(0, 10_000)).toHaveLength(1501);
    expect(await store.write({ deletes: [last] })).toBe(6);
  });

  it('answers at once where the kv does (PERM-9)', async () => {
    const store = await open();
    await store.write({ writes: [viewer] });
    expect(store.get(viewer)).toEqual(viewer);
    expect(store.subjects(viewer.object, 'viewer')).toEqual([viewer]);
    expect(store.usersets(viewer.object, 'viewer')).toEqual([]);
    expect(store.objects(viewer.subject)).toEqual([viewer]);
    expect(store.ofType('file')).toEqual([viewer]);
  });

  it('a hundred thousand tuples, found from each side (PERM-9)', async () => {
    await using kv = await openLevelKv(temporaryDirectory());
    const store = await open(kv);
    for (let at = 0; at < 100; at++) {
      const writes = many(1000, (n) => `file:${at * 1000 + n} viewer user:u${n}`);
      if (at === 50) writes[0] = tuple('file:50000 viewer group:eng#member');
      await store.write({ writes });
    }
    expect(store.revision).toBe(100);
    expect(await store.objects({ type: 'user', id: 'u7' })).toHaveLength(100);
    expect(await store.objects({ type: 'user', id: 'u0' })).toHaveLength(99);
    expect(texts(await store.usersets({ type: 'file', id: '50000' }, 'viewer'))).toHaveLength(1);
    expect(await store.ofType('file')).toHaveLength(100_000);
    for (let n = 0; n < 100_000; n += 997) {
      const one = tuple(`file:${n} viewer user:u${n % 1000}`);
      expect(await store.get(one)).toEqual(one);
    }
  });

  it('finds the groups of an object without reading its hundred thousand members (PERM-9)', async () => {
    const inner = new MemoryKv();
    const filler = await open(inner);
    for (let at = 0; at < 100; at++)
      await filler.write({ writes: many(1000, (n) => `group:all member user:u${at * 1000 + n}`) });
    await filler.write({
      writes: [tuple('group:all member group:eng#member'), tuple('group:all member user:*')],
    });
    let read = 0;
    const counting = Object.create(inner, {
      scan: {
        value: (range: Parameters<MemoryKv['scan']>[0]) => {
          const entries = inner.scan(range);
          read += entries.length;
          return entries;
        },
      },
      get: { value: (key: string) => inner.get(key) },
    }) as KvStore;
    const store = await open(counting);
    expect(await store.usersets({ type: 'group', id: 'all' }, 'member')).toHaveLength(2);
    expect(read).toBe(2);
  });
});

describe('models', () => {
  it('goes back to none, and on from there (PERM-1)', async () => {
    const kv = new MemoryKv();
    const store = await open(kv);
    expect(await store.setModel(undefined)).toBe(0);
    await store.setModel('one');
    expect(await store.setModel(undefined)).toBe(2);
    expect(await (await open(kv)).model()).toBeUndefined();
    expect(await store.setModel('one')).toBe(3);
    expect(await (await open(kv)).model()).toBe('one');
  });

  it('keeps each model with its number, revision and time (PERM-1)', async () => {
    let now = 5;
    const store = await TupleStore.open({ kv: new MemoryKv(), zone: 'default', now: () => now });
    expect(await store.model()).toBeUndefined();
    const heard: unknown[] = [];
    store.subscribe((changes, revision) => void heard.push([changes, revision]));
    expect(await store.setModel('one')).toBe(1);
    now = 6;
    expect(await store.setModel('two é')).toBe(2);
    expect(await store.setModel('two é')).toBe(2);
    expect(await store.model()).toBe('two é');
    expect(await store.models(1)).toMatchObject([{ text: 'two é' }]);
    expect(await store.models()).toEqual([
      { number: 2, revision: 2, time: 6, text: 'two é' },
      { number: 1, revision: 1, time: 5, text: 'one' },
    ]);
    expect(heard).toEqual([
      [[], 1],
      [[], 2],
    ]);
  });

  it('refuses an empty model and one that is too large (PERM-1)', async () => {
    const store = await open();
    await expect(store.setModel('')).rejects.toThrow('the model is empty');
    await expect(store.setModel('x'.repeat(256 * 1024 + 1))).rejects.toThrow('at most 262144');
    await expect(store.setModel('x\udfff')).rejects.toThrow('not valid Unicode');
    expect(store.revision).toBe(0);
  });
});
