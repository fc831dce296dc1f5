/** Every public case of OpenFGA: its tuples stored, and once more given with each question. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { RebacError } from '../../../src/rebac/errors.ts';
import { openEngine } from '../../../src/rebac/memory-engine.ts';
import type { MemoryEngine, TextTuple } from '../../../src/rebac/memory-engine.ts';

interface Assertion<Request> {
  request: Request;
  contextualTuples?: TextTuple[];
  context?: Record<string, unknown>;
  expectation?: string[] | null;
  errorCode?: number;
}

interface Stage {
  model: string;
  tuples?: TextTuple[];
  checkAssertions?: {
    tuple: TextTuple;
    contextualTuples?: TextTuple[];
    context?: Record<string, unknown>;
    expectation?: boolean;
    errorCode?: number;
  }[];
  listObjectsAssertions?: Assertion<{ user: string; type: string; relation: string }>[];
  listUsersAssertions?: Assertion<{ object: string; relation: string; filters: string[] }>[];
}

interface Case {
  name: string;
  stages: Stage[];
}

/** OpenFGA's file of test cases. */
const file = process.env['OPENFGA_CASES'] ?? '';
const cases = file !== '' ? (parse(readFileSync(file, 'utf8')) as { tests: Case[] }).tests : [];

/** The answer, or the number of the error. */
async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    return (error as RebacError).number;
  }
}

async function runStage(engine: MemoryEngine, stage: Stage, extra: TextTuple[]): Promise<number> {
  let count = 0;
  for (const { tuple, expectation, errorCode, ...rest } of stage.checkAssertions ?? []) {
    const contextualTuples = [...extra, ...(rest.contextualTuples ?? [])];
    const answer = await outcome(engine.check({ ...tuple, ...rest, contextualTuples }));
    expect(answer, `check ${JSON.stringify({ tuple, ...rest })}`).toBe(errorCode ?? expectation);
    count += 1;
  }
  for (const { request, expectation, errorCode, ...rest } of stage.listObjectsAssertions ?? []) {
    const contextualTuples = [...extra, ...(rest.contextualTuples ?? [])];
    const answer = await outcome(engine.listObjects({ ...request, ...rest, contextualTuples }));
    expect(answer, `list objects ${JSON.stringify({ request, ...rest })}`).toEqual(
      errorCode ?? sorted(expectation),
    );
    count += 1;
  }
  for (const { request, expectation, errorCode, ...rest } of stage.listUsersAssertions ?? []) {
    const contextualTuples = [...extra, ...(rest.contextualTuples ?? [])];
    const answer = await outcome(engine.listUsers({ ...request, ...rest, contextualTuples }));
    const got = Array.isArray(answer) ? sorted(answer as string[]) : answer;
    expect(got, `list users ${JSON.stringify({ request, ...rest })}`).toEqual(
      errorCode ?? sorted(expectation),
    );
    count += 1;
  }
  return count;
}

function sorted(texts: string[] | null | undefined): string[] {
  return [...(texts ?? [])].sort();
}

describe.skipIf(file === '')(`the public cases (in the file that OPENFGA_CASES names)`, () => {
  test('there are as many as there should be (PERM-8)', () => {
    expect(cases).toHaveLength(137);
    expect(cases.flatMap(({ stages }) => stages)).toHaveLength(160);
  });

  for (const [index, { name, stages }] of cases.entries()) {
    test(`${index + 1} ${name}: stored (PERM-1, PERM-8)`, async () => {
      const first = stages[0] as Stage;
      const engine = openEngine({ model: first.model });
      let count = 0;
      for (const stage of stages) {
        engine.setModel(stage.model);
        engine.write(stage.tuples ?? []);
        count += await runStage(engine, stage, []);
      }
      expect(count).toBeGreaterThan(0);
    });

    if (stages.length > 1) continue;
    test(`${index + 1} ${name}: contextual (PERM-1, PERM-8)`, async () => {
      const [stage] = stages as [Stage];
      await runStage(openEngine({ model: stage.model }), stage, stage.tuples ?? []);
    });
  }
});
