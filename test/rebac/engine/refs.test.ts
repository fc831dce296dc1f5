/** Ids as text, and what no id may be. */
import { describe, expect, test } from 'vitest';
import { defaultModel } from '../../../src/rebac/default-model.ts';
import { Engine } from '../../../src/rebac/engine.ts';
import { admit } from '../../../src/rebac/admit.ts';
import { MemoryTuples } from '../../../src/rebac/memory-tuples.ts';
import { openEngine } from '../../../src/rebac/memory-engine.ts';
import { parseModel } from '../../../src/rebac/model.ts';
import { formatSubject, parseObject, parseSubject } from '../../../src/rebac/refs.ts';
import { refusal } from './refusal.ts';

const model = parseModel(defaultModel);

describe('references', () => {
  test('objects and subjects keep their bytes (PERM-1)', () => {
    expect(parseObject('file:12')).toEqual({ type: 'file', id: '12' });
    expect(parseSubject('group:eng#member')).toEqual({ type: 'group', id: 'eng', relation: 'member' });
    expect(parseSubject('user:*')).toEqual({ type: 'user', id: '*' });
    for (const text of [
      'user:Zoé',
      'user:Zoe\u0301',
      'user:ZONE/ada',
      'user:a@b.c',
      'group:x#member',
      'user:A',
      'user:a',
      'user:💾',
    ]) {
      expect(formatSubject(parseSubject(text))).toBe(text);
    }
  });

  test('ids that differ in a case or a normal form are different (PERM-1)', async () => {
    const engine = openEngine({ model: defaultModel, tuples: ['file:a#viewer@user:Zoé'] });
    for (const [object, user, expected] of [
      ['file:a', 'user:Zoé', true],
      ['file:A', 'user:Zoé', false],
      ['file:a', 'user:zoé', false],
      ['file:a', 'user:Zoe\u0301', false],
    ] as const) {
      expect(await engine.check({ object, relation: 'viewer', user })).toBe(expected);
    }
  });

  const bad: readonly (readonly [string, string])[] = [
    ['a colon', 'a:b'],
    ['a hash', 'a#b'],
    ['a blank', 'a b'],
    ['a newline', 'a\nb'],
    ['a zero byte', 'a\0b'],
    ['an escape', 'a\x1bb'],
    ['64 KiB', 'a'.repeat(65_536)],
    ['nothing', ''],
    ['half a character', 'a\ud800b'],
    ['too many bytes in few characters', '💾'.repeat(300)],
  ];
  for (const [what, id] of bad) {
    test(`an id with ${what} is refused wherever it comes (PERM-1)`, async () => {
      const message = /^2000 EINVAL: .*(contains|longer|empty|relation|characters?)/;
      expect(await refusal(() => parseObject(`file:${id}`))).toMatch(message);
      if (what !== 'a hash') expect(await refusal(() => parseSubject(`user:${id}`))).toMatch(message);
      const [file, user] = [
        { type: 'file', id },
        { type: 'user', id },
      ];
      const fine = {
        object: { type: 'file', id: '1' },
        relation: 'viewer',
        subject: { type: 'user', id: 'x' },
      };
      expect(await refusal(() => admit(model, { ...fine, object: file }))).toMatch(message);
      expect(await refusal(() => admit(model, { ...fine, subject: user }))).toMatch(message);
      const engine = new Engine(model, new MemoryTuples());
      expect(await refusal(() => engine.check({ ...fine, object: file }))).toMatch(message);
      expect(await refusal(() => engine.check({ ...fine, subject: user }))).toMatch(message);
      expect(
        await refusal(() => engine.check({ ...fine, contextualTuples: [{ ...fine, subject: user }] })),
      ).toMatch(/^2027 /);
      const long = (await refusal(() => engine.check({ ...fine, object: file }))).length;
      expect(long, 'a message is for people').toBeLessThan(300);
    });
  }

  test('what is no reference at all is refused (PERM-1)', async () => {
    for (const text of ['', 'file', ':1', 'fi le:1', 'file:*'])
      expect(await refusal(() => parseObject(text))).toMatch(/^2000 /);
    for (const text of ['user', 'user:x#', 'user:*#member', 'group#member:x', 'user:x#a#b', 'user:x#a b']) {
      expect(await refusal(() => parseSubject(text))).toMatch(/^2000 /);
    }
  });
});

describe('tuples a model does not allow', () => {
  const viewer = {
    object: { type: 'file', id: '1' },
    relation: 'viewer',
    subject: { type: 'user', id: 'x' },
  };

  test('are refused with the number of what is wrong (PERM-1)', async () => {
    expect(() => admit(model, viewer)).not.toThrow();
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ object: { type: 'folder', id: '1' } }, /^2021 .*"folder"/],
      [{ relation: 'friend' }, /^2022 .*file has no relation "friend"/],
      [{ subject: { type: 'robot', id: 'x' } }, /^2021 .*"robot"/],
      [{ subject: { type: 'group', id: 'g', relation: 'friend' } }, /^2022 .*group has no relation "friend"/],
      [
        { subject: { type: 'group', id: 'g' } },
        /^2000 .*file#viewer takes user, .*group#member, not "group:g"/,
      ],
      [{ relation: 'can_read' }, /^2000 .*nothing can be written to file#can_read/],
      [{ relation: 'editor', subject: { type: 'user', id: '*' } }, /^2000 .*not "user:\*"/],
      [{ condition: { name: 'c', context: {} } }, /^2000 .*with c/],
      [{ expires: Number.NaN }, /^2000 .*expires/],
    ];
    for (const [change, message] of cases)
      expect(await refusal(() => admit(model, { ...viewer, ...change }))).toMatch(message);
  });

  test('a batch with one of them is not written at all (PERM-1)', async () => {
    const engine = openEngine({ model: defaultModel });
    expect(await refusal(() => engine.write(['file:1#viewer@user:x', 'file:1#friend@user:x']))).toMatch(
      /^2022 /,
    );
    expect(await engine.check({ object: 'file:1', relation: 'viewer', user: 'user:x' })).toBe(false);
  });
});
