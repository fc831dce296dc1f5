import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Content } from '../../src/cas/types.ts';
import { BLOCK, noise, Stage } from './store.ts';

/** One file against a buffer that holds what its bytes should be. */
interface File {
  content: Content;
  bytes: Buffer;
}

type Step =
  | { readonly do: 'bytes'; readonly size: number; readonly seed: number }
  | {
      readonly do: 'adopt';
      readonly size: number;
      readonly chunks: readonly (readonly [number, number, number])[];
    }
  | {
      readonly do: 'edit';
      readonly limit: number;
      readonly size: number;
      readonly blocks: readonly (readonly [number, number])[];
    }
  | { readonly do: 'copy' }
  | { readonly do: 'settle' }
  | { readonly do: 'reopen' };

const MAX = 6 * BLOCK;
const size = fc.oneof(
  fc.nat(MAX),
  fc.nat(6).map((n) => n * BLOCK),
  fc.nat(20_000),
);
// Few seeds, so that blocks repeat; 0 stands for zero bytes.
const seed = fc.nat(4);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('bytes' as const), size: fc.oneof(fc.nat(BLOCK), fc.nat(20_000)), seed }),
  fc.record({
    do: fc.constant('adopt' as const),
    size: fc.integer({ min: BLOCK + 1, max: MAX }),
    chunks: fc.array(fc.tuple(fc.nat(MAX - 1), fc.nat(2 * BLOCK), seed), { maxLength: 4 }),
  }),
  fc.record({
    do: fc.constant('edit' as const),
    limit: size,
    size,
    blocks: fc.uniqueArray(fc.tuple(fc.nat(6), seed), { maxLength: 4, selector: ([index]) => index }),
  }),
  fc.constant<Step>({ do: 'copy' }),
  fc.constant<Step>({ do: 'settle' }),
  fc.constant<Step>({ do: 'reopen' }),
);

function pattern(length: number, of: number): Buffer {
  return of === 0 ? Buffer.alloc(length) : noise(length, of);
}

async function adopt(
  stage: Stage,
  file: File,
  { size: bytes, chunks }: Step & { do: 'adopt' },
): Promise<void> {
  const model = Buffer.alloc(bytes);
  const slot = stage.fill(
    chunks.map(([at, length, of]) => {
      const chunk = pattern(length, of);
      chunk.copy(model, Math.min(at, bytes));
      return [at, chunk] as const;
    }),
  );
  file.content = await stage.commit(await stage.store.draftAdopt(slot, bytes));
  file.bytes = model;
}

async function edit(
  stage: Stage,
  file: File,
  { limit, size: bytes, blocks }: Step & { do: 'edit' },
): Promise<void> {
  const model = Buffer.alloc(bytes);
  file.bytes.copy(model, 0, 0, Math.min(limit, file.bytes.length));
  const fresh = new Map(blocks);
  for (const [index, of] of blocks) {
    const at = index * BLOCK;
    if (at < bytes) pattern(Math.min(BLOCK, bytes - at), of).copy(model, at);
  }
  const read = (index: number, into: Buffer): void | Promise<void> => {
    pattern(into.length, fresh.get(index) ?? -1).copy(into);
    return index % 2 === 0 ? undefined : Promise.resolve();
  };
  const base = Math.min(limit, file.bytes.length);
  file.content = await stage.commit(
    await stage.store.draftEdit(file.content, base, bytes, fresh.keys(), read),
  );
  file.bytes = model;
}

async function apply(stage: Stage, files: File[], file: File, action: Step): Promise<void> {
  if (action.do === 'bytes') {
    file.bytes = pattern(action.size, action.seed);
    file.content = await stage.putBytes(file.bytes);
  } else if (action.do === 'adopt') await adopt(stage, file, action);
  else if (action.do === 'edit') await edit(stage, file, action);
  else if (action.do === 'copy') files.push({ ...file });
  else if (action.do === 'settle') await stage.store.settle();
  else await stage.reopen();
}

async function check(stage: Stage, { content, bytes }: File): Promise<void> {
  const whole = await stage.read(content, bytes.length);
  expect(whole.equals(bytes)).toBe(true);
  const at = Math.floor(bytes.length / 3);
  expect((await stage.read(content, bytes.length, at, 5000)).equals(bytes.subarray(at, at + 5000))).toBe(
    true,
  );
  for (let place = 0; place < bytes.length; ) {
    const data = await stage.store.extents(content, bytes.length, place, 'data');
    const end = data < 0 ? bytes.length : data;
    expect(end).toBeGreaterThanOrEqual(place);
    expect(bytes.subarray(place, end).every((byte) => byte === 0)).toBe(true);
    if (data < 0) break;
    const hole = await stage.store.extents(content, bytes.length, data, 'hole');
    expect(hole).toBeGreaterThanOrEqual(data);
    // Sealing may find meanwhile that what was data is zero bytes.
    place = Math.max(hole, data + 1);
  }
}

async function collect<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of all) found.push(item);
  return found;
}

describe('random histories of files', () => {
  it('read as a buffer would, whatever is written, sealed, swept, reopened in between (CAS-1, CAS-2, CAS-3)', async () => {
    const history = fc.array(fc.tuple(step, fc.nat(3)), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        await using stage = await Stage.open();
        const files: File[] = [{ content: { kind: 'zero' }, bytes: Buffer.alloc(0) }];
        for (const [action, which] of steps) {
          const file = files[which % files.length] ?? files[0];
          if (file) await apply(stage, files, file, action);
          if (file) await check(stage, file);
        }
        const live = async function* (): AsyncGenerator<Content, void> {
          for (const file of files) yield file.content;
        };
        await Promise.all([stage.store.sweep(live), stage.store.settle()]);
        for (const file of files) await check(stage, file);
        expect(await collect(stage.store.verify())).toEqual([]);
        await stage.reopen();
        await stage.store.settle();
        for (const file of files) await check(stage, file);
      }),
      { numRuns: 60 },
    );
  }, 600_000);
});
