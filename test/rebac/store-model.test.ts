import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import type { TupleFilter } from '../../src/rebac/store-read.ts';
import { TupleStore } from '../../src/rebac/store.ts';
import type { Tuple, TupleKey } from '../../src/rebac/types.ts';
import { textOf, texts } from '../contract/tuple-reader.ts';
import { temporaryDirectory } from '../kv/temporary.ts';

// Few of each, so that keys meet often; some that begin like others, one that is too long for a key.
const type = fc.constantFrom('file', 'fil', 'user', 'group');
const id = fc.constantFrom('a', 'ab', '*', 'é', `${'l'.repeat(200)}1`, `${'l'.repeat(200)}2`);
const relation = fc.constantFrom('viewer', 'member', 'v');
const optional = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });

const key: fc.Arbitrary<TupleKey> = fc
  .record({
    objectType: type,
    objectId: id,
    relation,
    subjectType: type,
    subjectId: id,
    own: optional(relation),
  })
  .map(({ objectType, objectId, relation: name, subjectType, subjectId, own }) => ({
    object: { type: objectType, id: objectId },
    relation: name,
    subject: { type: subjectType, id: subjectId, ...(own === undefined ? {} : { relation: own }) },
  }));
const tuple: fc.Arbitrary<Tuple> = fc
  .tuple(key, optional(fc.integer({ min: 1, max: 3 })))
  .map(([one, expires]) => ({
    ...one,
    ...(expires === undefined ? {} : { expires }),
  }));

const filter: fc.Arbitrary<TupleFilter> = fc
  .record({
    object: optional(fc.tuple(type, optional(id))),
    relation: optional(relation),
    subject: optional(fc.tuple(type, optional(id), optional(fc.constantFrom('', 'member', 'v')))),
  })
  .map(({ object, relation: name, subject }) => ({
    ...(object === undefined
      ? {}
      : { object: { type: object[0], ...(object[1] === undefined ? {} : { id: object[1] }) } }),
    ...(name === undefined ? {} : { relation: name }),
    ...(subject === undefined
      ? {}
      : {
          subject: {
            type: subject[0],
            ...(subject[1] === undefined ? {} : { id: subject[1] }),
            ...(subject[2] === undefined ? {} : { relation: subject[2] }),
          },
        }),
  }));

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      writes: fc.array(tuple, { maxLength: 6 }),
      deletes: fc.array(key, { maxLength: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('look' as const),
      key,
      filter,
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), type, id }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('purge' as const), now: fc.integer({ min: 0, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('checkpoint' as const, 'reopen' as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function wanted({ object, relation: name, subject }: TupleFilter, one: Tuple): boolean {
  return (
    (object === undefined || one.object.type === object.type) &&
    (object?.id === undefined || one.object.id === object.id) &&
    (name === undefined || one.relation === name) &&
    (subject === undefined || one.subject.type === subject.type) &&
    (subject?.id === undefined || one.subject.id === subject.id) &&
    (subject?.relation === undefined || (one.subject.relation ?? '') === subject.relation)
  );
}

const exact = (tuples: Iterable<Tuple>): string[] =>
  [...tuples].map((one) => `${textOf(one)} ${one.expires}`).sort();

async function look(
  store: TupleStore,
  model: ReadonlyMap<string, Tuple>,
  at: Step & { do: 'look' },
): Promise<void> {
  const { object, relation: name, subject } = at.key;
  const all = [...model.values()];
  expect(await store.get(at.key)).toEqual(model.get(textOf(at.key)));
  const on = all.filter((one) => wanted({ object, relation: name }, one));
  expect(exact(await store.subjects(object, name))).toEqual(exact(on));
  const indirect = on.filter((one) => one.subject.relation !== undefined || one.subject.id === '*');
  expect(exact(await store.usersets(object, name))).toEqual(exact(indirect));
  const of = all.filter((one) => wanted({ subject: { ...subject, relation: subject.relation ?? '' } }, one));
  expect(exact(await store.objects(subject))).toEqual(exact(of));
  expect(exact(await store.objects(subject, object.type))).toEqual(
    exact(of.filter((one) => one.object.type === object.type)),
  );
  expect(exact(await store.ofType(object.type))).toEqual(
    exact(all.filter((one) => one.object.type === object.type)),
  );
  const found: Tuple[] = [];
  for (let after: string | undefined; ; ) {
    const page = await store.read(at.filter, { limit: at.limit, ...(after === undefined ? {} : { after }) });
    expect(page.tuples.length).toBeLessThanOrEqual(at.limit);
    if (page.next !== undefined) expect(page.tuples).toHaveLength(at.limit);
    found.push(...page.tuples);
    if (page.next === undefined) break;
    after = page.next;
  }
  expect(exact(found)).toEqual(exact(all.filter((one) => wanted(at.filter, one))));
}

async function run(steps: readonly Step[]): Promise<void> {
  const directory = temporaryDirectory();
  let kv = await openLevelKv(directory);
  let now = 0;
  const openStore = (): Promise<TupleStore> => TupleStore.open({ kv, zone: 'z', now: () => now });
  let store = await openStore();
  const model = new Map<string, Tuple>();
  let revision = 0;
  const remove = (gone: (one: Tuple) => boolean): void => {
    const before = model.size;
    for (const [name, one] of model) if (gone(one)) model.delete(name);
    if (model.size < before) revision++;
  };
  try {
    for (const one of steps) {
      if (one.do === 'write') {
        const writes = [...new Map(one.writes.map((each) => [textOf(each), each])).values()];
        const named = new Set(writes.map(textOf));
        const deletes = [...new Map(one.deletes.map((each) => [textOf(each), each])).values()].filter(
          (each) => !named.has(textOf(each)),
        );
        const before = exact(model.values());
        for (const each of deletes) model.delete(textOf(each));
        for (const each of writes) model.set(textOf(each), each);
        if (exact(model.values()).join('\n') !== before.join('\n')) revision++;
        expect(await store.write({ writes, deletes })).toBe(revision);
      } else if (one.do === 'forget') {
        const { type: t, id: i } = one;
        remove(
          ({ object, subject }) =>
            (object.type === t && object.id === i) || (subject.type === t && subject.id === i),
        );
        expect(await store.deleteObject({ type: t, id: i })).toBe(revision);
      } else if (one.do === 'purge') {
        now = one.now;
        remove((each) => each.expires !== undefined && each.expires <= now);
        expect(await store.purge()).toBe(revision);
      } else if (one.do === 'look') await look(store, model, one);
      else if (one.do === 'checkpoint') await kv.checkpoint();
      else {
        await kv[Symbol.asyncDispose]();
        kv = await openLevelKv(directory);
        store = await openStore();
      }
    }
    expect(store.revision).toBe(revision);
    const replayed = new Map<string, Tuple>();
    for (const { kind, tuple: one } of await store.changes(0, 10_000)) {
      if (kind === 'write') replayed.set(textOf(one), one);
      else replayed.delete(textOf(one));
    }
    expect(exact(replayed.values())).toEqual(exact(model.values()));
  } finally {
    await kv[Symbol.asyncDispose]();
  }
}

describe('TupleStore against a plain map', () => {
  it('agrees whatever is written, deleted, purged, read, checkpointed and reopened; its log tells the same (PERM-8)', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), run), { numRuns: 40 });
  });

  it('goes on from a cursor only with the filter it came from (PERM-8)', async () => {
    await using kv = await openLevelKv(temporaryDirectory());
    const store = await TupleStore.open({ kv, zone: 'z' });
    const writes = ['a', 'b', 'c'].map((name) => ({
      object: { type: 'file', id: name },
      relation: 'v',
      subject: { type: 'user', id: name },
    }));
    await store.write({ writes });
    const { next } = await store.read({ object: { type: 'file' } }, { limit: 2 });
    expect(
      texts((await store.read({ object: { type: 'file' } }, { limit: 2, after: next! })).tuples),
    ).toEqual(['file:c v user:c']);
    await store.write({ deletes: writes.slice(1, 2) });
    expect((await store.read({ object: { type: 'file' } }, { limit: 2, after: next! })).tuples).toHaveLength(
      1,
    );
    for (const other of [{ subject: { type: 'user' } }, { object: { type: 'fil' } }]) {
      await expect(store.read(other, { limit: 2, after: next! })).rejects.toMatchObject({ code: 'EINVAL' });
    }
    await expect(store.read({}, { limit: 0 })).rejects.toMatchObject({ code: 'EINVAL' });
  });
});
