import { renameSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hashOfBytes } from '../../src/cas/hash.ts';
import type { Content } from '../../src/cas/types.ts';
import { BLOCK, filesIn, MIB, noise, pathOf, Stage } from './store.ts';
import { compiledWorker } from './worker.ts';

const allocated = (path: string): number => statSync(path).blocks * 512;

/** Records that wait to be sealed. */
async function waiting(stage: Stage): Promise<number> {
  return (await stage.kv.scan({ from: 'q', to: 'r', limit: 1000 })).length;
}

function slotOf(stage: Stage, known: readonly number[]): number {
  return (
    filesIn(stage.directory).filter(
      (id) => !known.includes(id) && statSync(pathOf(stage.directory, id)).size > 0,
    )[0] ?? 0
  );
}

describe('sealing', () => {
  it.each([
    ['on the loop', undefined],
    ['in the worker thread', compiledWorker()],
  ])('gives blocks their hashes and frees duplicates, %s (CAS-1)', async (_, worker) => {
    await using stage = await Stage.open(undefined, worker);
    const twin = noise(BLOCK, 1);
    await stage.putBytes(twin);
    const known = filesIn(stage.directory).filter((id) => statSync(pathOf(stage.directory, id)).size > 0);
    const bytes = Buffer.concat([noise(BLOCK, 2), twin, Buffer.alloc(BLOCK), noise(BLOCK, 2), noise(500, 3)]);
    const content = await stage.adopt(bytes.length, [[0, bytes]]);
    await stage.store.settle();
    const pack = pathOf(stage.directory, slotOf(stage, known));
    expect(await waiting(stage)).toBe(0);
    expect(stage.store.stats()['blocksSealed']).toBe(5);
    expect(allocated(pack)).toBeLessThanOrEqual(BLOCK + 8192);
    expect(statSync(pack).size).toBe(bytes.length);
    expect((await stage.read(content, bytes.length)).equals(bytes)).toBe(true);
    expect(await stage.putBytes(noise(BLOCK, 2))).toEqual({
      kind: 'block',
      hash: hashOfBytes(noise(BLOCK, 2)),
    });
    expect(stage.store.stats()['bytesStored']).toBe(BLOCK);
  });

  it('stores a copy of a large file only once (CAS-1)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(20 * BLOCK, 6);
    const first = await stage.adopt(bytes.length, [[0, bytes]]);
    await stage.store.settle();
    const second = await stage.adopt(bytes.length, [[0, bytes]]);
    await stage.store.settle();
    const total = filesIn(stage.directory).reduce(
      (sum, id) => sum + allocated(pathOf(stage.directory, id)),
      0,
    );
    expect(total).toBeLessThan(21 * BLOCK);
    for (const content of [first, second])
      expect((await stage.read(content, bytes.length)).equals(bytes)).toBe(true);
    expect(await stage.store.hashOf(first, bytes.length)).toBe(
      await stage.store.hashOf(second, bytes.length),
    );
  });

  it('goes on after a restart (CAS-1)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(40 * MIB, 3);
    const contents: Content[] = [];
    for (let n = 0; n < 3; n++) {
      bytes.writeUInt32LE(n, 0);
      contents.push(await stage.adopt(bytes.length, [[0, bytes]]));
    }
    await stage.reopen();
    await stage.store.settle();
    expect(await waiting(stage)).toBe(0);
    for (const [n, content] of contents.entries()) {
      bytes.writeUInt32LE(n, 0);
      expect((await stage.read(content, bytes.length)).equals(bytes)).toBe(true);
    }
  });

  it('survives a missing pack, says so, and tries again at the next start (CAS-3)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(2 * BLOCK, 1);
    const slot = stage.fill([[0, bytes]]);
    const draft = await stage.store.draftAdopt(slot, bytes.length);
    const path = pathOf(stage.directory, slot.id);
    await stage.kv.write((tx) => draft.apply(tx));
    draft.drop(); // As after a crash between the transaction and `done`.
    await stage.store[Symbol.asyncDispose]();
    renameSync(path, `${path}.away`);
    await stage.reopen();
    await stage.store.settle();
    expect(stage.store.stats()['segmentsFailed']).toBe(1);
    expect(stage.store.sealError).toMatch(/missing/);
    expect((await stage.store.inspect(draft.content, bytes.length))?.kind).toBe('missing-pack');
    renameSync(`${path}.away`, path);
    await stage.reopen();
    await stage.store.settle();
    expect(stage.store.stats()['segmentsFailed']).toBe(0);
    expect(await waiting(stage)).toBe(0);
    expect(await stage.store.inspect(draft.content, bytes.length)).toBeUndefined();
    expect((await stage.read(draft.content, bytes.length)).equals(bytes)).toBe(true);
  });

  it('makes the index durable before it punches, and never punches what is not (CAS-1)', async () => {
    await using stage = await Stage.open();
    const twin = noise(BLOCK, 1);
    await stage.putBytes(twin);
    const bytes = Buffer.concat([twin, noise(BLOCK, 2)]);
    const original = stage.kv.sync.bind(stage.kv);
    stage.kv.sync = () => Promise.reject(new Error('disk on fire'));
    const content = await stage.adopt(bytes.length, [[0, bytes]]);
    await stage.store.settle();
    expect(stage.store.stats()['bytesPunched']).toBe(0);
    expect(stage.store.sealError).toMatch(/on fire/);
    stage.kv.sync = original;
    expect((await stage.read(content, bytes.length)).equals(bytes)).toBe(true);
  });
});

describe('the hash of whole contents', () => {
  it.each([
    ['on the loop', undefined],
    ['in the worker thread', compiledWorker()],
  ])('is that of all bytes: zero, small, raw, sealed, cut and extended, %s (CAS-4)', async (_, worker) => {
    await using stage = await Stage.open(undefined, worker);
    const bytes = Buffer.concat([noise(3 * BLOCK, 1), Buffer.alloc(BLOCK), noise(999, 2)]);
    const small = await stage.putBytes(bytes.subarray(0, 5000));
    const object = await stage.adopt(bytes.length, [[0, bytes]]);
    const longer = Buffer.concat([bytes, Buffer.alloc(5000)]);
    const grown = Buffer.concat([bytes.subarray(0, 5000), Buffer.alloc(2 * BLOCK)]);
    for (let round = 0; round < 2; round++) {
      expect(await stage.store.hashOf(object, bytes.length)).toBe(hashOfBytes(bytes));
      expect(await stage.store.hashOf(object, BLOCK + 5)).toBe(hashOfBytes(bytes.subarray(0, BLOCK + 5)));
      expect(await stage.store.hashOf(object, longer.length)).toBe(hashOfBytes(longer));
      expect(await stage.store.hashOf(small, 5000)).toBe(hashOfBytes(bytes.subarray(0, 5000)));
      expect(await stage.store.hashOf(small, 100)).toBe(hashOfBytes(bytes.subarray(0, 100)));
      expect(await stage.store.hashOf(small, grown.length)).toBe(hashOfBytes(grown));
      expect(await stage.store.hashOf({ kind: 'zero' }, 0)).toBe(hashOfBytes(Buffer.alloc(0)));
      expect(await stage.store.hashOf({ kind: 'zero' }, 3 * MIB)).toBe(hashOfBytes(Buffer.alloc(3 * MIB)));
      await stage.store.settle();
    }
  });
});
