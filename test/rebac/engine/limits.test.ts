/** What takes too much is refused with 2002, and directories in directories are not too much. */
import { describe, expect, test } from 'vitest';
import { defaultModel } from '../../../src/rebac/default-model.ts';
import { openEngine } from '../../../src/rebac/memory-engine.ts';
import { refusal } from './refusal.ts';

const user = 'user:x';
const groups = `
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
    define blocked: [user]
    define active: member but not blocked`;

function chain(length: number): string[] {
  return Array.from({ length }, (_, at) => `group:${at}#member@group:${at + 1}#member`);
}

describe('limits', () => {
  test('25 groups deep is answered, 26 are refused whether or not the subject is there (PERM-8)', async () => {
    const near = openEngine({ model: groups, tuples: [...chain(25), 'group:25#member@user:x'] });
    expect(await near.check({ user, relation: 'member', object: 'group:0' })).toBe(true);
    expect(await near.check({ user: 'user:y', relation: 'member', object: 'group:0' })).toBe(false);
    const far = openEngine({ model: groups, tuples: [...chain(26), 'group:26#member@user:x'] });
    for (const asked of [user, 'user:y']) {
      const text = await refusal(() => far.check({ user: asked, relation: 'member', object: 'group:0' }));
      expect(text).toMatch(/^2002 .*too complex.*group:26#member.*25 steps/);
    }
    expect(
      await refusal(() => far.listUsers({ object: 'group:0', relation: 'member', filters: ['user'] })),
    ).toMatch(/^2002 /);
  });

  test('a grant that is near answers though another way is too far (PERM-8)', async () => {
    const engine = openEngine({ model: groups, tuples: [...chain(40), 'group:1#member@user:x'] });
    expect(await engine.check({ user, relation: 'member', object: 'group:0' })).toBe(true);
    expect(await engine.check({ user, relation: 'active', object: 'group:0' })).toBe(true);
  });

  test('directories may be 5,000 deep (PERM-4)', async () => {
    const depth = 5_000;
    const parents = Array.from({ length: depth }, (_, at) => `file:${at + 1}#parent@file:${at}`);
    const engine = openEngine({ model: defaultModel, tuples: [...parents, 'file:0#owner@user:x'] });
    expect(await engine.check({ user, relation: 'can_read', object: `file:${depth}` })).toBe(true);
    expect(await engine.check({ user: 'user:y', relation: 'can_read', object: `file:${depth}` })).toBe(false);
    engine.write([`file:1#blocked@user:x`]);
    expect(await engine.check({ user, relation: 'can_read', object: `file:${depth}` })).toBe(false);
  });

  test('exclusions handed down a very long chain are refused, not a crash (PERM-8)', async () => {
    const model = `
model
  schema 1.1
type user
type file
  relations
    define parent: [file]
    define blocked: [user]
    define viewer: ([user] or viewer from parent) but not blocked`;
    const parents = Array.from({ length: 2_000 }, (_, at) => `file:${at + 1}#parent@file:${at}`);
    const engine = openEngine({ model, tuples: [...parents, 'file:0#viewer@user:x'] });
    expect(await engine.check({ user, relation: 'viewer', object: 'file:300' })).toBe(true);
    const text = await refusal(() => engine.check({ user, relation: 'viewer', object: 'file:2000' }));
    expect(text).toMatch(/^2002 .*nests more than 400/);
  });

  test('a group of very many groups is refused, one of very many users is not (PERM-8)', async () => {
    const many = Array.from({ length: 100_001 }, (_, at) => at);
    const wide = openEngine({
      model: groups,
      tuples: many.map((at) => `group:0#member@group:g${at}#member`),
    });
    const text = await refusal(() => wide.check({ user, relation: 'member', object: 'group:0' }));
    expect(text).toMatch(/^2002 .*more than 100000 steps/);
    const full = openEngine({ model: groups, tuples: many.map((at) => `group:0#member@user:u${at}`) });
    expect(await full.check({ user: 'user:u7', relation: 'member', object: 'group:0' })).toBe(true);
    expect(await full.check({ user, relation: 'member', object: 'group:0' })).toBe(false);
  });

  test('every way through layers of groups is not walked (PERM-8)', async () => {
    const engine = openEngine({ model: groups });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (let layer = 0; layer < 24; layer++) {
      for (const a of names) {
        engine.write(names.map((b) => `group:${a}${layer}#member@group:${b}${layer + 1}#member`));
      }
    }
    expect(await engine.check({ user, relation: 'active', object: 'group:a0' })).toBe(false);
  });

  test('more than 100 contextual tuples are refused (PERM-8)', async () => {
    const engine = openEngine({ model: groups });
    const contextualTuples = Array.from({ length: 101 }, (_, at) => `group:0#member@user:u${at}`);
    const ask = (count: number): Promise<boolean> =>
      engine.check({
        user: 'user:u3',
        relation: 'member',
        object: 'group:0',
        contextualTuples: contextualTuples.slice(0, count),
      });
    expect(await ask(100)).toBe(true);
    expect(await refusal(() => ask(101))).toMatch(/^2000 .*at most 100/);
  });
});
