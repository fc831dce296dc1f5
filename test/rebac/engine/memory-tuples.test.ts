/** Tuples in memory against a plain list. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryTuples } from '../../../src/rebac/memory-tuples.ts';
import { formatTuple, isIndirect, parseObject, parseSubject, sameSubject } from '../../../src/rebac/refs.ts';
import { stackReaders } from '../../../src/rebac/stack-readers.ts';
import type { Tuple } from '../../../src/rebac/types.ts';

const objects = ['file:1', 'file:2', 'group:1', 'group:2'];
const subjects = ['user:1', 'user:2', 'user:*', 'group:1#member', 'group:2#admin', 'file:1', 'file:2'];
const relations = ['viewer', 'member'];

const tuple: fc.Arbitrary<Tuple> = fc
  .tuple(
    fc.constantFrom(...objects),
    fc.constantFrom(...relations),
    fc.constantFrom(...subjects),
    fc.option(fc.nat(5), { nil: undefined }),
  )
  .map(([object, relation, subject, expires]) => ({
    object: parseObject(object),
    relation,
    subject: parseSubject(subject),
    ...(expires !== undefined && { expires }),
  }));

function sorted(tuples: Iterable<Tuple>): string[] {
  return [...tuples].map((one) => `${formatTuple(one)} ${one.expires}`).sort();
}

describe('tuples in memory', () => {
  test('reads give what was written and not deleted (PERM-1)', () => {
    const step = fc.record({ kind: fc.constantFrom('write', 'write', 'delete'), tuple });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = new MemoryTuples();
        const plain = new Map<string, Tuple>();
        for (const { kind, tuple: one } of steps) {
          if (kind === 'write') {
            memory.write([one]);
            plain.set(formatTuple(one), one);
          } else {
            memory.delete([one]);
            plain.delete(formatTuple(one));
          }
        }
        const all = [...plain.values()];
        expect(memory.size).toBe(all.length);
        expect(sorted(memory)).toEqual(sorted(all));
        for (const name of objects) {
          const object = parseObject(name);
          expect(sorted(memory.ofType(object.type))).toEqual(
            sorted(all.filter((one) => one.object.type === object.type)),
          );
          for (const relation of relations) {
            const here = all.filter((one) => formatTuple(one).startsWith(`${name}#${relation}@`));
            expect(sorted(memory.subjects(object, relation))).toEqual(sorted(here));
            expect(sorted(memory.usersets(object, relation))).toEqual(
              sorted(here.filter((one) => isIndirect(one.subject))),
            );
            for (const text of subjects) {
              const subject = parseSubject(text);
              const found = here.find((one) => sameSubject(one.subject, subject));
              expect(memory.get({ object, relation, subject })).toEqual(found);
            }
          }
        }
        for (const text of subjects) {
          const subject = parseSubject(text);
          const here = all.filter((one) => sameSubject(one.subject, subject));
          expect(sorted(memory.objects(subject))).toEqual(sorted(here));
          expect(sorted(memory.objects(subject, 'file'))).toEqual(
            sorted(here.filter((one) => one.object.type === 'file')),
          );
        }
      }),
      { numRuns: 200 },
    );
  });

  test('names of what is gone are forgotten, and what stays is still found (PERM-10)', () => {
    const memory = new MemoryTuples();
    const one = (at: number): Tuple => ({
      object: { type: 'file', id: `${at}` },
      relation: 'viewer',
      subject: { type: 'user', id: `u${at % 7}` },
      ...(at % 3 === 0 && { expires: at }),
    });
    const kept = Array.from({ length: 10 }, (_, at) => one(at * 1_000));
    memory.write(kept);
    for (let at = 0; at < 10_000; at++) {
      memory.write([one(at)]);
      if (at % 1_000 !== 0) memory.delete([one(at)]);
    }
    expect(sorted(memory)).toEqual(sorted(kept));
    for (const tuple of kept) expect(memory.get(tuple)).toEqual(tuple);
    expect(memory.get(one(5))).toBeUndefined();
  });

  test('refs with the same letters in other places are others (PERM-1)', () => {
    const memory = new MemoryTuples([
      { object: { type: 'a', id: 'b:c' }, relation: 'r', subject: { type: 'u', id: 'x#y' } },
      { object: { type: 'a', id: 'b' }, relation: 'r', subject: { type: 'u', id: 'x', relation: 'y' } },
    ]);
    expect(memory.size).toBe(2);
    expect(
      memory.get({ object: { type: 'a:b', id: 'c' }, relation: 'r', subject: { type: 'u', id: 'x#y' } }),
    ).toBeUndefined();
    expect(memory.objects({ type: 'u', id: 'x', relation: 'y' })).toHaveLength(1);
  });
});

describe('readers in a stack', () => {
  test('the first that has a tuple decides what it is, in every read (PERM-8)', async () => {
    const key = {
      object: parseObject('file:1'),
      relation: 'viewer',
      subject: parseSubject('group:1#member'),
    };
    const stack = stackReaders(
      new MemoryTuples([{ ...key, expires: 1 }]),
      new MemoryTuples([{ ...key, expires: 2 }]),
    );
    const first = { ...key, expires: 1 };
    expect(await stack.get(key)).toEqual(first);
    expect(await stack.usersets(key.object, key.relation)).toEqual([first]);
    expect(await stack.subjects(key.object, key.relation)).toEqual([first]);
    expect(await stack.objects(key.subject)).toEqual([first]);
    expect(await stack.ofType('file')).toEqual([first]);
  });
});
