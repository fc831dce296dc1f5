/** Models: what is read, and what is refused with its place. */
import { describe, expect, test } from 'vitest';
import { modelOfJson, parseModel } from '../../../src/rebac/model.ts';
import { refusal } from './refusal.ts';

const head = 'model\n  schema 1.1\ntype user\n';

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['nothing', '', /model: /],
  ['no model', 'hello', /line 1, column 1/],
  [
    'a relation without definition',
    `${head}type doc\n  relations\n    define viewer:\n`,
    /line 6, column \d+|line 7, column \d+/,
  ],
  ['an unknown schema', 'model\n  schema 1.0\ntype user\n', /schema/],
  [
    'an unknown type',
    `${head}type doc\n  relations\n    define viewer: [person]`,
    /line 6: doc#viewer: .*no type "person"/,
  ],
  [
    'an unknown relation of a userset',
    `${head}type doc\n  relations\n    define viewer: [user, user#friend]`,
    /line 6: doc#viewer: type user has no relation "friend"/,
  ],
  [
    'an unknown relation',
    `${head}type doc\n  relations\n    define viewer: [user] or editor`,
    /line 6: doc#viewer: type doc has no relation "editor"/,
  ],
  [
    'an unknown tupleset',
    `${head}type doc\n  relations\n    define viewer: [user] or viewer from parent`,
    /line 6: doc#viewer: "viewer from parent": .*no relation "parent"/,
  ],
  [
    'a tupleset that is not direct',
    `${head}type doc\n  relations\n    define up: [doc]\n    define parent: [doc] or up\n    define viewer: [user] or viewer from parent`,
    /line 8: doc#viewer: .*"parent" must take tuples directly/,
  ],
  [
    'a relation that no parent has',
    `${head}type doc\n  relations\n    define parent: [user]\n    define viewer: [user] or viewer from parent`,
    /line 7: doc#viewer: .*no type that "parent" takes has a relation "viewer"/,
  ],
  [
    'a relation of itself',
    `${head}type doc\n  relations\n    define viewer: viewer`,
    /line 6: doc#viewer: can never hold/,
  ],
  [
    'relations of each other',
    `${head}type doc\n  relations\n    define a: b\n    define b: a`,
    /line [67]: doc#[ab]: can never hold/,
  ],
  [
    'groups of groups only',
    `${head}type group\n  relations\n    define member: [group#member]`,
    /line 6: group#member: can never hold/,
  ],
  [
    'an intersection that never holds',
    `${head}type doc\n  relations\n    define a: [user] and a`,
    /line 6: doc#a: can never hold/,
  ],
  [
    'an unknown condition',
    `${head}type doc\n  relations\n    define viewer: [user with never]`,
    /line 6: doc#viewer: there is no condition "never"/,
  ],
  ['a type that is there twice', `${head}type user`, /user: the type is there twice/],
  [
    'a relation that is there twice',
    `${head}type doc\n  relations\n    define a: [user]\n    define a: [user]`,
    /line 7, column \d+: 'a' is already defined/,
  ],
  [
    'a condition that is no truth value',
    `${head}type doc\n  relations\n    define a: [user with c]\ncondition c(p: int) {\n  p + 1\n}`,
    /line 7: condition c: .*not a bool/,
  ],
  [
    'a condition over what is not declared',
    `${head}type doc\n  relations\n    define a: [user with c]\ncondition c(p: int) {\n  q > 1\n}`,
    /line 7: condition c: .*q/,
  ],
  [
    'a condition that is no CEL',
    `${head}type doc\n  relations\n    define a: [user with c]\ncondition c(p: int) {\n  p >\n}`,
    /line 7: condition c: /,
  ],
  ['a reserved name', `${head}type doc\n  relations\n    define this: [user]`, /reserved|line 6/],
  [
    'a name the parser would lose',
    `${head}type doc\n  relations\n    define __proto__: [user]`,
    /line 6: "__proto__" is no name/,
  ],
  [
    'a name every object has',
    `${head}type doc\n  relations\n    define constructor: [user]`,
    /line 6.*"constructor" is no name/,
  ],
  ['a model too long', `${head}${'# '.repeat(150_000)}`, /longer than/],
  [
    'parentheses without end',
    `${head}type doc\n  relations\n    define a: ${'('.repeat(5_000)}[user]`,
    /line 6: more than 50/,
  ],
];

describe('models that are refused', () => {
  for (const [what, dsl, message] of refused) {
    test(`${what} (PERM-1)`, async () => {
      const text = await refusal(() => parseModel(dsl));
      expect(text).toMatch(/^2000 EINVAL: model: /);
      expect(text).toMatch(message);
    });
  }

  const user = { type: 'user' };
  const docOf = (relations: unknown, metadata?: unknown): unknown => ({
    schema_version: '1.1',
    type_definitions: [user, { type: 'doc', relations, metadata: { relations: metadata ?? {} } }],
  });
  const direct = { viewer: { directly_related_user_types: [user] } };
  const deep = (depth: number): unknown =>
    depth === 0 ? { this: {} } : { union: { child: [deep(depth - 1)] } };
  const json: readonly (readonly [string, unknown, RegExp])[] = [
    ['no object', 'model', /"model" is no object/],
    ['null', null, /no object/],
    ['a list', [], /no object/],
    ['no schema', { type_definitions: [user] }, /schema must be 1\.1, not nothing/],
    ['types that are no list', { schema_version: '1.1', type_definitions: {} }, /its types: .* is no list/],
    ['no types', { schema_version: '1.1', type_definitions: [] }, /no types/],
    [
      'a type twice',
      { schema_version: '1.1', type_definitions: [user, user] },
      /user: the type is there twice/,
    ],
    ['a type without name', { schema_version: '1.1', type_definitions: [{}] }, /type: nothing is no name/],
    [
      'a name with a colon',
      { schema_version: '1.1', type_definitions: [{ type: 'a:b' }] },
      /"a:b" is no name/,
    ],
    [
      'a name of 64 KiB',
      { schema_version: '1.1', type_definitions: [{ type: 'a'.repeat(65_536) }] },
      /is no name/,
    ],
    ['an unknown rewrite', docOf({ viewer: { magic: {} } }), /doc#viewer: no rewrite is called "magic"/],
    [
      'two rewrites in one',
      docOf({ viewer: { this: {}, computedUserset: {} } }),
      /doc#viewer: must be exactly one/,
    ],
    ['an empty union', docOf({ viewer: { union: { child: [] } } }), /doc#viewer: an empty union/],
    [
      'half an exclusion',
      docOf({ viewer: { difference: { base: { this: {} } } } }, direct),
      /doc#viewer: nothing is no object/,
    ],
    ['rewrites without end', docOf({ viewer: deep(60) }, direct), /doc#viewer: nested more than 50/],
    ['tuples of no type', docOf({ viewer: { this: {} } }), /doc#viewer: .*does not say of which types/],
    [
      'types where no tuples go',
      docOf(
        { a: { this: {} }, viewer: { computedUserset: { relation: 'a' } } },
        { ...direct, a: direct.viewer },
      ),
      /doc#viewer: .*takes none/,
    ],
    [
      'a wildcard with a relation',
      docOf(
        { viewer: { this: {} } },
        { viewer: { directly_related_user_types: [{ type: 'user', relation: 'x', wildcard: {} }] } },
      ),
      /wildcard with a relation/,
    ],
    [
      'a parameter of no type',
      {
        schema_version: '1.1',
        type_definitions: [user],
        conditions: { c: { expression: 'p', parameters: { p: { type_name: 'TYPE_NAME_MAGIC' } } } },
      },
      /condition c: parameter "p" has no known type/,
    ],
  ];
  for (const [what, model, message] of json) {
    test(`JSON: ${what} (PERM-1)`, async () => {
      const text = await refusal(() => modelOfJson(model));
      expect(text).toMatch(/^2000 EINVAL: model: /);
      expect(text).toMatch(message);
    });
  }
});

describe('models that are read', () => {
  test('the same from text and from JSON (PERM-1)', () => {
    const dsl = `${head}type doc
  relations
    define parent: [doc]
    define owner: [user, user:*, doc#owner with c]
    define viewer: ([user] or owner or viewer from parent) but not (owner and blocked)
    define blocked: [user]
condition c(ip: ipaddress, names: list<string>) {
  ip.in_cidr("10.0.0.0/8") && size(names) > 0
}`;
    const relation = (name: string): unknown => ({ computedUserset: { relation: name } });
    const json = {
      schema_version: '1.1',
      type_definitions: [
        { type: 'user' },
        {
          type: 'doc',
          relations: {
            parent: { this: {} },
            owner: { this: {} },
            viewer: {
              difference: {
                base: {
                  union: {
                    child: [
                      { this: {} },
                      relation('owner'),
                      {
                        tupleToUserset: {
                          tupleset: { relation: 'parent' },
                          computedUserset: { relation: 'viewer' },
                        },
                      },
                    ],
                  },
                },
                subtract: { intersection: { child: [relation('owner'), relation('blocked')] } },
              },
            },
            blocked: { this: {} },
          },
          metadata: {
            relations: {
              parent: { directly_related_user_types: [{ type: 'doc' }] },
              owner: {
                directly_related_user_types: [
                  { type: 'user' },
                  { type: 'user', wildcard: {} },
                  { type: 'doc', relation: 'owner', condition: 'c' },
                ],
              },
              viewer: { directly_related_user_types: [{ type: 'user' }] },
              blocked: { directly_related_user_types: [{ type: 'user' }] },
            },
          },
        },
      ],
      conditions: {
        c: {
          name: 'c',
          expression: 'ip.in_cidr("10.0.0.0/8") && size(names) > 0',
          parameters: {
            ip: { type_name: 'TYPE_NAME_IPADDRESS' },
            names: { type_name: 'TYPE_NAME_LIST', generic_types: [{ type_name: 'TYPE_NAME_STRING' }] },
          },
        },
      },
    };
    expect(parseModel(dsl)).toEqual(modelOfJson(json));
  });

  test('a relation may have a name every object has, in JSON (PERM-1)', () => {
    const model = modelOfJson({
      schema_version: '1.1',
      type_definitions: [
        {
          type: 'user',
          relations: { constructor: { this: {} } },
          metadata: { relations: { constructor: { directly_related_user_types: [{ type: 'user' }] } } },
        },
      ],
    });
    expect([...(model.types.get('user') ?? [])].map(([name]) => name)).toEqual(['constructor']);
  });
});
