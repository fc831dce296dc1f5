import { cpSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FsError } from '../../src/base/errors.ts';
import { listJournals } from '../../src/kv/journal-file.ts';
import { type LevelKv, openLevelKv } from '../../src/kv/level-kv.ts';
import { applyNumbered, stateAfter } from './numbered.ts';
import { contentOf, copyOf, put, reopened } from './snapshot.ts';
import { temporaryDirectory } from './temporary.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function writeNumbered(kv: LevelKv, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n++) await kv.write((tx) => applyNumbered(tx, n));
}

/** A promise to be resolved by hand. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('a checkpoint', () => {
  it('begins by itself, empties journal and memory, and changes nothing that is read', async () => {
    const directory = temporaryDirectory();
    await using kv = await openLevelKv(directory, { checkpointBytes: 20_000 });
    await writeNumbered(kv, 1, 1000);
    await expect.poll(() => kv.stats()['checkpoints'], { timeout: 60_000 }).toBeGreaterThan(0);
    expect(await contentOf(kv)).toEqual(stateAfter(1000));
    await kv.checkpoint();
    const { memtableEntries, journalBytes } = kv.stats();
    expect({ memtableEntries, journalBytes }).toEqual({ memtableEntries: 0, journalBytes: 0 });
    expect(listJournals(directory)).toHaveLength(1);
    expect(await contentOf(kv)).toEqual(stateAfter(1000));
  });

  it('hides by a deletion what an earlier one wrote', async () => {
    await using kv = await openLevelKv(temporaryDirectory());
    await put(kv, { a: '1', b: '2', c: '3', d: '4' });
    await kv.checkpoint();
    await put(kv, { b: null, c: null });
    expect(await contentOf(kv)).toEqual({ a: '1', d: '4' });
    const first = await kv.scan({ from: 'b', to: 'z', limit: 1 });
    expect(first.map(([key]) => key)).toEqual(['d']);
    const last = await kv.scan({ from: 'a', to: 'd', limit: 1, reverse: true });
    expect(last.map(([key]) => key)).toEqual(['a']);
    expect(await kv.get('b')).toBeUndefined();
    await kv.checkpoint();
    expect(await contentOf(kv)).toEqual({ a: '1', d: '4' });
    expect(await kv.get('b')).toBeUndefined();
  });

  it('goes on under a transaction that reads its own writes', async () => {
    await using kv = await openLevelKv(temporaryDirectory());
    await put(kv, { a: '1', b: '2', c: '3' });
    await kv.write(async (tx) => {
      tx.delete('a');
      tx.put('b', Buffer.from('mine'));
      await kv.checkpoint();
      expect(await tx.get('a')).toBeUndefined();
      expect(Buffer.from((await tx.get('b'))!).toString()).toBe('mine');
      expect(Buffer.from((await tx.get('c'))!).toString()).toBe('3');
      expect((await tx.scan({ from: 'a', to: 'z', limit: 9 })).map(([key]) => key)).toEqual(['b', 'c']);
      tx.put('d', Buffer.from('4'));
    });
    expect(await contentOf(kv)).toEqual({ b: 'mine', c: '3', d: '4' });
  });

  it('may be killed when nothing has reached LevelDB yet', async () => {
    const directory = temporaryDirectory();
    const copies: string[] = [];
    await using kv = await openLevelKv(directory, {
      beforeSync: async () => {
        if (copies.length > 0) return;
        await writeNumbered(kv, 201, 300);
        copies.push(copyOf(directory));
      },
    });
    await writeNumbered(kv, 1, 200);
    await kv.checkpoint();
    expect(listJournals(copies[0]!)).toHaveLength(2);
    expect(await reopened(copies[0]!)).toEqual(stateAfter(300));
  });

  it('may be cut short at any step', async () => {
    for (let turns = 0, done = 0; done === 0; turns = turns * 2 + 1) {
      const directory = temporaryDirectory();
      {
        await using kv = await openLevelKv(directory);
        const many = Array.from({ length: 3000 }, (_, i) => [`m${i}`, `value ${i}`] as const);
        await put(kv, Object.fromEntries(many));
        await writeNumbered(kv, 1, 300);
        void kv.checkpoint();
        await writeNumbered(kv, 301, 350);
        for (let i = 0; i < turns && kv.stats()['checkpoints'] === 0; i++) await turn();
        done = kv.stats()['checkpoints']!;
      }
      const { m0, m2999, ...state } = await reopened(directory);
      expect([m0, m2999]).toEqual(['value 0', 'value 2999']);
      expect(Object.fromEntries(Object.entries(state).filter(([key]) => !key.startsWith('m')))).toEqual(
        stateAfter(350),
      );
      expect(Object.keys(state).filter((key) => key.startsWith('m'))).toHaveLength(2998);
    }
  });

  it('may be killed when LevelDB has everything and the old journal is still there', async () => {
    const directory = temporaryDirectory();
    const saved = temporaryDirectory();
    {
      await using kv = await openLevelKv(directory);
      await writeNumbered(kv, 1, 200);
      const [old] = listJournals(directory);
      cpSync(old!.path, join(saved, basename(old!.path)));
      await kv.checkpoint();
      await writeNumbered(kv, 201, 250);
    }
    cpSync(saved, directory, { recursive: true });
    expect(listJournals(directory)).toHaveLength(2);
    {
      await using kv = await openLevelKv(directory);
      expect(await contentOf(kv)).toEqual(stateAfter(250));
      await kv.checkpoint();
      expect(listJournals(directory)).toHaveLength(1);
    }
    expect(await reopened(directory)).toEqual(stateAfter(250));
  });

  it('makes content and journal durable before LevelDB learns of them', async () => {
    const hold = gate();
    let held = true;
    await using kv = await openLevelKv(temporaryDirectory(), {
      beforeSync: () => (held ? hold.opened : Promise.resolve()),
    });
    await put(kv, { a: '1' });
    const checkpoint = kv.checkpoint();
    for (let i = 0; i < 20; i++) await turn();
    expect(kv.stats()['syncs']).toBe(0);
    expect(kv.stats()['checkpoints']).toBe(0);
    expect(kv.scan({ from: 'a', to: 'b', limit: 1 })).toHaveLength(1);
    held = false;
    hold.open();
    await checkpoint;
    expect(kv.stats()['syncs']).toBe(1);
    expect(kv.scan({ from: 'a', to: 'b', limit: 1 })).toBeInstanceOf(Promise);
  });

  it('that falls behind makes writers wait, so that memory is bounded', async () => {
    const hold = gate();
    let held = true;
    const limit = 10_000;
    await using kv = await openLevelKv(temporaryDirectory(), {
      checkpointBytes: limit,
      beforeSync: () => (held ? hold.opened : Promise.resolve()),
    });
    const value = Buffer.alloc(500);
    let written = 0;
    const writers = Array.from({ length: 400 }, (_, i) =>
      kv.write((tx) => tx.put(`w${i}`, value)).then(() => written++),
    );
    for (let i = 0; i < 20; i++) await turn();
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(400);
    expect(kv.stats()['memtableBytes']).toBeLessThan(4 * limit);
    held = false;
    hold.open();
    await Promise.all(writers);
    expect(Object.keys(await contentOf(kv))).toHaveLength(400);
  });

  it('that fails loses nothing, is counted, and is done again', async () => {
    let broken = true;
    const directory = temporaryDirectory();
    await using kv = await openLevelKv(directory, {
      beforeSync: async () => {
        if (broken) throw new FsError('ENOSPC', 'no room for content');
      },
    });
    await put(kv, { a: '1' });
    await expect(kv.checkpoint()).rejects.toThrow('no room for content');
    expect(kv.stats()['checkpointFailures']).toBe(1);
    await put(kv, { a: '2', b: '2' });
    expect(await contentOf(kv)).toEqual({ a: '2', b: '2' });
    expect(await reopened(copyOf(directory))).toEqual({ a: '2', b: '2' });
    broken = false;
    await kv.checkpoint();
    expect(await contentOf(kv)).toEqual({ a: '2', b: '2' });
    expect(listJournals(directory)).toHaveLength(1);
  });

  it('that keeps failing turns writers away at the bound instead of letting memory grow', async () => {
    let broken = true;
    await using kv = await openLevelKv(temporaryDirectory(), {
      checkpointBytes: 5000,
      beforeSync: async () => {
        if (broken) throw new FsError('ENOSPC', 'no room for content');
      },
    });
    const write = (i: number): Promise<void> => kv.write((tx) => tx.put(`w${i}`, Buffer.alloc(500)));
    let refused: unknown;
    for (let i = 0; refused === undefined && i < 100; i++)
      await write(i).catch((error: unknown) => (refused = error));
    expect(String(refused)).toContain('no room for content');
    broken = false;
    await expect
      .poll(
        () =>
          write(1000).then(
            () => true,
            () => false,
          ),
        { timeout: 60_000 },
      )
      .toBe(true);
  });
});
