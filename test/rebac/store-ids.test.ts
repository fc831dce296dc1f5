import { describe, expect, it } from 'vitest';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { decodeHead } from '../../src/rebac/store-codec.ts';
import { StoreKeys } from '../../src/rebac/store-keys.ts';
import { TupleStore } from '../../src/rebac/store.ts';
import type { Tuple } from '../../src/rebac/types.ts';
import { kvContent } from './store-fixture.ts';

const open = (): Promise<TupleStore> => TupleStore.open({ kv: new MemoryKv(), zone: 'default' });

const between = (objectId: string, subjectId: string, relation?: string): Tuple => ({
  object: { type: 'file', id: objectId },
  relation: 'viewer',
  subject: { type: 'user', id: subjectId, ...(relation === undefined ? {} : { relation }) },
});

const refused = (text: string): object => ({
  number: 2000,
  code: 'EINVAL',
  message: expect.stringContaining(text) as string,
});

describe('long ids', () => {
  const long = 'x'.repeat(4000);
  const ids = [159, 160, 161, 200, 4096].map((length) => 'y'.repeat(length));

  it('are kept whole and told apart by their last byte (PERM-1)', async () => {
    const store = await open();
    const tuples = [
      between(`${long}a`, `${long}b`),
      between(`${long}a`, `${long}c`),
      between(`${long}b`, `${long}b`),
      between('short', `${long}b`, 'member'),
      ...ids.map((id) => between(id, id)),
      between('é'.repeat(80), 'é'.repeat(81)),
    ];
    await store.write({ writes: tuples });
    for (const one of tuples) expect(await store.get(one)).toEqual(one);
    expect(await store.get(between(`${long}b`, `${long}c`))).toBeUndefined();
    expect(await store.subjects({ type: 'file', id: `${long}a` }, 'viewer')).toHaveLength(2);
    expect(await store.objects({ type: 'user', id: `${long}b` })).toHaveLength(2);
    expect(await store.usersets({ type: 'file', id: 'short' }, 'viewer')).toEqual([tuples[3]]);
    expect((await store.changes(0, 100)).map((change) => change.tuple)).toEqual(tuples);
    expect(await store.deleteObject({ type: 'user', id: `${long}b` })).toBe(2);
    expect(await store.ofType('file')).toHaveLength(tuples.length - 3);
    expect(await store.write({ deletes: tuples })).toBe(3);
    expect(await store.ofType('file')).toEqual([]);
  });

  it('fit the longest names of everything else into a key (PERM-1)', async () => {
    const kv = new MemoryKv();
    const store = await TupleStore.open({ kv, zone: 'z'.repeat(256) });
    const largest: Tuple = {
      object: { type: 't'.repeat(128), id: 'o'.repeat(4096) },
      relation: 'r'.repeat(64),
      subject: { type: 's'.repeat(128), id: 'i'.repeat(4096), relation: 'm'.repeat(64) },
      expires: 2 ** 48 - 1,
    };
    await store.write({ writes: [largest] });
    expect(await store.get(largest)).toEqual(largest);
    expect(await store.ofType('t'.repeat(128))).toEqual([largest]);
  });

  it('with one hash are never taken for each other (PERM-1)', async () => {
    const kv = new MemoryKv();
    const keys = new StoreKeys('default', () => 'h'.repeat(32));
    const store = new TupleStore({ kv, zone: 'default' }, keys, decodeHead(undefined));
    const one = between(`${long}1`, 'ada');
    const other = between(`${long}2`, 'ada');
    const third = between(`${long}2`, 'bob');
    await store.write({ writes: [one] });
    expect(await store.get(other)).toBeUndefined();
    await expect(store.write({ writes: [third, other] })).rejects.toMatchObject({ code: 'EIO' });
    expect(await store.get(third)).toBeUndefined();
    expect(await store.write({ deletes: [other] })).toBe(1);
    await store.write({ writes: [third] });
    expect(await store.subjects(one.object, 'viewer')).toEqual([one]);
    expect(await store.subjects(third.object, 'viewer')).toEqual([third]);
    await store.deleteObject(third.object);
    expect(await store.get(one)).toEqual(one);
    await expect(store.write({ must: [{ kind: 'exists', tuple: other }] })).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});

describe('what cannot be stored', () => {
  const good = between('1', 'ada');
  const bad: [string, Tuple][] = [
    ['the id of the object has 65536 bytes, at most 4096', between('x'.repeat(65_536), 'ada')],
    ['the id of the object has 4098 bytes', between('é'.repeat(2049), 'ada')],
    ['the id of the subject is empty', between('1', '')],
    ['the id of the object is empty', between('', 'ada')],
    ['the id of the subject is not valid Unicode', between('1', 'a\ud800b')],
    ['the relation of the subject is empty', between('1', 'ada', '')],
    ['the relation is empty', { ...good, relation: '' }],
    ['the relation has 65 bytes, at most 64', { ...good, relation: 'r'.repeat(65) }],
    ['the type of the object has 129 bytes', { ...good, object: { type: 't'.repeat(129), id: '1' } }],
    ['the type of the subject is empty', { ...good, subject: { type: '', id: '1' } }],
    ['expires is NaN', { ...good, expires: Number.NaN }],
    ['expires is 0.5', { ...good, expires: 0.5 }],
    ['expires is -1', { ...good, expires: -1 }],
    ['expires is 281474976710656', { ...good, expires: 2 ** 48 }],
    ['the name of the condition is empty', { ...good, condition: { name: '', context: {} } }],
    [
      'context.a.b[1] is no JSON',
      { ...good, condition: { name: 'c', context: { a: { b: [1, Number.NaN] } } } },
    ],
    ['context.at is no JSON', { ...good, condition: { name: 'c', context: { at: new Date(0) } } }],
    ['context.n is no JSON', { ...good, condition: { name: 'c', context: { n: 1n } } }],
    ['context has 40008 bytes', { ...good, condition: { name: 'c', context: { a: 'x'.repeat(40_000) } } }],
  ];

  it.each(bad)('%s: refused, and nothing written (PERM-1)', async (text, tuple) => {
    const kv = new MemoryKv();
    const store = await TupleStore.open({ kv, zone: 'default' });
    await expect(store.write({ writes: [between('2', 'ada'), tuple] })).rejects.toMatchObject(refused(text));
    expect(await kvContent(kv)).toEqual({});
    expect(store.revision).toBe(0);
  });

  it('a context that contains itself (PERM-8)', async () => {
    const store = await open();
    const context: Record<string, unknown> = {};
    context['self'] = context;
    await expect(
      store.write({ writes: [{ ...good, condition: { name: 'c', context } }] }),
    ).rejects.toMatchObject(refused('is nested deeper than 32'));
  });

  it('is not looked for either: no other text stands in for it (PERM-1)', async () => {
    const store = await open();
    await store.write({ writes: [between('\ufffd', '\ufffd')] });
    const object = { type: 'file', id: '\ud800' };
    const subject = { type: 'user', id: '\udc00' };
    expect(() => store.get({ object, relation: 'viewer', subject })).toThrow('not valid Unicode');
    expect(() => store.subjects(object, 'viewer')).toThrow('not valid Unicode');
    expect(() => store.usersets(object, 'viewer')).toThrow('not valid Unicode');
    expect(() => store.objects(subject)).toThrow('not valid Unicode');
    expect(() => store.ofType('t'.repeat(300))).toThrow('at most 128');
    await expect(store.deleteObject(object)).rejects.toThrow('not valid Unicode');
    await expect(store.read({ object }, { limit: 1 })).rejects.toThrow('not valid Unicode');
    await expect(store.write({ deletes: [between('1', '\ud800')] })).rejects.toThrow('not valid Unicode');
  });

  it('a context keeps odd names and values (PERM-8)', async () => {
    const store = await open();
    const context = JSON.parse(
      '{"__proto__": 1, "constructor": [], "": "\\u0000\\ud83d\\ude00", "n": -1.5e300}',
    ) as Record<string, unknown>;
    const one = { ...good, condition: { name: 'c', context } };
    await store.write({ writes: [one] });
    expect(JSON.stringify((await store.get(good))!.condition!.context)).toBe(
      '{"":"\\u0000😀","__proto__":1,"constructor":[],"n":-1.5e+300}',
    );
  });
});
