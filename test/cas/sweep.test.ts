import { statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Content } from '../../src/cas/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { BLOCK, each, filesIn, KIB, noise, pathOf, Stage } from './store.ts';

const allocated = (stage: Stage): number =>
  filesIn(stage.directory).reduce((sum, id) => sum + statSync(pathOf(stage.directory, id)).blocks * 512, 0);

const records = async (stage: Stage, prefix: string): Promise<number> =>
  (await stage.kv.scan({ from: prefix, to: String.fromCharCode(prefix.charCodeAt(0) + 1), limit: 10_000 }))
    .length;

/** An index that answers later, as one behind a network would. */
function slow(kv: KvStore): KvStore {
  const later = async <T>(value: T | Promise<T>): Promise<T> => {
    await turn();
    return value;
  };
  return {
    get: (key) => later(kv.get(key)),
    scan: (range) => later(kv.scan(range)),
    write: (fn) => kv.write(async (tx) => later(fn({ ...bound(tx), get: (key) => later(tx.get(key)) }))),
    sync: () => kv.sync(),
    stats: () => kv.stats(),
    [Symbol.asyncDispose]: () => kv[Symbol.asyncDispose](),
  };
}

function bound(tx: Parameters<Parameters<KvStore['write']>[0]>[0]): typeof tx {
  return {
    get: (key) => tx.get(key),
    scan: (range) => tx.scan(range),
    put: (key, value) => tx.put(key, value),
    delete: (key) => tx.delete(key),
  };
}

describe('the sweep', () => {
  it('deletes what nothing names and keeps the rest (CAS-3)', async () => {
    await using stage = await Stage.open();
    const keep: [Content, Buffer][] = [];
    for (let n = 0; n < 12; n++) {
      const small = noise(1000 + n, n);
      const middle = noise(100 * KIB, 100 + n);
      const large = noise(5 * BLOCK + n + 1, 200 + n);
      const made: [Content, Buffer][] = [
        [await stage.putBytes(small), small],
        [await stage.putBytes(middle), middle],
        [await stage.adopt(large.length, [[0, large]]), large],
      ];
      if (n % 3 === 0) keep.push(...made);
    }
    await stage.store.settle();
    const before = allocated(stage);
    const swept = await stage.store.sweep(() => each(keep.map(([content]) => content)));
    expect(swept.blocks).toBe(8 + 8 + 8 * 6);
    expect(swept.bytes).toBeGreaterThan(8 * 5 * BLOCK);
    expect(before - allocated(stage)).toBeGreaterThan(8 * 5 * BLOCK);
    expect(await records(stage, 'j')).toBe(4);
    expect(await records(stage, 's')).toBe(4);
    expect(await records(stage, 'b')).toBe(4 + 4 + 4 * 6);
    for (const [content, bytes] of keep)
      expect((await stage.read(content, bytes.length)).equals(bytes)).toBe(true);
    const again = await stage.store.sweep(() => each(keep.map(([content]) => content)));
    expect(again).toEqual({ blocks: 0, bytes: 0 });
    const rest = await stage.store.sweep(() => each([]));
    expect(rest.blocks).toBe(4 + 4 + 4 * 6);
    for (const prefix of ['b', 'j', 's', 'q', 'h']) expect(await records(stage, prefix)).toBe(0);
  });

  it('punches dead blocks out of packs that live ones share (CAS-3)', async () => {
    await using stage = await Stage.open();
    const blocks = Array.from({ length: 300 }, (_, n) => noise(250 * KIB, n));
    const contents: Content[] = [];
    for (const bytes of blocks) contents.push(await stage.putBytes(bytes));
    const live = contents.filter((_, n) => n % 10 === 0);
    const before = allocated(stage);
    const swept = await stage.store.sweep(() => each(live));
    expect(swept.blocks).toBe(270);
    expect(before - allocated(stage)).toBeGreaterThanOrEqual(270 * 248 * KIB);
    for (let n = 0; n < 300; n += 10) {
      expect(
        (await stage.read(contents[n] ?? { kind: 'zero' }, 250 * KIB)).equals(blocks[n] ?? Buffer.alloc(0)),
      ).toBe(true);
    }
    await expect(stage.read(contents[1] ?? { kind: 'zero' }, 250 * KIB)).rejects.toThrow(/EIO/);
  });

  it('keeps segments that several objects share as long as one of them lives (CAS-3)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(4 * BLOCK, 1);
    const base = await stage.adopt(bytes.length, [[0, bytes]]);
    const longer = await stage.commit(
      await stage.store.draftEdit(base, bytes.length, 600 * BLOCK, [], () => undefined),
    );
    await stage.store.sweep(() => each([longer]));
    expect((await stage.read(longer, 600 * BLOCK, 0, bytes.length)).equals(bytes)).toBe(true);
    expect(await records(stage, 'j')).toBe(1);
  });

  it.each([
    ['an index that answers at once', (): KvStore => new MemoryKv()],
    ['an index that answers later', (): KvStore => slow(new MemoryKv())],
  ])('spares what is drafted while it runs, with %s (CAS-3)', async (_, makeKv) => {
    await using stage = await Stage.open(makeKv());
    const bytes = (n: number): Buffer => noise(n % 3 === 0 ? 60 * KIB : 2000, n % 40);
    const large = noise(3 * BLOCK, 500);
    for (let n = 0; n < 40; n++) await stage.putBytes(bytes(n));
    await stage.adopt(large.length, [[0, large]]);
    const named: [Content, Buffer][] = [];
    const early = await stage.store.draftBytes(bytes(7));
    const state = { done: false };
    const live = async function* (): AsyncGenerator<Content, void> {
      // Nothing of what was put before is named by anything: only drafts keep bytes from now on.
      for (let n = 0; n < 20; n++) await turn();
    };
    const sweeping = stage.store.sweep(live).finally(() => {
      state.done = true;
    });
    for (let n = 0; !state.done; n++) {
      named.push([await stage.putBytes(bytes(n)), bytes(n)]);
      if (n % 10 === 0) named.push([await stage.adopt(large.length, [[0, large]]), large]);
      await turn();
    }
    named.push([await stage.commit(early), bytes(7)]);
    await sweeping;
    await stage.store.settle();
    expect(named.length).toBeGreaterThan(3);
    for (const [content, expected] of named) {
      expect((await stage.read(content, expected.length)).equals(expected)).toBe(true);
    }
    for await (const problem of stage.store.verify()) expect(problem).toBeUndefined();
  });

  it('spares a content named again while it marks (CAS-3)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(1000, 1);
    const content = await stage.putBytes(bytes);
    const live = async function* (): AsyncGenerator<Content, void> {
      stage.store.protect(content);
      yield { kind: 'zero' };
    };
    await stage.store.sweep(live);
    expect((await stage.read(content, 1000)).equals(bytes)).toBe(true);
  });

  it('is one sweep for all who ask, and ends when the store closes (CAS-3)', async () => {
    const stage = await Stage.open();
    for (let n = 0; n < 100; n++) await stage.putBytes(noise(1000, n));
    let calls = 0;
    const live = async function* (): AsyncGenerator<Content, void> {
      calls++;
      for (;;) {
        await turn();
        yield { kind: 'zero' };
      }
    };
    const first = stage.store.sweep(live);
    const second = stage.store.sweep(live);
    const ends = Promise.all([
      expect(first).rejects.toThrow(/EINTR/),
      expect(second).rejects.toThrow(/EINTR/),
    ]);
    await stage.store[Symbol.asyncDispose]();
    await ends;
    expect(calls).toBe(1);
    expect(await records(stage, 'b')).toBe(100);
  });
});
