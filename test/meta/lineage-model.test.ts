/** Random runs: what the inodes say of their directories and owners is what a walk through the whole tree finds. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { S_IFDIR, S_IFMT, root } from '../../src/fs/types.ts';
import type { Namespace } from '../../src/meta/namespace.ts';
import { operations } from '../model/tree.ts';
import type { Operation } from '../model/tree.ts';
import { caller, codeOf, inode, openFixture, problems } from './fixture.ts';
import { apply, inodes } from './tree-adapter.ts';

interface Found {
  readonly parents: Set<number>;
  readonly directory: boolean;
}

/** Every inode of the tree with the directories that name it. */
async function walk(ns: Namespace): Promise<Map<number, Found>> {
  const found = new Map<number, Found>();
  const top = await inode(ns, root);
  const paths = await inodes(top, async (parent, after, limit) => ns.list(parent, after, limit));
  for (const [path, { ino, mode }] of paths) {
    const one = found.get(ino) ?? { parents: new Set<number>(), directory: (mode & S_IFMT) === S_IFDIR };
    found.set(ino, one);
    if (path === '/') continue;
    const above = paths.get(path.slice(0, path.lastIndexOf('/')) || '/');
    if (above !== undefined) one.parents.add(above.ino);
  }
  return found;
}

/** Many links and moves between few directories. */
const names = fc.constantFrom('/a/x', '/a/y', '/b/x', '/b/y', '/c/x', '/x', '/y');
const moves: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constant('link' as const), path: names, to: names }),
  fc.record({ op: fc.constant('link' as const), path: names, to: names }),
  fc.record({ op: fc.constant('create' as const), path: names, mode: fc.constant(0o644) }),
  fc.record({ op: fc.constant('unlink' as const), path: names }),
  fc.record({
    op: fc.constant('rename' as const),
    path: names,
    to: names,
    mode: fc.constantFrom('replace' as const, 'noreplace' as const, 'exchange' as const),
  }),
);
const start: readonly Operation[] = ['/a', '/b', '/c'].map((path) => ({ op: 'mkdir', path, mode: 0o755 }));

it.each([
  ['anything', fc.oneof(operations, moves), 80, 4],
  ['links and moves', moves, 120, 100],
])(
  'agrees with a walk through the tree after every operation: %s (PERM-9)',
  async (_, steps, most, cache) => {
    let spread = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: 10, maxLength: most }),
        fc.nat(1),
        async (run, seconds) => {
          const { ns, kv, clock } = await openFixture(undefined, cache);
          const owners = new Map<number, string | undefined>([[root, undefined]]);
          const agree = async (of: Namespace): Promise<void> => {
            const tree = await walk(of);
            for (const [ino, { parents, directory }] of tree) {
              if (parents.size > 1) spread++;
              const sorted = [...parents].sort((a, b) => a - b);
              expect(await of.lineage(ino)).toEqual({ parents: sorted, directory, owner: owners.get(ino) });
            }
          };
          for (const [i, operation] of [...start, ...run].entries()) {
            clock.tick(seconds);
            const by = { ...caller(0, 0), subject: `user:u${i % 5}` };
            await codeOf(() => apply(ns, operation, by));
            for (const ino of (await walk(ns)).keys()) if (!owners.has(ino)) owners.set(ino, by.subject);
            await agree(ns);
          }
          expect(await problems(ns)).toEqual([]);
          await agree((await openFixture(kv)).ns);
        },
      ),
      { numRuns: 40 },
    );
    expect(spread).toBeGreaterThan(0);
  },
);
