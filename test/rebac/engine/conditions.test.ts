/** Conditions: parameter types, what is missing, what an error decides, expiry. */
import { describe, expect, test } from 'vitest';
import { openEngine } from '../../../src/rebac/memory-engine.ts';
import type { MemoryEngine } from '../../../src/rebac/memory-engine.ts';
import { refusal } from './refusal.ts';

type Context = Record<string, unknown>;

function engineOf(parameters: string, expression: string, stored: Context = {}): MemoryEngine {
  return openEngine({
    model: `
model
  schema 1.1
type user
type doc
  relations
    define viewer: [user with c]
condition c(${parameters}) {
  ${expression}
}`,
    tuples: [
      { object: 'doc:1', relation: 'viewer', user: 'user:x', condition: { name: 'c', context: stored } },
    ],
  });
}

const question = { object: 'doc:1', relation: 'viewer', user: 'user:x' };

/** true, false, or the number of the refusal. */
async function outcome(
  parameters: string,
  expression: string,
  context: Context,
  stored?: Context,
): Promise<unknown> {
  const engine = engineOf(parameters, expression, stored);
  try {
    return await engine.check({ ...question, context });
  } catch {
    return (await refusal(() => engine.check({ ...question, context }))).slice(0, 4);
  }
}

describe('parameter types', () => {
  const cases: readonly (readonly [string, string, Context, unknown])[] = [
    ['p: int', 'p < 100', { p: 50 }, true],
    ['p: int', 'p < 100', { p: '50' }, true],
    ['p: int', 'p < 100', { p: 100 }, false],
    ['p: int', 'p < 100', { p: 50.5 }, '2000'],
    ['p: int', 'p < 100', { p: 'fifty' }, '2000'],
    ['p: int', 'p > 1', { p: '9223372036854775807' }, true],
    ['p: int', 'p > 1', { p: '9223372036854775808' }, '2000'],
    ['p: int', 'p == 1', { p: true }, '2000'],
    ['p: uint', 'p < 100u', { p: 5 }, true],
    ['p: uint', 'p < 100u', { p: -5 }, '2000'],
    ['p: double', 'p < 100.0', { p: 5.5 }, true],
    ['p: double', 'p < 100.0', { p: '5.5' }, true],
    ['p: double', 'p < 100.0', { p: '1e999' }, '2000'],
    ['p: double', 'p < 100.0', { p: 'NaN' }, '2000'],
    ['p: bool', 'p', { p: true }, true],
    ['p: bool', 'p', { p: 'true' }, '2000'],
    ['p: string', 'p == "a"', { p: 'a' }, true],
    ['p: string', 'p == "a"', { p: 5 }, '2000'],
    ['p: string', 'p == "a"', { p: null }, '2000'],
    ['p: timestamp', 'p < timestamp("2024-01-01T00:00:00Z")', { p: '2023-12-31T23:59:59Z' }, true],
    ['p: timestamp', 'p < timestamp("2024-01-01T00:00:00Z")', { p: '2024-01-01T01:30:00+02:00' }, true],
    ['p: timestamp', 'p < timestamp("2024-01-01T00:00:00Z")', { p: '2023-02-30T00:00:00Z' }, '2000'],
    ['p: timestamp', 'p < timestamp("2024-01-01T00:00:00Z")', { p: 1700000000 }, '2000'],
    ['p: duration', 'p > duration("1h")', { p: '1h30m' }, true],
    ['p: duration', 'p > duration("1h")', { p: '90' }, '2000'],
    ['p: ipaddress', 'p.in_cidr("192.168.0.0/24")', { p: '192.168.0.9' }, true],
    ['p: ipaddress', 'p.in_cidr("192.168.0.0/24")', { p: '192.168.1.9' }, false],
    ['p: ipaddress', 'p.in_cidr("2001:db8::/32")', { p: '2001:db8::1' }, true],
    ['p: ipaddress', 'p.in_cidr("192.168.0.0/24")', { p: '192.168.0' }, '2000'],
    ['p: ipaddress', 'p.in_cidr("192.168.0.0/33")', { p: '192.168.0.9' }, '2000'],
    ['p: ipaddress', 'p == ipaddress("::1")', { p: '0:0:0:0:0:0:0:1' }, true],
    ['p: list<string>', '"a" in p', { p: ['a', 'b'] }, true],
    ['p: list<string>', '"a" in p', { p: ['a', 5] }, '2000'],
    ['p: list<int>', 'p.exists(i, i == 2)', { p: ['1', 2] }, true],
    ['p: list<string>', '"a" in p', { p: 'a' }, '2000'],
    ['p: map<string>', 'p.k == "v"', { p: { k: 'v' } }, true],
    ['p: map<string>', 'p["k"] == "v"', { p: { k: 5 } }, '2000'],
    ['p: map<string>', 'p.k == "v"', { p: {} }, '2000'],
    ['p: map<string>', 'p.constructor == "v"', { p: {} }, '2000'],
    ['p: map<string>', '"k" in p', { p: [] }, '2000'],
  ];
  for (const [parameters, expression, context, expected] of cases) {
    test(`${parameters}: ${expression} with ${JSON.stringify(context)} (PERM-8)`, async () => {
      expect(await outcome(parameters, expression, context)).toBe(expected);
    });
  }

  test('any takes all of JSON; it is to be had in JSON only (PERM-8)', async () => {
    const model = {
      schema_version: '1.1',
      type_definitions: [
        { type: 'user' },
        {
          type: 'doc',
          relations: { viewer: { this: {} } },
          metadata: {
            relations: { viewer: { directly_related_user_types: [{ type: 'user', condition: 'c' }] } },
          },
        },
      ],
      conditions: {
        c: { name: 'c', expression: 'p.a[0] == "v"', parameters: { p: { type_name: 'TYPE_NAME_ANY' } } },
      },
    };
    const tuples = [{ object: 'doc:1', relation: 'viewer', user: 'user:x', condition: { name: 'c' } }];
    const engine = openEngine({ model, tuples });
    expect(await engine.check({ ...question, context: { p: { a: ['v'] } } })).toBe(true);
    expect(await engine.check({ ...question, context: { p: { a: ['w'] } } })).toBe(false);
    expect(await refusal(() => engine.check({ ...question, context: { p: 3 } }))).toMatch(/^2000 /);
  });
});

describe('contexts', () => {
  test('any parameter missing is an error, even where the others decide (PERM-8)', async () => {
    expect(await outcome('p: int, q: int', 'p < 100 || q < 100', { p: 5 })).toBe('2000');
    expect(await outcome('p: int, q: int', 'p < 100 || q < 100', { p: 5, q: 500 })).toBe(true);
    const engine = engineOf('p: int, q: int', 'p < 100 || q < 100');
    const text = await refusal(() => engine.check({ ...question, context: { p: 5 } }));
    expect(text).toMatch(/condition "c": parameter "q" is missing/);
  });

  test('what is stored counts before what comes with the question (PERM-8)', async () => {
    expect(await outcome('p: int', 'p < 100', { p: 5 }, { p: 500 })).toBe(false);
    expect(await outcome('p: int, q: int', 'p < q', { p: 5 }, { q: 500 })).toBe(true);
  });

  test('what every object has is no parameter given (PERM-8)', async () => {
    const model = {
      schema_version: '1.1',
      type_definitions: [
        { type: 'user' },
        {
          type: 'doc',
          relations: { viewer: { this: {} } },
          metadata: {
            relations: { viewer: { directly_related_user_types: [{ type: 'user', condition: 'c' }] } },
          },
        },
      ],
      conditions: {
        c: { expression: 'valueOf != ""', parameters: { valueOf: { type_name: 'TYPE_NAME_STRING' } } },
      },
    };
    const tuples = [{ object: 'doc:1', relation: 'viewer', user: 'user:x', condition: { name: 'c' } }];
    const engine = openEngine({ model, tuples });
    expect(await refusal(() => engine.check(question))).toMatch(/^2000 .*"valueOf" is missing/);
    expect(await engine.check({ ...question, context: { valueOf: 'v' } })).toBe(true);
  });

  test('a tuple cannot store what is no parameter, or of the wrong type (PERM-8)', async () => {
    expect(await refusal(() => engineOf('p: int', 'p < 100', { q: 1 }))).toMatch(/^2000 .*"q"/);
    expect(await refusal(() => engineOf('p: int', 'p < 100', { p: 'x' }))).toMatch(
      /^2000 .*"p" must be of type int/,
    );
    expect(await refusal(() => engineOf('p: string', 'p != ""', { p: 'x'.repeat(40_000) }))).toMatch(
      /^2000 .*32768 bytes/,
    );
  });

  test('an expression that fails is an error (PERM-8)', async () => {
    expect(await outcome('p: int', '10 / p == 1', { p: 0 })).toBe('2000');
  });
});

describe('what an error decides', () => {
  const model = `
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type doc
  relations
    define unclear: [user with c]
    define granted: [user]
    define denied: [user]
    define either: unclear or granted
    define both: unclear and granted
    define taken: granted but not unclear
    define base: unclear but not denied
    define viewer: [group#member, group#member with c]
condition c(p: bool) {
  p
}`;
  const c = { name: 'c' };
  const unclear = { object: 'doc:1', relation: 'unclear', user: 'user:x', condition: c };
  const ask = async (relation: string, tuples: readonly string[]): Promise<unknown> => {
    const engine = openEngine({ model, tuples: [unclear, ...tuples] });
    try {
      return await engine.check({ object: 'doc:1', relation, user: 'user:x' });
    } catch {
      return (await refusal(() => engine.check({ object: 'doc:1', relation, user: 'user:x' }))).slice(0, 4);
    }
  };

  test('a union is true if one side is, else the error (PERM-8)', async () => {
    expect(await ask('either', ['doc:1#granted@user:x'])).toBe(true);
    expect(await ask('either', [])).toBe('2000');
  });

  test('an intersection is false if one side is, else the error (PERM-8)', async () => {
    expect(await ask('both', [])).toBe(false);
    expect(await ask('both', ['doc:1#granted@user:x'])).toBe('2000');
  });

  test('an exclusion is false if its base is or what is taken away is not, else the error (PERM-8)', async () => {
    expect(await ask('taken', [])).toBe(false);
    expect(await ask('taken', ['doc:1#granted@user:x'])).toBe('2000');
    expect(await ask('base', ['doc:1#denied@user:x'])).toBe(false);
    expect(await ask('base', [])).toBe('2000');
  });

  test('an unclear way counts only for those it leads to, and not where a sure way leads (PERM-8)', async () => {
    const engine = openEngine({ model, tuples: ['group:g#member@user:x', 'group:h#member@group:g#member'] });
    engine.write([{ object: 'doc:1', relation: 'viewer', user: 'group:g#member', condition: c }]);
    const question = { object: 'doc:1', relation: 'viewer', user: 'user:x' };
    expect(await refusal(() => engine.check(question))).toMatch(/^2000 /);
    expect(await engine.check({ ...question, user: 'user:y' })).toBe(false);
    engine.write(['doc:1#viewer@group:h#member']);
    expect(await engine.check(question)).toBe(true);
  });

  test('an unconditioned tuple is none with a condition, and the other way round (PERM-1)', async () => {
    const engine = openEngine({ model });
    expect(await refusal(() => engine.write(['doc:1#unclear@user:x']))).toMatch(/^2000 .*user with c/);
    engine.write(['doc:1#granted@user:x']);
    engine.setModel(model.replace('define granted: [user]', 'define granted: [user with c]'));
    const question = { object: 'doc:1', relation: 'granted', user: 'user:x', context: { p: true } };
    expect(await engine.check(question)).toBe(false);
  });
});

describe('expiry', () => {
  test('a tuple ends at its time, by the clock given (PERM-8)', async () => {
    let now = 1_000;
    const model = `
model
  schema 1.1
type user
type group
  relations
    define member: [user]
type doc
  relations
    define viewer: [user, group#member]`;
    const engine = openEngine({ model, now: () => now });
    engine.write([
      { object: 'doc:1', relation: 'viewer', user: 'group:g#member', expires: 3_000 },
      { object: 'group:g', relation: 'member', user: 'user:x', expires: 2_000 },
      { object: 'doc:1', relation: 'viewer', user: 'user:y', expires: 2_000 },
    ]);
    const all = async (): Promise<unknown> => [
      await engine.check({ object: 'doc:1', relation: 'viewer', user: 'user:x' }),
      await engine.check({ object: 'doc:1', relation: 'viewer', user: 'user:y' }),
      await engine.listObjects({ user: 'user:x', relation: 'viewer', type: 'doc' }),
      await engine.listUsers({ object: 'doc:1', relation: 'viewer', filters: ['user'] }),
    ];
    expect(await all()).toEqual([true, true, ['doc:1'], ['user:x', 'user:y']]);
    now = 1_999;
    expect(await all()).toEqual([true, true, ['doc:1'], ['user:x', 'user:y']]);
    now = 2_000;
    expect(await all()).toEqual([false, false, [], []]);
  });
});
