import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { contentOf, copyOf } from './snapshot.ts';
import { temporaryDirectory } from './temporary.ts';

// Few bytes, so that keys meet often; the least and the greatest among them.
const key = fc
  .array(fc.constantFrom('\0', 'a', 'b', '\x80', '\xff'), { minLength: 1, maxLength: 3 })
  .map((bytes) => bytes.join(''));
const value = fc.option(fc.string({ unit: 'binary-ascii', maxLength: 40 }), { nil: null, freq: 3 });
const range = fc.record({
  from: key,
  to: key,
  limit: fc.integer({ min: 0, max: 8 }),
  reverse: fc.boolean(),
});

type Step =
  | { do: 'write'; changes: [string, string | null][]; look: Look; fail: boolean }
  | { do: 'look'; look: Look }
  | { do: 'checkpoint' | 'checkpoint in the background' | 'reopen' | 'crash' | 'sync' };
type Look = { from: string; to: string; limit: number; reverse: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      changes: fc.array(fc.tuple(key, value), { maxLength: 6 }),
      look: range,
      fail: fc.integer({ min: 0, max: 4 }).map((n) => n === 4),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('look' as const), look: range }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('checkpoint', 'checkpoint in the background', 'reopen', 'crash', 'sync'),
    }),
  },
);

function expected(
  model: ReadonlyMap<string, string>,
  { from, to, limit, reverse }: Look,
): [string, string][] {
  const inside = [...model].filter(([k]) => k >= from && k < to).sort(([a], [b]) => (a < b ? -1 : 1));
  return (reverse ? inside.reverse() : inside).slice(0, limit);
}

async function run(steps: Step[]): Promise<void> {
  let directory = temporaryDirectory();
  let kv = await openLevelKv(directory);
  let model = new Map<string, string>();
  const background: Promise<void>[] = [];
  const see = async (
    reader: Pick<typeof kv, 'scan' | 'get'>,
    look: Look,
    of: Map<string, string>,
  ): Promise<void> => {
    const entries = await reader.scan(look);
    expect(entries.map(([k, v]) => [k, Buffer.from(v).toString()])).toEqual(expected(of, look));
    const one = await reader.get(look.from);
    expect(one === undefined ? undefined : Buffer.from(one).toString()).toBe(of.get(look.from));
  };
  const write = async (changes: [string, string | null][], look: Look, fail: boolean): Promise<void> => {
    const next = new Map(model);
    const writing = kv.write(async (tx) => {
      for (const [k, v] of changes) {
        if (v === null) tx.delete(k);
        else tx.put(k, Buffer.from(v));
        if (v === null) next.delete(k);
        else next.set(k, v);
      }
      await see(tx, look, next);
      if (fail) throw new Error('rolled back');
    });
    if (fail) await expect(writing).rejects.toThrow('rolled back');
    else await writing;
    if (!fail) model = next;
  };
  const reopen = async (crash: boolean): Promise<void> => {
    await Promise.allSettled(background);
    if (crash) directory = copyOf(directory);
    await kv[Symbol.asyncDispose]();
    kv = await openLevelKv(directory);
  };
  try {
    for (const one of steps) {
      if (one.do === 'write') await write(one.changes, one.look, one.fail);
      else if (one.do === 'look') await see(kv, one.look, model);
      else if (one.do === 'checkpoint') await kv.checkpoint();
      else if (one.do === 'checkpoint in the background') background.push(kv.checkpoint());
      else if (one.do === 'sync') await kv.sync();
      else await reopen(one.do === 'crash');
    }
    expect(await contentOf(kv)).toEqual(Object.fromEntries(model));
  } finally {
    await kv[Symbol.asyncDispose]();
    await Promise.allSettled(background);
  }
}

describe('LevelKv against a plain map', () => {
  it('agrees whatever is written, read, checkpointed, closed and killed in whatever order', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), run), { numRuns: 60 });
  });
});
