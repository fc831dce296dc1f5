/** What every KvStore promises. `open` gives a fresh, empty store each time. */
import { describe, expect, it } from 'vitest';
import { isFsError } from '../../src/base/errors.ts';
import type { Key, KvReader, KvStore } from '../../src/kv/types.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const lowest = '\0';
const highest = '\xff'.repeat(8);

async function text(reader: KvReader, key: Key): Promise<string | undefined> {
  const value = await reader.get(key);
  return value === undefined ? undefined : Buffer.from(value).toString('latin1');
}

async function fill(kv: KvStore, keys: readonly Key[]): Promise<void> {
  await kv.write((tx) => {
    for (const key of keys) tx.put(key, bytes(`value of ${key}`));
  });
}

async function keysOf(
  reader: KvReader,
  from = lowest,
  to = highest,
  limit = 1000,
  reverse = false,
): Promise<Key[]> {
  return (await reader.scan({ from, to, limit, reverse })).map(([key]) => key);
}

const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function describeKv(name: string, open: () => Promise<KvStore>): void {
  describe(`${name} keeps the contract of KvStore`, () => {
    describeValues(open);
    describeRanges(open);
    describeTransactions(open);
    describeOwnWrites(open);
    describeWriters(open);
  });
}

function describeValues(open: () => Promise<KvStore>): void {
  it('answers undefined where there is nothing', async () => {
    await using kv = await open();
    expect(await kv.get('nothing')).toBeUndefined();
    expect(await kv.scan({ from: lowest, to: highest, limit: 10 })).toEqual([]);
  });

  it('keeps the last value of a key, an empty one too', async () => {
    await using kv = await open();
    await kv.write((tx) => tx.put('a', bytes('one')));
    await kv.write((tx) => tx.put('a', bytes('two')));
    await kv.write((tx) => tx.put('empty', new Uint8Array(0)));
    expect(await text(kv, 'a')).toBe('two');
    expect(await text(kv, 'empty')).toBe('');
    expect(await keysOf(kv)).toEqual(['a', 'empty']);
  });

  it('forgets a deleted key, and deletes what is not there without complaint', async () => {
    await using kv = await open();
    await fill(kv, ['a', 'b']);
    await kv.write((tx) => {
      tx.delete('a');
      tx.delete('never');
    });
    expect(await kv.get('a')).toBeUndefined();
    expect(await keysOf(kv)).toEqual(['b']);
  });

  it('keeps every byte of keys and values', async () => {
    await using kv = await open();
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const key = all.toString('latin1');
    await kv.write((tx) => tx.put(key, all));
    expect(Buffer.from((await kv.get(key))!)).toEqual(all);
    const [entry] = await kv.scan({ from: lowest, to: highest, limit: 1 });
    expect(entry![0]).toBe(key);
    expect(Buffer.from(entry![1])).toEqual(all);
  });

  it('keeps values of a mebibyte', async () => {
    await using kv = await open();
    const large = Buffer.alloc(1 << 20, 'nexus');
    await kv.write((tx) => tx.put('large', large));
    expect(large.equals((await kv.get('large'))!)).toBe(true);
  });

  it('takes keys of 1 to 1,024 bytes and refuses others with EINVAL', async () => {
    await using kv = await open();
    const longest = 'k'.repeat(1024);
    await fill(kv, ['k', longest]);
    expect(await keysOf(kv)).toEqual(['k', longest]);
    for (const key of ['', 'k'.repeat(1025)]) {
      await expect(kv.write((tx) => tx.put(key, bytes('x')))).rejects.toSatisfy((e) =>
        isFsError(e, 'EINVAL'),
      );
      await expect(kv.write((tx) => tx.delete(key))).rejects.toSatisfy((e) => isFsError(e, 'EINVAL'));
    }
    expect(await kv.get('')).toBeUndefined();
  });

  it('syncs, counts, and refuses to go on once closed', async () => {
    const kv = await open();
    await fill(kv, ['a']);
    await kv.sync();
    expect(kv.stats()['transactions']).toBe(1);
    await kv[Symbol.asyncDispose]();
    await expect(kv.write((tx) => tx.put('b', bytes('x')))).rejects.toSatisfy((e) => isFsError(e, 'EBADF'));
    await expect(kv.sync()).rejects.toSatisfy((e) => isFsError(e, 'EBADF'));
    await expect((async () => kv.get('a'))()).rejects.toSatisfy((e) => isFsError(e, 'EBADF'));
  });
}

function describeRanges(open: () => Promise<KvStore>): void {
  const ordered = [
    '\0',
    '\0\0',
    '\0a',
    'a',
    'a\0',
    'aa',
    'a\xff',
    'b',
    '\x7f',
    '\x80',
    '\xc3\xa9',
    '\xff',
    '\xff\0',
    '\xff\xff',
  ];

  it('orders keys by their bytes', async () => {
    await using kv = await open();
    for (const key of [...ordered].reverse()) await fill(kv, [key]);
    expect(await keysOf(kv)).toEqual(ordered);
    expect(await keysOf(kv, lowest, highest, 1000, true)).toEqual([...ordered].reverse());
  });

  it('takes `from` in and leaves `to` out, both ways', async () => {
    await using kv = await open();
    await fill(kv, ordered);
    for (const from of ordered) {
      for (const to of ordered) {
        const expected = ordered.filter((key) => key >= from && key < to);
        expect(await keysOf(kv, from, to)).toEqual(expected);
        expect(await keysOf(kv, from, to, 1000, true)).toEqual(expected.reverse());
      }
    }
    expect(await keysOf(kv, 'a\x01', 'a\xfe')).toEqual(['aa']);
    expect(await keysOf(kv, 'a\x01', 'a\xfe', 10, true)).toEqual(['aa']);
  });

  it('stops at the limit, both ways', async () => {
    await using kv = await open();
    await fill(kv, ordered);
    for (let limit = 0; limit <= ordered.length + 1; limit++) {
      expect(await keysOf(kv, lowest, highest, limit)).toEqual(ordered.slice(0, limit));
      expect(await keysOf(kv, lowest, highest, limit, true)).toEqual([...ordered].reverse().slice(0, limit));
    }
  });

  it('gives values with the keys', async () => {
    await using kv = await open();
    await fill(kv, ['x', 'y']);
    const entries = await kv.scan({ from: 'x', to: 'z', limit: 9 });
    expect(entries.map(([key, value]) => [key, Buffer.from(value).toString('latin1')])).toEqual([
      ['x', 'value of x'],
      ['y', 'value of y'],
    ]);
  });

  it('pages through thousands of keys by the last key and NUL', async () => {
    await using kv = await open();
    const keys = Array.from({ length: 2500 }, (_, i) => `n${i.toString().padStart(5, '0')}`);
    await fill(kv, keys);
    const seen: Key[] = [];
    for (let from = 'n'; ; from = `${seen.at(-1)!}\0`) {
      const page = await keysOf(kv, from, 'o', 700);
      if (page.length === 0) break;
      seen.push(...page);
    }
    expect(seen).toEqual(keys);
  });

  it('scans as of the moment of the call', async () => {
    await using kv = await open();
    await fill(kv, ['a', 'c']);
    const scanning = kv.scan({ from: 'a', to: 'z', limit: 10 });
    await kv.write((tx) => {
      tx.put('b', bytes('new'));
      tx.delete('c');
    });
    expect((await scanning).map(([key]) => key)).toEqual(['a', 'c']);
    expect(await keysOf(kv)).toEqual(['a', 'b']);
  });
}

function describeTransactions(open: () => Promise<KvStore>): void {
  it('gives back what the function gives', async () => {
    await using kv = await open();
    expect(await kv.write(() => 42)).toBe(42);
    expect(await kv.write(async () => 'later')).toBe('later');
  });

  it('applies nothing of a transaction that throws, and passes the error on', async () => {
    await using kv = await open();
    await fill(kv, ['kept']);
    const error = new Error('on purpose');
    const spoil = kv.write((tx) => {
      tx.put('new', bytes('x'));
      tx.delete('kept');
      throw error;
    });
    await expect(spoil).rejects.toBe(error);
    const spoilLater = kv.write(async (tx) => {
      tx.put('new', bytes('x'));
      await later();
      tx.delete('kept');
      throw error;
    });
    await expect(spoilLater).rejects.toBe(error);
    expect(await keysOf(kv)).toEqual(['kept']);
    await fill(kv, ['after']);
    expect(await keysOf(kv)).toEqual(['after', 'kept']);
  });

  it('shows a transaction to others whole, and only when it is over', async () => {
    await using kv = await open();
    const writing = kv.write(async (tx) => {
      tx.put('a', bytes('1'));
      await later();
      tx.put('b', bytes('2'));
      await later();
    });
    await later();
    expect(await kv.get('a')).toBeUndefined();
    expect(await keysOf(kv)).toEqual([]);
    await writing;
    expect(await keysOf(kv)).toEqual(['a', 'b']);
  });

  it('refuses to be used after its end', async () => {
    await using kv = await open();
    const escaped = await kv.write((tx) => ({ tx }));
    expect(() => escaped.tx.put('a', bytes('x'))).toThrow();
    expect(() => escaped.tx.delete('a')).toThrow();
    await expect((async () => escaped.tx.get('a'))()).rejects.toThrow();
    expect(await kv.get('a')).toBeUndefined();
  });
}

function describeOwnWrites(open: () => Promise<KvStore>): void {
  it('reads its own writes, deletions too', async () => {
    await using kv = await open();
    await fill(kv, ['a', 'b', 'c', 'd']);
    await kv.write(async (tx) => {
      tx.put('b', bytes('mine'));
      tx.put('bb', bytes('mine too'));
      tx.delete('c');
      tx.put('e', bytes('gone again'));
      tx.delete('e');
      tx.delete('d');
      tx.put('d', bytes('back'));
      expect(await text(tx, 'a')).toBe('value of a');
      expect(await text(tx, 'b')).toBe('mine');
      expect(await text(tx, 'd')).toBe('back');
      expect(await tx.get('c')).toBeUndefined();
      expect(await tx.get('e')).toBeUndefined();
      expect(await keysOf(tx)).toEqual(['a', 'b', 'bb', 'd']);
      expect(await keysOf(tx, 'b', 'd')).toEqual(['b', 'bb']);
      expect(await keysOf(tx, lowest, highest, 10, true)).toEqual(['d', 'bb', 'b', 'a']);
      expect(await text(kv, 'b')).toBe('value of b');
    });
    expect(await keysOf(kv)).toEqual(['a', 'b', 'bb', 'd']);
    expect(await text(kv, 'd')).toBe('back');
  });

  it('fills the limit of a scan past what it deleted itself', async () => {
    await using kv = await open();
    const keys = Array.from({ length: 50 }, (_, i) => `k${String(i).padStart(2, '0')}`);
    await fill(kv, keys);
    await kv.write(async (tx) => {
      for (const key of keys.slice(0, 20)) tx.delete(key);
      for (const key of keys.slice(45)) tx.delete(key);
      tx.put('k20a', bytes('mine'));
      expect(await keysOf(tx, 'k', 'l', 3)).toEqual(['k20', 'k20a', 'k21']);
      expect(await keysOf(tx, 'k', 'l', 2, true)).toEqual(['k44', 'k43']);
    });
    expect(await keysOf(kv, 'k', 'l', 1)).toEqual(['k20']);
  });
}

function describeWriters(open: () => Promise<KvStore>): void {
  it('loses no update of many concurrent writers', async () => {
    await using kv = await open();
    const add = (): Promise<void> =>
      kv.write(async (tx) => {
        const count = Number((await text(tx, 'count')) ?? '0');
        await later();
        tx.put('count', bytes(String(count + 1)));
      });
    await Promise.all(Array.from({ length: 60 }, add));
    expect(await text(kv, 'count')).toBe('60');
  });

  it('prevents write skew: two who each read what the other writes', async () => {
    await using kv = await open();
    await kv.write((tx) => {
      tx.put('on call/ann', bytes('yes'));
      tx.put('on call/bob', bytes('yes'));
    });
    const leave = (who: string): Promise<void> =>
      kv.write(async (tx) => {
        const others = await keysOf(tx, 'on call/', 'on call0');
        await later();
        if (others.length > 1) tx.delete(`on call/${who}`);
      });
    await Promise.all([leave('ann'), leave('bob')]);
    expect(await keysOf(kv, 'on call/', 'on call0')).toHaveLength(1);
  });

  it('prevents phantoms: a range read stays as it was until the transaction is over', async () => {
    await using kv = await open();
    const insertIfEmpty = (key: Key): Promise<boolean> =>
      kv.write(async (tx) => {
        const empty = (await keysOf(tx, 'r', 's', 1)).length === 0;
        await later();
        if (empty) tx.put(key, bytes('x'));
        return empty;
      });
    const inserted = await Promise.all(['r1', 'r2', 'r3'].map(insertIfEmpty));
    expect(inserted.filter(Boolean)).toHaveLength(1);
    expect(await keysOf(kv, 'r', 's')).toHaveLength(1);
  });

  it('serves thousands of writers that wait, whether they answer at once or later', async () => {
    await using kv = await open();
    const writers = Array.from({ length: 5000 }, (_, i) =>
      i % 1000 === 0
        ? kv.write(async (tx) => {
            await later();
            tx.put(`w${i}`, bytes(String(i)));
          })
        : kv.write((tx) => tx.put(`w${i}`, bytes(String(i)))),
    );
    await Promise.all(writers);
    expect(await keysOf(kv, 'w', 'x', 6000)).toHaveLength(5000);
  });
}
