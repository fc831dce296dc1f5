/** What the shipped model gives, and the other names of its relations. */
import { describe, expect, test } from 'vitest';
import { relationNamed } from '../../../src/rebac/aliases.ts';
import { defaultModel } from '../../../src/rebac/default-model.ts';
import { openEngine } from '../../../src/rebac/memory-engine.ts';
import { parseModel } from '../../../src/rebac/model.ts';

const rights = ['can_read', 'can_write', 'can_execute', 'can_own'];

async function rightsOf(tuples: readonly string[], user: string, object = 'file:leaf'): Promise<string[]> {
  const tree = ['file:leaf#parent@file:dir', 'file:dir#parent@file:top', 'file:top#zone@zone:z'];
  const engine = openEngine({ model: defaultModel, tuples: [...tree, ...tuples] });
  const answers = await Promise.all(rights.map((relation) => engine.check({ user, relation, object })));
  return rights.filter((_, at) => answers[at]);
}

describe('the default model', () => {
  const cases: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
    ['nobody', 'user:x', [], []],
    ['a viewer', 'user:x', ['file:leaf#viewer@user:x'], ['can_read']],
    ['an editor', 'user:x', ['file:leaf#editor@user:x'], ['can_read', 'can_write']],
    ['an owner', 'user:x', ['file:leaf#owner@user:x'], rights],
    ['a viewer from above', 'user:x', ['file:top#viewer@user:x'], ['can_read']],
    ['an owner from above', 'agent:a', ['file:top#owner@agent:a'], rights],
    [
      'a viewer below the question',
      'user:x',
      ['file:below#viewer@user:x', 'file:below#parent@file:leaf'],
      [],
    ],
    ['everybody', 'agent:a', ['file:dir#viewer@agent:*'], ['can_read']],
    ['everybody of another type', 'agent:a', ['file:dir#viewer@user:*'], []],
    [
      'a member of a group',
      'user:x',
      ['file:dir#editor@group:g#member', 'group:g#member@user:x'],
      ['can_read', 'can_write'],
    ],
    [
      'an admin of a group',
      'user:x',
      ['file:dir#viewer@group:g#member', 'group:g#admin@user:x'],
      ['can_read'],
    ],
    ['an admin of the zone', 'user:x', ['zone:z#admin@user:x'], rights],
    ['a member of the zone', 'user:x', ['zone:z#member@user:x'], []],
    ['an admin of another zone', 'user:x', ['zone:y#admin@user:x'], []],
    ['a blocked owner', 'user:x', ['file:leaf#owner@user:x', 'file:top#blocked@user:x'], []],
    [
      'a blocked group',
      'user:x',
      ['file:leaf#owner@user:x', 'file:leaf#blocked@group:g#member', 'group:g#member@user:x'],
      [],
    ],
    ['everybody blocked', 'user:x', ['file:leaf#owner@user:x', 'file:leaf#blocked@user:*'], []],
    ['a block below', 'user:x', ['file:top#viewer@user:x', 'file:other#blocked@user:x'], ['can_read']],
    ['an owner of an agent', 'user:x', ['agent:a#owner@user:x', 'file:leaf#viewer@agent:a'], []],
  ];
  for (const [who, user, tuples, expected] of cases) {
    test(`${who} (PERM-1, PERM-4)`, async () => {
      expect(await rightsOf(tuples, user)).toEqual(expected);
      const memories = tuples.map((text) => text.replaceAll('file:', 'memory:'));
      const tree = [
        'memory:leaf#parent@memory:dir',
        'memory:dir#parent@memory:top',
        'memory:top#zone@zone:z',
      ];
      expect(await rightsOf([...tree, ...memories], user, 'memory:leaf')).toEqual(expected);
    });
  }
});

describe('aliases', () => {
  const model = parseModel(defaultModel);

  test('mean the relations of the shipped model (PERM-11)', () => {
    const pairs = [
      ['file', 'reader', 'viewer'],
      ['file', 'writer', 'editor'],
      ['memory', 'read', 'can_read'],
      ['memory', 'write', 'can_write'],
      ['file', 'execute', 'can_execute'],
      ['group', 'member-of', 'member'],
      ['file', 'viewer', 'viewer'],
      ['zone', 'member-of', 'member'],
    ] as const;
    for (const [type, name, relation] of pairs) expect(relationNamed(model, type, name), name).toBe(relation);
  });

  test('are nothing where their relation is not, or where the model has the name itself (PERM-11)', () => {
    expect(relationNamed(model, 'group', 'reader')).toBeUndefined();
    expect(relationNamed(model, 'nothing', 'reader')).toBeUndefined();
    expect(relationNamed(model, 'file', 'constructor')).toBeUndefined();
    const own = parseModel(
      'model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n    define reader: [user]',
    );
    expect(relationNamed(own, 'doc', 'reader')).toBe('reader');
  });
});
