import { readdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isFsError } from '../../src/base/errors.ts';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { contentOf, copyOf, put, reopened } from './snapshot.ts';
import { temporaryDirectory } from './temporary.ts';

const journals = (directory: string): string[] =>
  readdirSync(directory).filter((name) => name.startsWith('journal-'));

describe('LevelKv and its directory', () => {
  it('finds everything again, closed or killed, from journal and LevelDB', async () => {
    const directory = temporaryDirectory();
    {
      await using kv = await openLevelKv(directory);
      await put(kv, { a: '1', b: '2', c: '3' });
      await kv.checkpoint();
      await put(kv, { b: null, c: 'three', d: '4' });
      const expected = { a: '1', c: 'three', d: '4' };
      expect(await contentOf(kv)).toEqual(expected);
      expect(await reopened(copyOf(directory))).toEqual(expected);
    }
    for (let i = 0; i < 3; i++) expect(await reopened(directory)).toEqual({ a: '1', c: 'three', d: '4' });
  });

  it('does not grow by being opened and closed', async () => {
    const directory = temporaryDirectory();
    const sizes: (number | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      await using kv = await openLevelKv(directory);
      if (i === 0) await put(kv, { a: '1' });
      sizes.push(kv.stats()['journalBytes']);
    }
    expect(sizes[3]).toBe(sizes[1]);
    expect(journals(directory)).toHaveLength(1);
  });

  it('belongs to one process at a time', async () => {
    const directory = temporaryDirectory();
    await using kv = await openLevelKv(directory);
    await put(kv, { a: '1' });
    await expect(openLevelKv(directory)).rejects.toSatisfy((e) => isFsError(e, 'EBUSY'));
    expect(await contentOf(kv)).toEqual({ a: '1' });
  });

  it('refuses to open half of itself', async () => {
    const directory = temporaryDirectory();
    {
      await using kv = await openLevelKv(directory);
      await put(kv, { a: '1' });
      await kv.checkpoint();
      await put(kv, { b: '2' });
    }
    const noLevel = copyOf(directory);
    rmSync(join(noLevel, 'leveldb'), { recursive: true });
    await expect(openLevelKv(noLevel)).rejects.toThrow(/EIO.*leveldb is missing.*nexus fsck --repair/);
    expect(await reopened(noLevel, { repair: true })).toEqual({ b: '2' });
    const noJournal = copyOf(directory);
    for (const name of journals(noJournal)) unlinkSync(join(noJournal, name));
    await expect(openLevelKv(noJournal)).rejects.toThrow(/EIO.*journal is missing.*nexus fsck --repair/);
    expect(await reopened(noJournal, { repair: true })).toEqual({ a: '1' });
  });

  it('says what is wrong when LevelDB is damaged, and repairs it when told to', async () => {
    const directory = temporaryDirectory();
    {
      await using kv = await openLevelKv(directory);
      await put(kv, { a: '1' });
      await kv.checkpoint();
    }
    unlinkSync(
      join(
        directory,
        'leveldb',
        readdirSync(join(directory, 'leveldb')).find((n) => n.startsWith('MANIFEST'))!,
      ),
    );
    await expect(openLevelKv(directory)).rejects.toThrow(/EIO.*leveldb/);
    expect(await reopened(directory, { repair: true })).toEqual({ a: '1' });
  });

  it('is empty when a first opening was cut short', async () => {
    const directory = temporaryDirectory();
    await (await openLevelKv(directory))[Symbol.asyncDispose]();
    rmSync(join(directory, 'leveldb'), { recursive: true });
    expect(await reopened(directory)).toEqual({});
  });
});

describe('LevelKv answers at once', () => {
  it('a write whose function does not wait is over when the call returns', async () => {
    await using kv = await openLevelKv(temporaryDirectory());
    const before = kv.stats()['journalBytes']!;
    const writing = kv.write((tx) => {
      tx.put('a', Buffer.from('1'));
      tx.put('b', Buffer.from('2'));
    });
    expect(kv.stats()['journalBytes']).toBeGreaterThan(before);
    expect(Buffer.from((await kv.get('a'))!).toString()).toBe('1');
    expect(kv.get('a')).toBeInstanceOf(Uint8Array);
    await writing;
  });

  it('scans without waiting where LevelDB can hold nothing', async () => {
    const directory = temporaryDirectory();
    await using kv = await openLevelKv(directory);
    await put(kv, { a1: '1', a5: '5', b: '2' });
    expect(kv.scan({ from: 'a', to: 'z', limit: 9 })).toHaveLength(3);
    await kv.checkpoint();
    await put(kv, { a7: '7' });
    expect(kv.scan({ from: 'a', to: 'b', limit: 9 })).toBeInstanceOf(Promise);
    expect(kv.scan({ from: 'a6', to: 'b', limit: 9 })).toHaveLength(1);
    expect(kv.scan({ from: 'c', to: 'z', limit: 9 })).toEqual([]);
    expect(await kv.scan({ from: 'a', to: 'b', limit: 9 })).toHaveLength(3);
  });

  it('knows after opening where LevelDB can hold nothing', async () => {
    const directory = temporaryDirectory();
    {
      await using kv = await openLevelKv(directory);
      await put(kv, { '\0low': 'x', m: 'x', m9: 'x', '\xffhigh': 'x' });
      await kv.checkpoint();
    }
    await using kv = await openLevelKv(directory);
    expect(await contentOf(kv)).toEqual({ '\0low': 'x', m: 'x', m9: 'x', '\xffhigh': 'x' });
    expect(kv.scan({ from: 'n', to: '\xff', limit: 9 })).toEqual([]);
    expect(await kv.get('\xffhigh')).toBeDefined();
    expect(await kv.get('\0low')).toBeDefined();
  });
});

describe('LevelKv.sync', () => {
  it('lets what the values name become durable first', async () => {
    let rounds = 0;
    await using kv = await openLevelKv(temporaryDirectory(), {
      beforeSync: async () => {
        rounds++;
      },
    });
    await put(kv, { a: '1' });
    await kv.sync();
    expect(rounds).toBe(1);
    await kv.checkpoint();
    expect(rounds).toBe(2);
  });

  it('shares rounds, and covers each caller by one that began after its call', async () => {
    let begun = 0;
    let held = true;
    const gates: (() => void)[] = [];
    await using kv = await openLevelKv(temporaryDirectory(), {
      beforeSync: () => {
        begun++;
        return new Promise((resolve) => (held ? gates.push(resolve) : resolve()));
      },
    });
    const first = kv.sync();
    const others = [kv.sync(), kv.sync(), kv.sync()];
    expect(begun).toBe(1);
    let covered = false;
    void Promise.all(others).then(() => (covered = true));
    gates[0]!();
    await first;
    await expect.poll(() => begun).toBe(2);
    expect(covered).toBe(false);
    gates[1]!();
    await Promise.all(others);
    expect(begun).toBe(2);
    expect(kv.stats()['syncs']).toBe(2);
    held = false;
  });

  it('passes on what keeps the content from becoming durable', async () => {
    let broken = true;
    await using kv = await openLevelKv(temporaryDirectory(), {
      beforeSync: async () => {
        if (broken) throw new Error('no disk');
      },
    });
    await expect(kv.sync()).rejects.toThrow('no disk');
    broken = false;
    await kv.sync();
  });
});
