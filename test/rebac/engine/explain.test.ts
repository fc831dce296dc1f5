/** Why a check answers as it does, and what a relation is made of. */
import { describe, expect, test } from 'vitest';
import { defaultModel } from '../../../src/rebac/default-model.ts';
import { Engine } from '../../../src/rebac/engine.ts';
import type { Proof } from '../../../src/rebac/explain.ts';
import { MemoryTuples } from '../../../src/rebac/memory-tuples.ts';
import { parseModel } from '../../../src/rebac/model.ts';
import { formatTuple, parseObject, parseSubject } from '../../../src/rebac/refs.ts';
import type { Question, Tuple } from '../../../src/rebac/types.ts';

function tuple(text: string): Tuple {
  const [object = '', relation = '', subject = ''] = text.split(/#(.*?)@/);
  return { object: parseObject(object), relation, subject: parseSubject(subject) };
}

function engineOf(...tuples: string[]): Engine {
  return new Engine(parseModel(defaultModel), new MemoryTuples(tuples.map(tuple)));
}

function question(text: string): Question {
  return tuple(text);
}

/** The steps from the question to the last tuple. */
function steps(proof: Proof | undefined): string[] {
  if (proof === undefined) return [];
  const here = proof.tuple === undefined ? proof.because : `${proof.because} ${formatTuple(proof.tuple)}`;
  return [`${proof.userset}: ${here}`, ...proof.from.flatMap(steps)];
}

describe('explain', () => {
  test('names the tuples of the chain (PERM-2)', async () => {
    const engine = engineOf(
      'file:1#parent@file:0',
      'file:0#editor@group:g#member',
      'group:g#member@group:h#member',
      'group:h#admin@user:x',
    );
    const { allowed, proof } = await engine.explain(question('file:1#can_read@user:x'));
    expect(allowed).toBe(true);
    const used = steps(proof).filter((step) => step.includes('@'));
    expect(used.map((step) => step.split(' ').at(-1)).sort()).toEqual(
      [
        'file:1#parent@file:0',
        'file:0#editor@group:g#member',
        'group:g#member@group:h#member',
        'group:h#admin@user:x',
      ].sort(),
    );
  });

  test('names what took a right away (PERM-2)', async () => {
    const engine = engineOf('file:1#parent@file:0', 'file:1#owner@user:x', 'file:0#blocked@user:x');
    const { allowed, proof, denied } = await engine.explain(question('file:1#can_read@user:x'));
    expect([allowed, proof]).toEqual([false, undefined]);
    expect(steps(denied).at(-1)).toBe('file:0#blocked: direct file:0#blocked@user:x');
  });

  test('has nothing to name where nothing was granted (PERM-2)', async () => {
    expect(await engineOf('file:1#blocked@user:x').explain(question('file:1#can_read@user:x'))).toEqual({
      allowed: false,
    });
  });

  test('ends in groups that are in each other (PERM-2)', async () => {
    const engine = engineOf(
      'group:a#member@group:b#member',
      'group:b#member@group:a#member',
      'group:a#member@user:x',
    );
    const { proof } = await engine.explain(question('group:b#member@user:x'));
    expect(steps(proof)).toEqual([
      'group:b#member: userset group:b#member@group:a#member',
      'group:a#member: direct group:a#member@user:x',
    ]);
  });

  test('names everybody, and a userset in itself (PERM-2)', async () => {
    const engine = engineOf('file:1#viewer@user:*');
    const wide = await engine.explain(question('file:1#viewer@user:x'));
    expect(steps(wide.proof)).toEqual(['file:1#viewer: direct file:1#viewer@user:*']);
    const own = await engine.explain(question('group:g#member@group:g#member'));
    expect(steps(own.proof)).toEqual(['group:g#member: itself']);
  });
});

describe('expand', () => {
  test('shows one level with its tuples, without those that have expired (PERM-2)', async () => {
    const tuples = new MemoryTuples(
      [
        'file:1#viewer@user:x',
        'file:1#viewer@group:g#member',
        'file:1#parent@file:0',
        'file:0#viewer@user:y',
      ].map(tuple),
    );
    tuples.write([{ ...tuple('file:1#viewer@user:late'), expires: 5 }]);
    const engine = new Engine(parseModel(defaultModel), tuples, { now: () => 10 });
    expect(await engine.expand(parseObject('file:1'), 'viewer')).toEqual({
      name: 'file:1#viewer',
      kind: 'union',
      of: [
        { name: 'file:1#viewer', kind: 'users', users: ['group:g#member', 'user:x'] },
        { name: 'file:1#viewer', kind: 'computed', userset: 'file:1#editor' },
        { name: 'file:1#viewer', kind: 'from', tupleset: 'file:1#parent', usersets: ['file:0#viewer'] },
      ],
    });
    expect(await engine.expand(parseObject('file:1'), 'can_read')).toMatchObject({
      kind: 'exclusion',
      base: { kind: 'computed', userset: 'file:1#viewer' },
      subtract: { kind: 'computed', userset: 'file:1#blocked' },
    });
  });
});
