/** Masks against the engine on random models, trees, groups, tuples and edits; what is kept against what is built anew. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Access } from '../../src/access/access.ts';
import { DerivedTuples, StoredTuples } from '../../src/access/derived-tuples.ts';
import type { Permission } from '../../src/access/types.ts';
import { defaultModel } from '../../src/rebac/default-model.ts';
import { Engine } from '../../src/rebac/engine.ts';
import { parseModel } from '../../src/rebac/model.ts';
import { parseSubject } from '../../src/rebac/refs.ts';
import { stackReaders } from '../../src/rebac/stack-readers.ts';
import { editsOf, models, nodes, shippedTuples, tuples } from './random-models.ts';
import type { Edit, RandomTuple } from './random-models.ts';
import { caller, tuple, World } from './world.ts';

const permissions = ['read', 'write', 'own'] as const;
const subjects = ['user:ada', 'user:bob', 'agent:bot', 'agent:low'] as const;
const runs = Number(process.env['NEXUS_RUNS'] ?? 300);

function stored({ text, condition }: RandomTuple): ReturnType<typeof tuple> {
  return condition === undefined
    ? tuple(text)
    : { ...tuple(text), condition: { name: 'small', context: { x: condition } } };
}

async function open(model: string, first: readonly RandomTuple[], below: readonly number[]): Promise<World> {
  const w = await World.open(model === defaultModel ? {} : { model });
  await w.users('ada', 'bob');
  await w.registry.registerAgent('default', 'bot', { user: 'ada' });
  await w.registry.registerAgent('default', 'low', { user: 'bob', ceiling: 'viewer' });
  for (const node of nodes.slice(1)) {
    const parent = ((below[node - 2] ?? 0) % Math.min(node - 1, 4)) + 1;
    const owner = (below[node] ?? 0) % 4 === 0 ? { owner: 'user:ada' } : {};
    w.tree.add(node, [parent], { directory: node <= 4, ...owner });
  }
  const store = await w.store();
  for (const each of first) await store.write({ writes: [stored(each)] });
  return w;
}

function isAbove(w: World, node: number, other: number): boolean {
  return node === other || (w.tree.nodes.get(other)?.parents ?? []).some((each) => isAbove(w, node, each));
}

async function apply(w: World, edit: Edit): Promise<void> {
  const store = await w.store();
  switch (edit.kind) {
    case 'write':
      await store.write({ writes: [stored(edit.tuple)] });
      return;
    case 'delete':
      await store.write({ deletes: [tuple(edit.tuple.text)] });
      return;
    case 'ask':
      for (const subject of subjects) for (const node of nodes) await w.rights(subject, node);
      return;
    case 'move':
    case 'link': {
      const found = w.tree.nodes.get(edit.node);
      if (!found || edit.node === 1 || edit.to > 4 || isAbove(w, edit.node, edit.to)) return;
      const [from] = found.parents;
      if (edit.kind === 'move') found.parents = [edit.to];
      else if (!found.directory) found.parents = [...new Set([...found.parents, edit.to])];
      await w.access.moved(edit.node, edit.kind === 'move' ? from : undefined);
    }
  }
}

function engineOf(w: World, model: string, store: Awaited<ReturnType<World['store']>>): Engine {
  const derived = new DerivedTuples({
    tree: w.tree,
    zone: 'default',
    within: () => true,
    entities: w.registry,
  });
  return new Engine(parseModel(model), stackReaders(derived, new StoredTuples(store, { wildcards: true })));
}

async function answer(
  engine: Engine,
  subject: string,
  permission: (typeof permissions)[number],
  node: number,
): Promise<boolean> {
  const object = { type: 'file', id: String(node) };
  try {
    return await engine.check({ object, relation: `can_${permission}`, subject: parseSubject(subject) });
  } catch {
    return false;
  }
}

async function anew(w: World): Promise<Access> {
  return Access.open({
    tree: w.tree,
    root: 1,
    zones: { store: () => w.store() },
    registry: w.registry,
    admins: () => false,
    zoneOf: () => 'default',
  });
}

async function table(access: Access): Promise<string> {
  const all: Permission[] = ['see', ...permissions];
  let text = '';
  for (const subject of subjects) {
    for (const node of nodes) {
      for (const permission of all)
        text += (await access.allows(caller(subject), permission, node)) ? permission.charAt(0) : '-';
      text += ' ';
    }
    text += '\n';
  }
  return text;
}

const below = fc.array(fc.nat(20), { minLength: 8, maxLength: 8 });
const random = [models, fc.array(tuples, { maxLength: 24 }), below, editsOf(tuples)] as const;
const shipped = [fc.array(shippedTuples, { maxLength: 12 }), below, editsOf(shippedTuples)] as const;

describe('masks', () => {
  test('agree with the engine on random models after random edits (PERM-1)', {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(...random, async (model, first, below, changes) => {
        await using w = await open(model, first, below);
        for (const edit of changes) await apply(w, edit);
        const engine = engineOf(w, model, await w.store());
        for (const subject of ['user:ada', 'user:bob']) {
          for (const node of nodes) {
            for (const permission of permissions) {
              const expected = await answer(engine, subject, permission, node);
              const got = await w.access.allows(caller(subject), permission, node);
              expect([subject, permission, node, got]).toEqual([subject, permission, node, expected]);
            }
          }
        }
      }),
      { numRuns: runs },
    );
  });

  test('kept through edits are as built anew, on random models (PERM-5)', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(...random, async (model, first, below, changes) => {
        await using w = await open(model, first, below);
        for (const edit of changes) await apply(w, edit);
        using fresh = await anew(w);
        expect(await table(w.access)).toBe(await table(fresh));
      }),
      { numRuns: runs },
    );
  });

  test('kept through edits are as built anew, on the model that is shipped (PERM-5)', {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(...shipped, async (first, below, changes) => {
        await using w = await open(defaultModel, first, below);
        for (const edit of changes) await apply(w, edit);
        using fresh = await anew(w);
        expect(await table(w.access)).toBe(await table(fresh));
      }),
      { numRuns: runs },
    );
  });

  test('kept while questions and edits overlap are as built anew (PERM-5)', {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(...shipped, fc.nat(3), async (first, below, changes, slow) => {
        await using w = await open(defaultModel, first, below);
        w.tree.slow = (node) => node % 4 < slow;
        const running: Promise<void>[] = [];
        for (const edit of changes) {
          running.push(apply(w, edit));
          if (edit.kind === 'ask') await new Promise((resolve) => setImmediate(resolve));
        }
        await Promise.all(running);
        using fresh = await anew(w);
        expect(await table(w.access)).toBe(await table(fresh));
      }),
      { numRuns: runs },
    );
  });
});

describe('agents', () => {
  test('have their own rights, and those of their user below the ceiling where they are not blocked (PERM-6)', {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(...shipped, async (first, below, changes) => {
        await using w = await open(defaultModel, first, below);
        for (const edit of changes) await apply(w, edit);
        const engine = engineOf(w, defaultModel, await w.store());
        for (const [agent, user, most] of [
          ['agent:bot', 'user:ada', 'own'],
          ['agent:low', 'user:bob', 'read'],
        ] as const) {
          for (const node of nodes) {
            const object = { type: 'file', id: String(node) };
            const blocked = await engine.check({ object, relation: 'blocked', subject: parseSubject(agent) });
            for (const permission of permissions) {
              const lent = most === 'own' || permission === 'read';
              const expected =
                (await answer(engine, agent, permission, node)) ||
                (lent && !blocked && (await answer(engine, user, permission, node)));
              expect([agent, permission, node, await w.may(agent, permission, node)]).toEqual([
                agent,
                permission,
                node,
                expected,
              ]);
            }
          }
        }
      }),
      { numRuns: runs },
    );
  });
});

describe('sight', () => {
  test('is what leads to something granted that is not taken away (PERM-4)', {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(...shipped, async (first, below, changes) => {
        await using w = await open(defaultModel, first, below);
        for (const edit of changes) await apply(w, edit);
        const store = await w.store();
        const engine = engineOf(w, defaultModel, store);
        const subject = parseSubject('user:ada');
        const granted: number[] = [];
        for (const { object, relation, subject: given } of await store.ofType('file')) {
          if (!['viewer', 'editor', 'owner'].includes(relation)) continue;
          const fits = given.relation
            ? await engine.check({ object: given, relation: given.relation, subject })
            : given.type === 'user' && (given.id === 'ada' || (given.id === '*' && relation === 'viewer'));
          if (fits && (await answer(engine, 'user:ada', 'read', Number(object.id))))
            granted.push(Number(object.id));
        }
        for (const node of nodes) {
          const expected =
            node === 1 ||
            (await answer(engine, 'user:ada', 'read', node)) ||
            granted.some((each) => isAbove(w, node, each));
          expect([node, await w.may('user:ada', 'see', node)]).toEqual([node, expected]);
        }
      }),
      { numRuns: runs },
    );
  });
});
