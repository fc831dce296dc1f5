import { describe, expect, it } from 'vitest';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { TupleStore } from '../../src/rebac/store.ts';
import type { TupleChange } from '../../src/rebac/types.ts';
import { texts, tuple } from '../contract/tuple-reader.ts';
import { many } from './store-fixture.ts';

const open = (kv: KvStore = new MemoryKv(), zone = 'default'): Promise<TupleStore> =>
  TupleStore.open({ kv, zone });

const viewer = tuple('file:1 viewer user:ada');
const member = tuple('group:eng member user:ada');

describe('objects and zones', () => {
  it('deletes everything an object holds and is given, nothing of its neighbours (PERM-10)', async () => {
    const store = await open();
    const kept = [
      'group:en member user:ada',
      'file:1 viewer group:en#member',
      'file:1 viewer user:eng',
      'user:eng x user:ada',
    ];
    const gone = [
      'group:eng member user:ada',
      'group:eng admin group:eng#member',
      'file:1 viewer group:eng#member',
      'file:2 owner group:eng#admin',
      'zone:1 member group:eng',
    ];
    await store.write({ writes: [...kept, ...gone].map((text) => tuple(text)) });
    const heard: TupleChange[] = [];
    store.subscribe((changes) => void heard.push(...changes));
    expect(await store.deleteObject({ type: 'group', id: 'eng' })).toBe(2);
    expect(texts((await store.read({}, { limit: 100 })).tuples)).toEqual([...kept].sort());
    expect(texts(heard.map((change) => change.tuple))).toEqual([...gone].sort());
    expect(heard.every((change) => change.kind === 'delete' && change.revision === 2)).toBe(true);
    expect(await store.deleteObject({ type: 'group', id: 'eng' })).toBe(2);
  });

  it('deletes an object of many tuples in several revisions (PERM-10)', async () => {
    const store = await open();
    for (let at = 0; at < 3; at++) {
      const writes = many(900, (n) => `group:all member user:u${at * 900 + n}`);
      await store.write({ writes });
    }
    await store.write({ writes: [viewer] });
    expect(await store.deleteObject({ type: 'group', id: 'all' })).toBe(7);
    expect(texts((await store.read({}, { limit: 100 })).tuples)).toEqual(['file:1 viewer user:ada']);
  });

  it('deletes what has expired, and not what was granted anew (PERM-8)', async () => {
    let now = 0;
    const store = await TupleStore.open({ kv: new MemoryKv(), zone: 'default', now: () => now });
    const writes = [
      { ...viewer, expires: 50 },
      { ...member, expires: 50 },
      tuple('file:2 viewer user:ada', { expires: 51 }),
    ];
    await store.write({ writes });
    await store.write({ writes: [{ ...member, expires: 60 }] });
    now = 49;
    expect(await store.purge()).toBe(2);
    now = 50;
    expect(await store.purge()).toBe(3);
    expect(texts((await store.read({}, { limit: 9 })).tuples)).toEqual([
      'file:2 viewer user:ada',
      'group:eng member user:ada',
    ]);
  });

  it('clears a zone, and its revision goes on (PERM-7)', async () => {
    const kv = new MemoryKv();
    const [here, there] = [await open(kv, 'here'), await open(kv, 'there')];
    for (const store of [here, there]) await store.write({ writes: many(10) });
    await here.setModel('model');
    expect(await here.clear()).toBe(4);
    expect(await here.clear()).toBe(4);
    expect(await here.ofType('file')).toEqual([]);
    expect(await here.model()).toBeUndefined();
    expect(await here.models()).toMatchObject([
      { number: 2, text: undefined },
      { number: 1, text: 'model' },
    ]);
    expect(await there.ofType('file')).toHaveLength(10);
  });

  it('zones never see each other, however alike their names (PERM-7)', async () => {
    const kv = new MemoryKv();
    const names = [
      'a',
      'A',
      'ab',
      'a\0',
      'a\0t',
      'at',
      '\u00e9',
      'e\u0301',
      'a'.repeat(256),
      'a'.repeat(255),
      '\0\x01a',
    ];
    const stores = await Promise.all(names.map((zone) => open(kv, zone)));
    for (const [index, store] of stores.entries()) {
      for (let n = 0; n <= index; n++)
        await store.write({ writes: [tuple(`file:${index} viewer user:u${n}`)] });
      await store.setModel(`model ${index}`);
    }
    for (const [index, store] of stores.entries()) {
      const reopened = await open(kv, names[index]);
      for (const one of [store, reopened]) {
        expect(one.revision).toBe(index + 2);
        expect(await one.ofType('file')).toHaveLength(index + 1);
        expect((await one.read({}, { limit: 100 })).tuples).toHaveLength(index + 1);
        expect(await one.changes(0, 100)).toHaveLength(index + 1);
        expect(await one.model()).toBe(`model ${index}`);
        expect(await one.models()).toHaveLength(1);
      }
    }
    await stores[1]!.clear();
    expect(await stores[0]!.ofType('file')).toHaveLength(1);
    expect(await stores[2]!.ofType('file')).toHaveLength(3);
  });

  it('refuses a zone without a name or with one that is too long (PERM-7)', async () => {
    await expect(open(new MemoryKv(), '')).rejects.toThrow('the name of the zone is empty');
    await expect(open(new MemoryKv(), 'z'.repeat(257))).rejects.toThrow('257 bytes');
    await expect(open(new MemoryKv(), 'z\ud800')).rejects.toThrow('not valid Unicode');
  });
});
