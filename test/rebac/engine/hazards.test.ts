/** Questions that differ in one thing only are different questions. */
import { describe, expect, test } from 'vitest';
import { Engine } from '../../../src/rebac/engine.ts';
import { MemoryTuples } from '../../../src/rebac/memory-tuples.ts';
import { parseModel } from '../../../src/rebac/model.ts';
import { questionKey } from '../../../src/rebac/question-key.ts';
import type { Question, Tuple } from '../../../src/rebac/types.ts';

const model = parseModel(`
model
  schema 1.1
type user
type robot
type group
  relations
    define member: [user, robot]
    define admin: [user]
type doc
  relations
    define viewer: [user, robot, group#member, group#admin, user with same]
    define editor: [user]
type page
  relations
    define viewer: [user]
condition same(given: string, stored: string) {
  given == stored
}`);

const x = { type: 'user', id: 'x' };
const doc = { type: 'doc', id: '1' };
const stored: Tuple[] = [
  { object: doc, relation: 'viewer', subject: x },
  { object: doc, relation: 'viewer', subject: { type: 'group', id: 'g', relation: 'member' } },
];
const conditioned = (value: string, extra: Partial<Tuple> = {}): Tuple => ({
  object: { type: 'doc', id: '2' },
  relation: 'viewer',
  subject: x,
  condition: { name: 'same', context: { stored: value } },
  ...extra,
});
const second = { object: { type: 'doc', id: '2' }, relation: 'viewer', subject: x };

/** Pairs of questions that differ in exactly one input, and in the answer. */
const pairs: readonly (readonly [string, Question, Question])[] = [
  [
    'the type of the object',
    { object: doc, relation: 'viewer', subject: x },
    { object: { type: 'page', id: '1' }, relation: 'viewer', subject: x },
  ],
  [
    'the id of the object',
    { object: doc, relation: 'viewer', subject: x },
    { object: { type: 'doc', id: '3' }, relation: 'viewer', subject: x },
  ],
  [
    'the relation',
    { object: doc, relation: 'viewer', subject: x },
    { object: doc, relation: 'editor', subject: x },
  ],
  [
    'the type of the subject',
    { object: doc, relation: 'viewer', subject: x },
    { object: doc, relation: 'viewer', subject: { type: 'robot', id: 'x' } },
  ],
  [
    'the id of the subject',
    { object: doc, relation: 'viewer', subject: x },
    { object: doc, relation: 'viewer', subject: { type: 'user', id: 'X' } },
  ],
  [
    'the relation of the subject',
    { object: doc, relation: 'viewer', subject: { type: 'group', id: 'g', relation: 'member' } },
    { object: doc, relation: 'viewer', subject: { type: 'group', id: 'g', relation: 'admin' } },
  ],
  [
    'the context',
    { ...second, contextualTuples: [conditioned('a')], context: { given: 'a' } },
    { ...second, contextualTuples: [conditioned('a')], context: { given: 'b' } },
  ],
  [
    'the context of a contextual tuple',
    { ...second, contextualTuples: [conditioned('a')], context: { given: 'a' } },
    { ...second, contextualTuples: [conditioned('b')], context: { given: 'a' } },
  ],
  [
    'that there is a contextual tuple',
    { ...second, contextualTuples: [{ ...second }] },
    { ...second, contextualTuples: [] },
  ],
  [
    'the subject of a contextual tuple',
    { ...second, contextualTuples: [{ ...second }] },
    { ...second, contextualTuples: [{ ...second, subject: { type: 'user', id: 'y' } }] },
  ],
  [
    'the object of a contextual tuple',
    { ...second, contextualTuples: [{ ...second }] },
    { ...second, contextualTuples: [{ ...second, object: { type: 'doc', id: '9' } }] },
  ],
  [
    'the relation of a contextual tuple',
    { ...second, contextualTuples: [{ ...second }] },
    { ...second, contextualTuples: [{ ...second, relation: 'editor' }] },
  ],
  [
    'when a contextual tuple expires',
    { ...second, contextualTuples: [{ ...second, expires: 2_000 }] },
    { ...second, contextualTuples: [{ ...second, expires: 1_000 }] },
  ],
  [
    'that a contextual tuple has a condition',
    { ...second, contextualTuples: [{ ...second }], context: { given: 'b' } },
    { ...second, contextualTuples: [conditioned('a')], context: { given: 'b' } },
  ],
];

describe('questions that differ in one input', () => {
  const engine = (): Engine => new Engine(model, new MemoryTuples(stored), { now: () => 1_500 });

  for (const [what, allowed, refused] of pairs) {
    test(`${what}, alone and in one batch, in both orders (PERM-8)`, async () => {
      expect(await engine().check(allowed)).toBe(true);
      expect(await engine().check(refused)).toBe(false);
      expect(await engine().batchCheck([allowed, refused, allowed])).toEqual([true, false, true]);
      expect(await engine().batchCheck([refused, allowed, refused])).toEqual([false, true, false]);
      expect(questionKey(allowed)).not.toBe(questionKey(refused));
    });
  }

  test('one engine remembers nothing from one question to the next (PERM-5)', async () => {
    const tuples = new MemoryTuples(stored);
    const living = new Engine(model, tuples);
    for (const [, allowed] of pairs.slice(0, 6)) expect(await living.check(allowed)).toBe(true);
    tuples.delete(stored);
    for (const [, allowed] of pairs.slice(0, 6)) expect(await living.check(allowed)).toBe(false);
    tuples.write(stored);
    for (const [, allowed] of pairs.slice(0, 6)) expect(await living.check(allowed)).toBe(true);
  });

  test('keys tell kinds of values apart, and not the order of names (PERM-8)', () => {
    const key = (context: Record<string, unknown>): string => questionKey({ ...second, context });
    const values = [
      1,
      '1',
      1n,
      true,
      'true',
      null,
      undefined,
      [1],
      ['1'],
      [[1]],
      {},
      { a: 1 },
      Number.NaN,
      'NaN',
      0,
      -0,
      ['list', 1],
    ];
    const keys = values.map((value) => key({ value }));
    // 0 and -0 are the same number everywhere a condition could look.
    expect(new Set(keys).size).toBe(values.length - 1);
    expect(key({ a: 1, b: { c: 2, d: 3 } })).toBe(key({ b: { d: 3, c: 2 }, a: 1 }));
  });

  test('equal questions of a batch are decided once (PERM-8)', async () => {
    const tuples = new MemoryTuples(stored);
    let reads = 0;
    const counting = new Engine(model, {
      get: (key) => {
        reads += 1;
        return tuples.get(key);
      },
      usersets: (object, relation) => tuples.usersets(object, relation),
      subjects: (object, relation) => tuples.subjects(object, relation),
      objects: (subject, type) => tuples.objects(subject, type),
      ofType: (type) => tuples.ofType(type),
    });
    const question = { object: doc, relation: 'viewer', subject: x };
    expect(await counting.batchCheck([question, { ...question }, { ...question }])).toEqual([
      true,
      true,
      true,
    ]);
    expect(reads).toBe(1);
  });
});
