import { closeSync, fstatSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hashOfBytes } from '../../src/cas/hash.ts';
import { BLOCK, filesIn, KIB, MIB, noise, openBelow, Stage } from './store.ts';

describe('content of one block', () => {
  it('reads back what was put, by range and past its end (CAS-1)', async () => {
    await using stage = await Stage.open();
    for (const length of [1, 100, 16 * KIB, 16 * KIB + 1, BLOCK]) {
      const bytes = noise(length, length);
      const content = await stage.putBytes(bytes);
      expect(content).toEqual({ kind: 'block', hash: hashOfBytes(bytes) });
      expect((await stage.read(content, length)).equals(bytes)).toBe(true);
      const part = await stage.read(content, length, length >> 1, 1000);
      expect(part.equals(bytes.subarray(length >> 1, (length >> 1) + 1000))).toBe(true);
      const longer = await stage.read(content, length + 10);
      expect(longer.equals(Buffer.concat([bytes, Buffer.alloc(10)]))).toBe(true);
      expect(await stage.read(content, length, length)).toHaveLength(0);
    }
  });

  it('stores equal bytes once (CAS-1)', async () => {
    await using stage = await Stage.open();
    for (const length of [1000, 100 * KIB]) {
      await stage.putBytes(noise(length, 1));
      const before = stage.store.stats();
      const again = await stage.putBytes(noise(length, 1));
      const after = stage.store.stats();
      expect(again).toEqual({ kind: 'block', hash: hashOfBytes(noise(length, 1)) });
      expect(after['bytesStored']).toBe(before['bytesStored']);
      expect(after['blocksKnown']).toBe((before['blocksKnown'] ?? 0) + 1);
    }
  });

  it('takes zero bytes for zero content, stored nowhere (CAS-1)', async () => {
    await using stage = await Stage.open();
    expect(await stage.putBytes(Buffer.alloc(0))).toEqual({ kind: 'zero' });
    expect(await stage.putBytes(Buffer.alloc(BLOCK))).toEqual({ kind: 'zero' });
    expect(stage.store.stats()['bytesStored']).toBe(0);
    expect((await stage.read({ kind: 'zero' }, 5000, 10)).equals(Buffer.alloc(4990))).toBe(true);
  });

  it('lets the caller reuse the buffer at once (CAS-1)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(3000, 5);
    const draft = await stage.store.draftBytes(bytes);
    bytes.fill(1);
    const content = await stage.commit(draft);
    expect((await stage.read(content, 3000)).equals(noise(3000, 5))).toBe(true);
  });

  it('answers without a promise when nothing has to be waited for (FS-1)', async () => {
    await using stage = await Stage.open();
    const draft = stage.store.draftBytes(noise(4096, 3));
    expect(draft).not.toBeInstanceOf(Promise);
    const content = await stage.commit(await draft);
    expect(stage.store.read(content, 4096, Buffer.alloc(4096), 0)).toBe(4096);
  });

  it('is not there when the draft was dropped (CAS-1)', async () => {
    await using stage = await Stage.open();
    const draft = await stage.store.draftBytes(noise(2000, 9));
    draft.drop();
    await expect(stage.read(draft.content, 2000)).rejects.toThrow(/EIO/);
    expect(stage.store.stats()['draftsUnderWay']).toBe(0);
  });
});

describe('adopted content', () => {
  it('is the file itself, read before and after sealing (CAS-2)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(3 * BLOCK + 777, 1);
    const content = await stage.adopt(bytes.length, [[0, bytes]]);
    expect(content.kind).toBe('object');
    expect((await stage.read(content, bytes.length)).equals(bytes)).toBe(true);
    await stage.store.settle();
    expect(stage.store.stats()['blocksSealed']).toBe(4);
    expect((await stage.read(content, bytes.length)).equals(bytes)).toBe(true);
    expect(stage.store.stats()['bytesStored']).toBe(0);
  });

  it('keeps holes as holes (CAS-2)', async () => {
    await using stage = await Stage.open();
    const size = 100 * 1024 * MIB;
    const chunks = [5 * MIB, 50 * 1024 * MIB, size - BLOCK].map((at) => [at, noise(BLOCK, at)] as const);
    const content = await stage.adopt(size, chunks);
    for (const [at, bytes] of chunks) {
      expect((await stage.read(content, size, at, BLOCK)).equals(bytes)).toBe(true);
      expect(await stage.store.extents(content, size, at, 'data')).toBe(at);
    }
    expect(await stage.store.extents(content, size, 0, 'data')).toBe(5 * MIB);
    expect(await stage.store.extents(content, size, 5 * MIB + 3, 'hole')).toBe(5 * MIB + BLOCK);
    expect(await stage.store.extents(content, size, size - 1, 'hole')).toBe(size);
    expect(await stage.store.extents(content, size, size, 'hole')).toBe(-1);
    expect((await stage.read(content, size, 20 * MIB, 1000)).equals(Buffer.alloc(1000))).toBe(true);
  });

  it('is cut or extended to its size (CAS-2)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(2 * BLOCK, 4);
    const shorter = await stage.adopt(BLOCK + 10, [[0, bytes]]);
    expect((await stage.read(shorter, BLOCK + 10)).equals(bytes.subarray(0, BLOCK + 10))).toBe(true);
    const longer = await stage.adopt(4 * BLOCK, [[0, bytes]]);
    expect(
      (await stage.read(longer, 4 * BLOCK)).equals(Buffer.concat([bytes, Buffer.alloc(2 * BLOCK)])),
    ).toBe(true);
  });

  it('gives a slot without data back, for zero content (CAS-2)', async () => {
    await using stage = await Stage.open();
    expect(await stage.adopt(10 * MIB, [])).toEqual({ kind: 'zero' });
    expect(stage.store.stats()['slotsOut']).toBe(0);
  });

  it('leaves the slot with the caller when it is dropped (CAS-2)', async () => {
    await using stage = await Stage.open();
    const slot = stage.fill([[0, noise(BLOCK, 1)]]);
    const draft = await stage.store.draftAdopt(slot, 2 * BLOCK);
    draft.drop();
    expect(fstatSync(slot.fd).size).toBe(2 * BLOCK);
    stage.store.giveBack([slot]);
    expect(fstatSync(slot.fd).size).toBe(0);
  });
});

describe('edited content', () => {
  it('shares what did not change: one dirty block costs one block (CAS-2)', async () => {
    await using stage = await Stage.open();
    const size = 300 * BLOCK;
    const bytes = noise(size, 2);
    const base = await stage.adopt(size, [[0, bytes]]);
    const before = stage.store.stats()['bytesStored'] ?? 0;
    const fresh = noise(BLOCK, 77);
    const draft = await stage.store.draftEdit(base, size, size, [17], (_, into) => void fresh.copy(into));
    const edited = await stage.commit(draft);
    expect((stage.store.stats()['bytesStored'] ?? 0) - before).toBe(BLOCK);
    fresh.copy(bytes, 17 * BLOCK);
    expect((await stage.read(edited, size)).equals(bytes)).toBe(true);
    await stage.store.settle();
    expect((await stage.read(edited, size)).equals(bytes)).toBe(true);
  });

  it('does not bring bytes past the limit of the base to light again (CAS-2)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(5 * BLOCK, 3);
    const base = await stage.adopt(bytes.length, [[0, bytes]]);
    const limit = BLOCK + 1000;
    const expected = Buffer.alloc(5 * BLOCK);
    bytes.copy(expected, 0, 0, limit);
    const none = (): void => undefined;
    const cut = await stage.commit(await stage.store.draftEdit(base, limit, 5 * BLOCK, [], none));
    expect((await stage.read(cut, 5 * BLOCK)).equals(expected)).toBe(true);
    // The same in two steps: shorter first, then longer.
    const shorter = await stage.commit(await stage.store.draftEdit(base, limit, limit, [], none));
    const longer = await stage.commit(await stage.store.draftEdit(shorter, limit, 5 * BLOCK, [], none));
    expect((await stage.read(longer, 5 * BLOCK)).equals(expected)).toBe(true);
  });

  it('turns into a block or into zero content where that is what it is (CAS-2)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(3 * BLOCK, 3);
    const base = await stage.adopt(bytes.length, [[0, bytes]]);
    const small = await stage.commit(await stage.store.draftEdit(base, 1000, 1000, [], () => undefined));
    expect(small).toEqual({ kind: 'block', hash: hashOfBytes(bytes.subarray(0, 1000)) });
    const zero = await stage.store.draftEdit(
      base,
      3 * BLOCK,
      3 * BLOCK,
      [0, 1, 2],
      (_, into) => void into.fill(0),
    );
    expect(await stage.commit(zero)).toEqual({ kind: 'zero' });
  });

  it('grows out of a block and out of nothing (CAS-2)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(1000, 8);
    const block = await stage.putBytes(bytes);
    const fresh = noise(BLOCK, 9);
    const put = (_: number, into: Buffer): void => void fresh.copy(into);
    const grown = await stage.commit(await stage.store.draftEdit(block, 600, 3 * BLOCK, [2], put));
    const expected = Buffer.alloc(3 * BLOCK);
    bytes.copy(expected, 0, 0, 600);
    fresh.copy(expected, 2 * BLOCK);
    expect((await stage.read(grown, expected.length)).equals(expected)).toBe(true);
    const fromNothing = await stage.commit(
      await stage.store.draftEdit({ kind: 'zero' }, 0, 2 * BLOCK, [1], put),
    );
    expect(
      (await stage.read(fromNothing, 2 * BLOCK)).equals(Buffer.concat([Buffer.alloc(BLOCK), fresh])),
    ).toBe(true);
  });

  it('copies blocks as sealing has left them when the transaction runs (CAS-1)', async () => {
    await using stage = await Stage.open();
    const twin = noise(BLOCK, 1);
    await stage.putBytes(twin);
    const bytes = Buffer.concat([twin, noise(BLOCK, 2), Buffer.alloc(BLOCK), noise(BLOCK, 3)]);
    const base = await stage.adopt(bytes.length, [[0, bytes]]);
    const fresh = noise(BLOCK, 4);
    const draft = await stage.store.draftEdit(
      base,
      bytes.length,
      bytes.length,
      [3],
      (_, into) => void fresh.copy(into),
    );
    await stage.store.settle();
    // As long as the draft refers to the pack by place, the twin must not be punched out: it would read as zeros below.
    const edited = await stage.commit(draft);
    await stage.store.settle();
    fresh.copy(bytes, 3 * BLOCK);
    expect((await stage.read(edited, bytes.length)).equals(bytes)).toBe(true);
    expect(stage.store.stats()['bytesPunched']).toBeGreaterThanOrEqual(BLOCK);
  });

  it('stores nothing and frees everything when reading a dirty block fails (CAS-2)', async () => {
    await using stage = await Stage.open();
    const base = await stage.adopt(2 * BLOCK, [[0, noise(2 * BLOCK, 1)]]);
    const failing = stage.store.draftEdit(base, 2 * BLOCK, 2 * BLOCK, [0], () =>
      Promise.reject(new Error('gone')),
    );
    await expect(failing).rejects.toThrow('gone');
    expect(stage.store.stats()['draftsUnderWay']).toBe(0);
  });
});

describe('slots and descriptors', () => {
  it('uses files again, empty (CAS-1)', async () => {
    await using stage = await Stage.open();
    const slot = stage.fill([[0, noise(10_000, 1)]]);
    stage.store.giveBack([slot]);
    const again = stage.store.slot();
    expect(again).toEqual(slot);
    expect(fstatSync(again.fd).size).toBe(0);
    expect(fstatSync(again.fd).blocks).toBe(0);
  });

  it('deletes large ones instead of emptying them on the loop (CAS-1)', async () => {
    await using stage = await Stage.open();
    const slot = stage.fill([[0, noise(5 * MIB, 1)]]);
    stage.store.giveBack([slot]);
    await expect.poll(() => filesIn(stage.directory).includes(slot.id), { timeout: 30_000 }).toBe(false);
  });

  it('finds the slots of the last run, and deletes files nobody claims (FS-5)', async () => {
    await using stage = await Stage.open();
    const kept = stage.fill([[0, Buffer.from('kept')]]);
    const lost = stage.fill([[0, Buffer.from('lost')]]);
    const pack = await stage.adopt(2 * BLOCK, [[0, noise(2 * BLOCK, 1)]]);
    await stage.reopen();
    const back = stage.store.reopenSlot(kept.id);
    expect(back?.id).toBe(kept.id);
    expect(stage.store.reopenSlot(999_999)).toBeUndefined();
    const fresh = stage.store.slot();
    await stage.store.discardSlotsExcept(new Set([kept.id]));
    const files = filesIn(stage.directory);
    expect(files).toContain(kept.id);
    expect(files).toContain(fresh.id);
    expect(files).not.toContain(lost.id);
    expect((await stage.read(pack, 2 * BLOCK)).equals(noise(2 * BLOCK, 1))).toBe(true);
  });

  it('keeps the file of a slot of the last run that was given back (FS-5)', async () => {
    await using stage = await Stage.open();
    const old = stage.fill([[0, Buffer.from('old')]]);
    await stage.reopen();
    const back = stage.store.reopenSlot(old.id);
    expect(back).toBeDefined();
    if (back !== undefined) stage.store.giveBack([back]);
    await stage.store.discardSlotsExcept(new Set());
    expect(filesIn(stage.directory)).toContain(old.id);
  });

  it('keeps at most 64 packs open, and none after it is closed (CAS-1)', async () => {
    const stage = await Stage.open();
    const contents = [];
    for (let n = 0; n < 80; n++) contents.push(await stage.adopt(BLOCK + 1, [[0, noise(100, n)]]));
    for (const [n, content] of contents.entries()) {
      expect((await stage.read(content, BLOCK + 1, 0, 100)).equals(noise(100, n))).toBe(true);
    }
    await stage.store.settle();
    expect(stage.store.stats()['packsOpen']).toBeLessThanOrEqual(64);
    const slot = stage.store.slot();
    await stage.store[Symbol.asyncDispose]();
    expect(openBelow(stage.directory)).toEqual([]);
    expect(() => closeSync(slot.fd)).toThrow(/EBADF/);
  });
});
