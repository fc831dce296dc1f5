/** Cycles end, and what was cut short by one is not taken for an answer. */
import { describe, expect, test } from 'vitest';
import { openEngine } from '../../../src/rebac/memory-engine.ts';

const x = 'user:x';

describe('cycles', () => {
  const gates = `
model
  schema 1.1
type user
type doc
  relations
    define third: [user]
    define other: [user]
    define z: [user]
    define n: [user, doc#a]
    define b: n and z
    define a: (b or third) and other
    define relation_after: a and n
    define gate_after: a and b`;
  const tuples = ['doc:1#n@doc:1#a', 'doc:1#third@user:x', 'doc:1#other@user:x', 'doc:1#z@user:x'];

  test('a relation found false inside a cycle is asked again outside it (PERM-1)', async () => {
    const engine = openEngine({ model: gates, tuples });
    expect(await engine.check({ user: x, relation: 'relation_after', object: 'doc:1' })).toBe(true);
  });

  test('an intersection found false inside a cycle is decided again outside it (PERM-1)', async () => {
    const engine = openEngine({ model: gates, tuples });
    expect(await engine.check({ user: x, relation: 'gate_after', object: 'doc:1' })).toBe(true);
  });

  test('groups in each other end, for members and for others (PERM-1)', async () => {
    const model = `
model
  schema 1.1
type user
type group
  relations
    define member: [user, group#member]
type doc
  relations
    define blocked: [group#member]
    define granted: [user]
    define viewer: granted but not blocked`;
    const names = Array.from({ length: 60 }, (_, at) => `g${at}`);
    const engine = openEngine({ model, tuples: ['doc:1#blocked@group:g0#member', 'doc:1#granted@user:x'] });
    engine.write(
      names.flatMap((a) => names.filter((b) => a !== b).map((b) => `group:${a}#member@group:${b}#member`)),
    );
    expect(await engine.check({ user: x, relation: 'member', object: 'group:g0' })).toBe(false);
    expect(await engine.check({ user: x, relation: 'viewer', object: 'doc:1' })).toBe(true);
    engine.write(['group:g59#member@user:x']);
    expect(await engine.check({ user: x, relation: 'member', object: 'group:g0' })).toBe(true);
    expect(await engine.check({ user: x, relation: 'viewer', object: 'doc:1' })).toBe(false);
  });

  test('who would have a relation only by not having it does not have it (PERM-1)', async () => {
    const model = `
model
  schema 1.1
type user
type doc
  relations
    define restricted: [user, doc#viewer]
    define viewer: [user] but not restricted`;
    const engine = openEngine({ model, tuples: ['doc:1#viewer@user:x', 'doc:1#restricted@doc:1#viewer'] });
    expect(await engine.check({ user: x, relation: 'viewer', object: 'doc:1' })).toBe(false);
    expect(await engine.check({ user: x, relation: 'restricted', object: 'doc:1' })).toBe(false);
    expect(await engine.listObjects({ user: x, relation: 'viewer', type: 'doc' })).toEqual([]);
  });

  test('directories that are their own ancestors (PERM-4)', async () => {
    const model = `
model
  schema 1.1
type user
type file
  relations
    define parent: [file]
    define blocked: [user] or blocked from parent
    define viewer: [user] or viewer from parent
    define can_read: viewer but not blocked`;
    const engine = openEngine({
      model,
      tuples: ['file:a#parent@file:b', 'file:b#parent@file:c', 'file:c#parent@file:a'],
    });
    expect(await engine.check({ user: x, relation: 'can_read', object: 'file:a' })).toBe(false);
    engine.write(['file:c#viewer@user:x']);
    expect(await engine.check({ user: x, relation: 'can_read', object: 'file:a' })).toBe(true);
    expect(await engine.listObjects({ user: x, relation: 'can_read', type: 'file' })).toEqual([
      'file:a',
      'file:b',
      'file:c',
    ]);
  });
});
