import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeContent, encodeContent } from '../../src/cas/content.ts';
import { hashFromHex, hashOfBytes, hashToHex, makeHasher } from '../../src/cas/hash.ts';
import { HashBag, IdSet, PackUse } from '../../src/cas/live-set.ts';
import { Marks } from '../../src/cas/marks.ts';
import {
  decodeLocation,
  decodeObject,
  encodeInline,
  encodeLocation,
  encodeObject,
} from '../../src/cas/records.ts';
import { decodeSegment, encodeSegment, refAt, type BlockRef } from '../../src/cas/segment.ts';
import type { Content, Hash } from '../../src/cas/types.ts';

const hashes = fc.integer().map((seed): Hash => hashOfBytes(Buffer.from(String(seed))));
const id = fc.nat(2 ** 48 - 1);
const contents: fc.Arbitrary<Content> = fc.oneof(
  fc.constant<Content>({ kind: 'zero' }),
  hashes.map((hash): Content => ({ kind: 'block', hash })),
  id.map((number): Content => ({ kind: 'object', id: number })),
);
const refs: fc.Arbitrary<BlockRef[]> = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 40 }).map((count): BlockRef[] => new Array<BlockRef>(count).fill(null)),
      fc.array(hashes, { minLength: 1, maxLength: 4 }),
      fc
        .record({ pack: fc.nat(2 ** 32 - 1), block: fc.nat(1000), count: fc.integer({ min: 1, max: 40 }) })
        .map(({ pack, block, count }): BlockRef[] =>
          Array.from({ length: count }, (_, at) => ({ pack, offset: (block + at) * 262_144 })),
        ),
    ),
    { maxLength: 6 },
  )
  .map((runs) => runs.flat());

describe('hashes', () => {
  it('are BLAKE3-256: the published vector of no bytes (CAS-1)', () => {
    const hex = 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262';
    expect(hashToHex(hashOfBytes(Buffer.alloc(0)))).toBe(hex);
    expect(hashFromHex(hex)).toBe(hashOfBytes(Buffer.alloc(0)));
    expect(hashFromHex('zz')).toBeUndefined();
  });

  it('are the same for bytes that come in parts (CAS-1)', () => {
    const bytes = Buffer.from('some bytes that come in two parts');
    const hasher = makeHasher();
    hasher.update(bytes.subarray(0, 7));
    hasher.update(bytes.subarray(7));
    expect(hasher.digest().toString('latin1')).toBe(hashOfBytes(bytes));
  });
});

describe('records', () => {
  it('keep contents, and nothing at all for zero content (CAS-1)', () => {
    fc.assert(
      fc.property(contents, (content) => {
        expect(decodeContent(encodeContent(content))).toEqual(content);
      }),
    );
    expect(encodeContent({ kind: 'zero' })).toHaveLength(0);
    expect(() => decodeContent(Buffer.from([9, 9]))).toThrow(/EIO/);
  });

  it('keep segments block by block, whole or one at a time (CAS-2)', () => {
    fc.assert(
      fc.property(refs, fc.nat(300), (blocks, index) => {
        const bytes = encodeSegment(blocks);
        expect(decodeSegment(bytes)).toEqual(blocks);
        expect(refAt(bytes, index)).toEqual(blocks[index] ?? null);
      }),
    );
  });

  it('keep a full fresh segment in a few bytes (CAS-2)', () => {
    const fresh = Array.from({ length: 256 }, (_, at) => ({ pack: 7, offset: at * 262_144 }));
    expect(encodeSegment(fresh).length).toBeLessThan(20);
  });

  it('refuse a damaged segment instead of reading on (CAS-1)', () => {
    const bytes = encodeSegment([hashOfBytes(Buffer.from('x'))]);
    expect(() => decodeSegment(bytes.subarray(0, 20))).toThrow(/EIO/);
    expect(() => decodeSegment(Buffer.from([7, 0, 0]))).toThrow(/EIO/);
  });

  it('keep places and objects (CAS-1)', () => {
    const place = { pack: 2 ** 32 - 1, offset: 2 ** 47, length: 262_144 };
    expect(decodeLocation(encodeLocation(place))).toEqual(place);
    expect(decodeLocation(encodeInline(Buffer.from('inline')))).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(2 ** 50), fc.array(id), (size, segments) => {
        expect(decodeObject(encodeObject({ size, segments }))).toEqual({ size, segments });
      }),
    );
  });
});

describe('sets of what is live', () => {
  it('hold every hash and number put in, and no others (CAS-3)', () => {
    const bag = new HashBag();
    const set = new IdSet();
    for (let n = 0; n < 20_000; n++) {
      bag.add(hashOfBytes(Buffer.from(`in ${String(n)}`)));
      expect(set.add(n * 37)).toBe(true);
    }
    expect(set.add(37)).toBe(false);
    for (let n = 0; n < 20_000; n++) {
      expect(bag.has(hashOfBytes(Buffer.from(`in ${String(n)}`)))).toBe(true);
      expect(bag.has(hashOfBytes(Buffer.from(`out ${String(n)}`)))).toBe(false);
      expect(set.has(n * 37)).toBe(true);
      expect(set.has(n * 37 + 1)).toBe(false);
    }
  });

  it('count the pages of logs and the blocks of adopted files (CAS-3)', () => {
    const log = new PackUse({ state: 'log', bytes: 0 });
    log.add(8192, 5000);
    expect([0, 4096, 8192, 12_288, 16_384].map((at) => log.has(at))).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
    expect(new PackUse({ state: 'adopted', bytes: 1 }).any).toBe(false);
  });

  it('remember a bounded number of marks, the latest ones (CAS-1)', () => {
    const marks = new Marks<number>(100);
    for (let n = 0; n < 1000; n++) marks.add(n);
    expect(marks.size).toBeLessThanOrEqual(100);
    expect(marks.has(999)).toBe(true);
    expect(marks.has(0)).toBe(false);
  });
});
