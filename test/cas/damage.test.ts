import { closeSync, openSync, readSync, statSync, truncateSync, unlinkSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hashOfBytes, hashToHex } from '../../src/cas/hash.ts';
import { blockKey, objectKey, segmentKey } from '../../src/cas/layout.ts';
import type { Content, Problem } from '../../src/cas/types.ts';
import { BLOCK, filesIn, KIB, noise, pathOf, Stage } from './store.ts';

function flip(path: string, offset: number): void {
  const fd = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 0x40;
  writeSync(fd, byte, 0, 1, offset);
  closeSync(fd);
}

function fullFiles(stage: Stage): string[] {
  return filesIn(stage.directory)
    .map((id) => pathOf(stage.directory, id))
    .filter((path) => statSync(path).size > 0);
}

async function problems(stage: Stage): Promise<Problem[]> {
  const found: Problem[] = [];
  for await (const problem of stage.store.verify()) found.push(problem);
  return found;
}

describe('damage', () => {
  it('in a log pack is EIO that names the hash, wherever the block is read (CAS-1)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(100 * KIB, 1);
    const content = await stage.putBytes(bytes);
    flip(fullFiles(stage)[0] ?? '', 77_777);
    const hex = hashToHex(hashOfBytes(bytes));
    await expect(stage.read(content, bytes.length)).rejects.toThrow(hex);
    await expect(stage.read(content, bytes.length, 10, 10)).rejects.toThrow(/EIO/);
    expect(await problems(stage)).toMatchObject([{ kind: 'corrupt-block', hash: hashOfBytes(bytes) }]);
  });

  it('in a sealed pack is EIO for its block only, and for the hash of the whole (CAS-1)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(4 * BLOCK, 1);
    const content = await stage.adopt(bytes.length, [[0, bytes]]);
    await stage.store.settle();
    flip(fullFiles(stage)[0] ?? '', 2 * BLOCK + 5);
    await expect(stage.read(content, bytes.length)).rejects.toThrow(/EIO/);
    expect((await stage.read(content, bytes.length, 0, 2 * BLOCK)).equals(bytes.subarray(0, 2 * BLOCK))).toBe(
      true,
    );
    await expect(stage.store.hashOf(content, bytes.length)).rejects.toThrow(/EIO/);
    expect((await problems(stage)).map(({ kind }) => kind)).toEqual(['corrupt-block']);
  });

  it('in the index is EIO that names the hash (CAS-1)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(1000, 1);
    const content = await stage.putBytes(bytes);
    const key = blockKey(hashOfBytes(bytes));
    const record = Buffer.from((await stage.kv.get(key)) ?? []);
    record[500] = (record[500] ?? 0) ^ 1;
    await stage.kv.write((tx) => tx.put(key, record));
    await expect(stage.read(content, 1000)).rejects.toThrow(hashToHex(hashOfBytes(bytes)));
    expect(await problems(stage)).toMatchObject([{ kind: 'corrupt-block' }]);
  });

  it('is repaired by writing the same bytes again (CAS-3)', async () => {
    await using stage = await Stage.open();
    const large = noise(100 * KIB, 1);
    const small = noise(1000, 2);
    const contents = [await stage.putBytes(large), await stage.putBytes(small)];
    flip(fullFiles(stage)[0] ?? '', 5);
    const key = blockKey(hashOfBytes(small));
    await stage.kv.write((tx) => tx.put(key, Buffer.alloc(1001)));
    await stage.reopen();
    await stage.putBytes(large);
    await stage.putBytes(small);
    expect(stage.store.stats()['blocksHealed']).toBe(2);
    expect((await stage.read(contents[0] ?? { kind: 'zero' }, large.length)).equals(large)).toBe(true);
    expect((await stage.read(contents[1] ?? { kind: 'zero' }, small.length)).equals(small)).toBe(true);
    expect(await problems(stage)).toEqual([]);
  });

  it('of a stored copy does not cost the good one that is sealed (CAS-1)', async () => {
    await using stage = await Stage.open();
    const twin = noise(BLOCK, 1);
    await stage.putBytes(twin);
    flip(fullFiles(stage)[0] ?? '', 5);
    await stage.reopen();
    const bytes = Buffer.concat([twin, noise(10, 2)]);
    const content = await stage.adopt(bytes.length, [[0, bytes]]);
    await stage.store.settle();
    expect((await stage.read(content, bytes.length)).equals(bytes)).toBe(true);
  });

  it('by a pack that lost its end, as after a power cut, is EIO and reported before anything is read (CAS-1)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(4 * BLOCK, 1);
    const slot = stage.fill([[0, bytes]]);
    const draft = await stage.store.draftAdopt(slot, bytes.length);
    await stage.kv.write((tx) => draft.apply(tx));
    draft.drop();
    truncateSync(pathOf(stage.directory, slot.id), 3 * BLOCK + 100);
    await stage.reopen();
    expect((await stage.store.inspect(draft.content, bytes.length))?.kind).toBe('short-pack');
    expect((await stage.read(draft.content, bytes.length, 0, BLOCK)).equals(bytes.subarray(0, BLOCK))).toBe(
      true,
    );
    await expect(stage.read(draft.content, bytes.length)).rejects.toThrow(/EIO/);
    await stage.store.settle();
    expect(stage.store.stats()['segmentsFailed']).toBe(1);
    expect((await problems(stage)).map(({ kind }) => kind)).toEqual(['short-pack', 'short-pack']);
  });

  it('of references is found: missing blocks, segments, objects, packs (CAS-3)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(2 * BLOCK, 1);
    const one = await stage.adopt(bytes.length, [[0, bytes]]);
    await stage.store.settle();
    const gone = hashOfBytes(bytes.subarray(0, BLOCK));
    await stage.kv.write((tx) => tx.delete(blockKey(gone)));
    expect(await problems(stage)).toMatchObject([{ kind: 'missing-block', hash: gone }]);
    expect((await stage.store.inspect(one, bytes.length))?.kind).toBe('missing-block');
    await stage.kv.write((tx) => tx.delete(segmentKey(1)));
    expect(await problems(stage)).toMatchObject([{ kind: 'missing-segment' }]);
    await stage.kv.write((tx) => tx.delete(objectKey(1)));
    expect((await stage.store.inspect(one, bytes.length))?.kind).toBe('missing-object');
    for (const path of fullFiles(stage)) unlinkSync(path);
    await stage.reopen();
    expect((await problems(stage)).map(({ kind }) => kind)).toEqual(['missing-pack', 'missing-pack']);
    const unknown: Content = { kind: 'object', id: 12_345 };
    await expect(stage.read(unknown, 10)).rejects.toThrow(/EIO/);
  });
});
