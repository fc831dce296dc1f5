/** Lists of objects and of users where the public cases end. */
import { describe, expect, test } from 'vitest';
import { defaultModel } from '../../../src/rebac/default-model.ts';
import { openEngine } from '../../../src/rebac/memory-engine.ts';
import { refusal } from './refusal.ts';

describe('lists', () => {
  test('everybody but those taken away: the wildcard, and nobody who lost it (PERM-8)', async () => {
    const engine = openEngine({
      model: defaultModel,
      tuples: [
        'file:1#viewer@user:*',
        'file:1#viewer@agent:a',
        'file:1#blocked@user:x',
        'file:1#editor@user:y',
      ],
    });
    const list = (filters: string[]): Promise<string[]> =>
      engine.listUsers({ object: 'file:1', relation: 'can_read', filters });
    expect(await list(['user'])).toEqual(['user:*', 'user:y']);
    expect(await list(['agent'])).toEqual(['agent:a']);
    expect(await list(['agent', 'user'])).toEqual(['agent:a', 'user:*', 'user:y']);
    expect(await engine.check({ object: 'file:1', relation: 'can_read', user: 'user:x' })).toBe(false);
  });

  test('usersets by type and relation, as an object too (PERM-8)', async () => {
    const engine = openEngine({
      model: defaultModel,
      tuples: ['file:1#viewer@group:g#member', 'group:g#member@group:h#member', 'group:h#member@user:x'],
    });
    const question = { object: 'file:1', relation: 'viewer' };
    expect(await engine.listUsers({ ...question, filters: ['group#member'] })).toEqual([
      'group:g#member',
      'group:h#member',
    ]);
    expect(await engine.listUsers({ ...question, filters: [{ type: 'user' }] })).toEqual(['user:x']);
    expect(
      await engine.listUsers({ ...question, filters: [{ type: 'group', relation: 'member' }] }),
    ).toHaveLength(2);
    expect(await engine.listUsers({ ...question, filters: ['group'] })).toEqual([]);
  });

  test('unknown types and relations are refused by their numbers (PERM-8)', async () => {
    const engine = openEngine({ model: defaultModel });
    const objects = { user: 'user:x', relation: 'viewer', type: 'file' };
    expect(await refusal(() => engine.listObjects({ ...objects, type: 'folder' }))).toMatch(
      /^2021 .*"folder"/,
    );
    expect(await refusal(() => engine.listObjects({ ...objects, relation: 'friend' }))).toMatch(
      /^2022 .*"friend"/,
    );
    expect(await refusal(() => engine.listObjects({ ...objects, user: 'robot:x' }))).toMatch(
      /^2000 .*"robot"/,
    );
    expect(
      await refusal(() => engine.listObjects({ ...objects, contextualTuples: ['file:1#friend@user:x'] })),
    ).toMatch(/^2027 /);
    const users = { object: 'file:1', relation: 'viewer', filters: ['user'] };
    expect(await refusal(() => engine.listUsers({ ...users, object: 'folder:1' }))).toMatch(
      /^2021 .*"folder"/,
    );
    expect(await refusal(() => engine.listUsers({ ...users, relation: 'friend' }))).toMatch(
      /^2022 .*"friend"/,
    );
    expect(await refusal(() => engine.listUsers({ ...users, filters: ['robot'] }))).toMatch(
      /^2021 .*"robot"/,
    );
    expect(await refusal(() => engine.listUsers({ ...users, filters: ['group#friend'] }))).toMatch(
      /^2022 .*"friend"/,
    );
    const check = { user: 'user:x', relation: 'viewer', object: 'file:1' };
    expect(await refusal(() => engine.check({ ...check, object: 'folder:1' }))).toMatch(/^2000 .*"folder"/);
    expect(await refusal(() => engine.check({ ...check, relation: 'friend' }))).toMatch(/^2000 .*"friend"/);
    expect(await refusal(() => engine.check({ ...check, contextualTuples: ['nonsense'] }))).toMatch(
      /^2027 .*"nonsense"/,
    );
  });

  test('a list with something that cannot be decided is an error, not a list with a hole (PERM-8)', async () => {
    const model = `
model
  schema 1.1
type user
type doc
  relations
    define viewer: [user, user with c]
condition c(p: bool) {
  p
}`;
    const engine = openEngine({ model, tuples: ['doc:1#viewer@user:x'] });
    engine.write([{ object: 'doc:2', relation: 'viewer', user: 'user:x', condition: { name: 'c' } }]);
    const objects = { user: 'user:x', relation: 'viewer', type: 'doc' };
    expect(await refusal(() => engine.listObjects(objects))).toMatch(/^2000 .*"p" is missing/);
    expect(await engine.listObjects({ ...objects, context: { p: true } })).toEqual(['doc:1', 'doc:2']);
    expect(await engine.listObjects({ ...objects, context: { p: false } })).toEqual(['doc:1']);
    const users = { object: 'doc:2', relation: 'viewer', filters: ['user'] };
    expect(await refusal(() => engine.listUsers(users))).toMatch(/^2000 /);
    expect(await engine.listUsers({ ...users, context: { p: true } })).toEqual(['user:x']);
  });

  test('what a subject sees in a tree of 20,000 files (PERM-8)', async () => {
    const tuples = Array.from(
      { length: 20_000 },
      (_, at) => `file:${at + 1}#parent@file:${Math.floor(at / 10)}`,
    );
    const engine = openEngine({
      model: defaultModel,
      tuples: [...tuples, 'file:3#viewer@user:x', 'file:35#blocked@user:x'],
    });
    const listed = await engine.listObjects({ user: 'user:x', relation: 'can_read', type: 'file' });
    expect(listed).toContain('file:31');
    expect(listed).toContain('file:311');
    expect(listed).not.toContain('file:35');
    expect(listed).not.toContain('file:351');
    expect(listed).not.toContain('file:4');
  });
});
