import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PageMap } from '../../src/volume/page-map.ts';

describe('PageMap', () => {
  it('agrees with a set of page numbers under random marks and erasures (CAS-2)', () => {
    const page = fc.integer({ min: 0, max: 70_000 });
    const step = fc.tuple(fc.boolean(), page, fc.integer({ min: 0, max: 40_000 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.array(page, { maxLength: 8 }), (steps, probes) => {
        const map = new PageMap();
        const model = new Set<number>();
        for (const [mark, from, length] of steps) {
          if (mark) map.mark(from, from + length);
          else map.erase(from, from + length);
          for (let i = from; i < from + length; i++)
            if (mark) model.add(i);
            else model.delete(i);
        }
        expect(map.count).toBe(model.size);
        for (const probe of probes) {
          expect(map.has(probe)).toBe(model.has(probe));
          for (const marked of [true, false]) {
            let next = probe;
            while (next < 120_000 && model.has(next) !== marked) next++;
            expect(map.next(probe, marked, 120_000)).toBe(next);
          }
        }
        const groups = new Set([...model].map((i) => Math.floor(i / 64)));
        expect(new Set(map.groups(64))).toEqual(groups);
      }),
      { numRuns: 60 },
    );
  });

  it('works at the far end of the largest file (FS-7)', () => {
    const map = new PageMap();
    const last = 2 ** 32 - 2;
    map.mark(last, last + 1);
    expect(map.has(last)).toBe(true);
    expect(map.next(0, true, last + 1)).toBe(last);
    expect([...map.groups(64)]).toEqual([Math.floor(last / 64)]);
    map.erase(5, Number.MAX_SAFE_INTEGER);
    expect(map.count).toBe(0);
    expect(map.next(0, true, last + 1)).toBe(last + 1);
  });

  it('forgets everything at once', () => {
    const map = new PageMap();
    map.mark(10, 20);
    map.clear();
    expect([map.count, map.has(15)]).toEqual([0, false]);
  });
});
