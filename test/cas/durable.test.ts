import { truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ContentStore } from '../../src/cas/content-store.ts';
import type { Content } from '../../src/cas/types.ts';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { BLOCK, filesIn, KIB, noise, pathOf, Stage, temporaryDirectory } from './store.ts';

describe('durability', () => {
  it('knows which packs were written since the last sync (CAS-1)', async () => {
    await using stage = await Stage.open();
    expect(stage.store.stats()['packsUnsynced']).toBe(0);
    await stage.putBytes(noise(1000, 1));
    expect(stage.store.stats()['packsUnsynced']).toBe(0);
    await stage.putBytes(noise(100 * KIB, 1));
    await stage.adopt(2 * BLOCK, [[0, noise(2 * BLOCK, 2)]]);
    expect(stage.store.stats()['packsUnsynced']).toBe(2);
    await Promise.all([stage.store.syncPacks(), stage.store.syncPacks(), stage.store.syncPacks()]);
    expect(stage.store.stats()['packsUnsynced']).toBe(0);
    const again = stage.store.syncPacks();
    await stage.putBytes(noise(100 * KIB, 3));
    await again;
    await stage.store.syncPacks();
    expect(stage.store.stats()['packsUnsynced']).toBe(0);
  });

  it('goes on with its log after a crash, past whatever nothing names (CAS-1)', async () => {
    await using stage = await Stage.open();
    const first = noise(100 * KIB, 1);
    const content = await stage.putBytes(first);
    (await stage.store.draftBytes(noise(50 * KIB, 2))).drop();
    await stage.reopen();
    const second = noise(70 * KIB, 3);
    const later = await stage.putBytes(second);
    const logs = filesIn(stage.directory).length;
    expect((await stage.read(content, first.length)).equals(first)).toBe(true);
    expect((await stage.read(later, second.length)).equals(second)).toBe(true);
    await stage.reopen();
    await stage.putBytes(noise(80 * KIB, 4));
    expect(Math.abs(filesIn(stage.directory).length - logs)).toBeLessThanOrEqual(16);
    expect((await stage.read(later, second.length)).equals(second)).toBe(true);
  });

  it('notices that bytes a record names never reached the disk, and stores them again (CAS-1)', async () => {
    await using stage = await Stage.open();
    const bytes = noise(100 * KIB, 1);
    const content = await stage.putBytes(bytes);
    const record = (await stage.kv.scan({ from: 'p', to: 'q', limit: 2 }))[0]?.[0] ?? '';
    const id = Buffer.from(record, 'latin1').readUInt32BE(1);
    await stage.store[Symbol.asyncDispose]();
    truncateSync(pathOf(stage.directory, id), 8192);
    await stage.reopen();
    await expect(stage.read(content, bytes.length)).rejects.toThrow(/EIO/);
    await stage.putBytes(bytes);
    expect((await stage.read(content, bytes.length)).equals(bytes)).toBe(true);
  });

  it('never gives a number out twice over restarts (CAS-1)', async () => {
    await using stage = await Stage.open();
    const ids = new Set<number>();
    for (let run = 0; run < 4; run++) {
      for (let n = 0; n < 20; n++) {
        const { id } = stage.store.slot();
        expect(ids.has(id)).toBe(false);
        ids.add(id);
      }
      await stage.reopen();
    }
  });

  it('works over the index on a disk, opened again (CAS-1)', async () => {
    const directory = temporaryDirectory();
    const small = noise(5000, 1);
    const large = noise(10 * BLOCK + 5, 2);
    const contents: Content[] = [];
    for (let run = 0; run < 2; run++) {
      const late: { store?: ContentStore } = {};
      await using kv = await openLevelKv(join(directory, 'meta'), {
        beforeSync: async () => late.store?.syncPacks(),
      });
      await using opened = await ContentStore.open({ directory: join(directory, 'content'), kv });
      late.store = opened;
      if (run === 0) {
        const slot = opened.slot();
        writeSync(slot.fd, large);
        for (const draft of [await opened.draftBytes(small), await opened.draftAdopt(slot, large.length)]) {
          await kv.write((tx) => draft.apply(tx));
          draft.done();
          contents.push(draft.content);
        }
        await kv.sync();
        expect(opened.stats()['packsUnsynced']).toBe(0);
      }
      for (const [index, bytes] of [small, large].entries()) {
        const into = Buffer.alloc(bytes.length);
        expect(await opened.read(contents[index] ?? { kind: 'zero' }, bytes.length, into, 0)).toBe(
          bytes.length,
        );
        expect(into.equals(bytes)).toBe(true);
      }
      await opened.settle();
    }
  });
});
