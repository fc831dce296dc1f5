/** The engine against a brute-force evaluator, on random models and graphs. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Engine } from '../../../src/rebac/engine.ts';
import { RebacError } from '../../../src/rebac/errors.ts';
import { MemoryTuples } from '../../../src/rebac/memory-tuples.ts';
import { parseObject } from '../../../src/rebac/refs.ts';
import { stackReaders } from '../../../src/rebac/stack-readers.ts';
import type { Model, Question, SubjectRef, Tuple, TupleReader } from '../../../src/rebac/types.ts';
import { BruteForce, no, unknown, yes } from '../brute-force.ts';
import type { Answer } from '../brute-force.ts';
import { layers, objects, subjects, worlds } from '../random-model.ts';

const runs = { numRuns: Number(process.env['RUNS'] ?? 300) };
const limits = { depth: 1000 };
const relations = layers.flat();

function holds(tuple: Tuple): Answer {
  const flag = tuple.condition?.context['flag'];
  return tuple.condition === undefined || flag === true ? yes : flag === false ? no : unknown;
}

async function outcome(engine: Engine, question: Question): Promise<Answer> {
  try {
    return (await engine.check(question)) ? yes : no;
  } catch (error) {
    if (error instanceof RebacError && error.number === 2000) return unknown;
    throw error;
  }
}

/** One tuple for each key, the last. */
function distinct(given: Tuple[]): Tuple[] {
  return [...new MemoryTuples(given)];
}

/** The same reader, but nothing is there at once. */
function slow(reader: TupleReader): TupleReader {
  return {
    get: async (key) => reader.get(key),
    usersets: async (object, relation) => reader.usersets(object, relation),
    subjects: async (object, relation) => reader.subjects(object, relation),
    objects: async (subject, type) => reader.objects(subject, type),
    ofType: async (type) => reader.ofType(type),
  };
}

function brute(model: Model, given: Tuple[], subject: SubjectRef): BruteForce {
  const solver = new BruteForce(model, given, layers, holds);
  solver.solve(objects, subject);
  return solver;
}

test('every check answers what brute force finds, errors included (PERM-1, PERM-8)', async () => {
  const seen = new Set<Answer>();
  await fc.assert(
    fc.asyncProperty(worlds, fc.constantFrom(...subjects), async ({ model, tuples }, subject) => {
      const given = distinct(tuples);
      const solver = brute(model, given, subject);
      const engine = new Engine(model, new MemoryTuples(given), { limits });
      for (const object of objects) {
        for (const relation of relations) {
          const answer = await outcome(engine, { object: parseObject(object), relation, subject });
          expect(answer, `${object}#${relation}`).toBe(solver.answer(object, relation, subject));
          seen.add(answer);
        }
      }
    }),
    runs,
  );
  expect([...seen].sort()).toEqual([no, unknown, yes]);
});

test('readers that answer later and readers in a stack give the same answers (PERM-1)', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.constantFrom(...subjects), async ({ model, tuples }, subject) => {
      const given = distinct(tuples);
      const half = given.length >> 1;
      const solver = brute(model, given, subject);
      const [lower, upper] = [new MemoryTuples(given.slice(0, half)), new MemoryTuples(given.slice(half))];
      const engine = new Engine(model, stackReaders(slow(lower), upper), { limits });
      for (const object of objects.slice(0, 3)) {
        const answer = await outcome(engine, { object: parseObject(object), relation: 'f', subject });
        expect(answer).toBe(solver.answer(object, 'f', subject));
      }
    }),
    { numRuns: 100 },
  );
});

test('a list of objects is what the checks allow (PERM-8)', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.constantFrom(...subjects), async ({ model, tuples }, subject) => {
      const sure = distinct(tuples).filter((tuple) => holds(tuple) !== unknown);
      const solver = brute(model, sure, subject);
      const engine = new Engine(model, new MemoryTuples(sure), { limits });
      for (const relation of relations) {
        const expected = objects.filter(
          (object) => object.startsWith('doc:') && solver.answer(object, relation, subject) === yes,
        );
        const listed = await engine.listObjects({ type: 'doc', relation, subject });
        expect(listed.map((id) => `doc:${id}`)).toEqual(expected);
      }
    }),
    runs,
  );
});

test('a list of users names all who are allowed, by themselves or by the wildcard (PERM-8)', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.constantFrom(...objects), async ({ model, tuples }, object) => {
      const sure = distinct(tuples).filter((tuple) => holds(tuple) !== unknown);
      const engine = new Engine(model, new MemoryTuples(sure), { limits });
      const question = { object: parseObject(object), relation: 'f', type: 'user' };
      const listed = (await engine.listUsers(question)).map(({ id }) => id);
      for (const id of ['x', 'y', '*']) {
        const subject = { type: 'user', id };
        const allowed = brute(model, sure, subject).answer(object, 'f', subject) === yes;
        if (listed.includes(id)) expect(allowed, id).toBe(true);
        else if (id === '*') expect(allowed, id).toBe(false);
        else expect(allowed && !listed.includes('*'), id).toBe(false);
      }
    }),
    runs,
  );
});

test('an explanation is there for what is allowed, and its tuples alone allow it (PERM-2)', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.constantFrom(...objects), async ({ model, tuples }, object) => {
      const sure = distinct(tuples).filter((tuple) => holds(tuple) !== unknown);
      const engine = new Engine(model, new MemoryTuples(sure), { limits });
      const question = { object: parseObject(object), relation: 'b', subject: { type: 'user', id: 'x' } };
      const { allowed, proof } = await engine.explain(question);
      expect(allowed).toBe(await engine.check(question));
      expect(proof !== undefined).toBe(allowed);
      if (proof === undefined) return;
      const used: Tuple[] = [];
      const collect = (step: typeof proof): void => {
        if (step.tuple !== undefined) used.push(step.tuple);
        step.from.forEach(collect);
      };
      collect(proof);
      const alone = new Engine(model, new MemoryTuples(used), { limits });
      expect(await alone.check(question)).toBe(true);
    }),
    runs,
  );
});
