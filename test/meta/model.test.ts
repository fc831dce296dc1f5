/** Random runs against the reference tree, and what the past says of them. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { S_IFDIR, S_IFMT, S_IFREG, root } from '../../src/fs/types.ts';
import { Namespace } from '../../src/meta/namespace.ts';
import type { Inode } from '../../src/meta/types.ts';
import { Tree, operations } from '../model/tree.ts';
import { codeOf, inode, openFixture, problems, rootCaller } from './fixture.ts';
import { apply, inodes, stateOf } from './tree-adapter.ts';

it('does what Linux does, operation by operation (FS-2, FS-3)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(operations, { minLength: 5, maxLength: 80 }),
      fc.nat(2),
      async (run, seconds) => {
        const { ns, clock, kv } = await openFixture(undefined, 4);
        const tree = new Tree();
        const own = await inode(ns, root);
        await ns.change(rootCaller, own.ino, { uid: 0, gid: 0 });
        for (const operation of run) {
          clock.tick(seconds);
          const expected = tree.run(operation) ?? 'ok';
          expect(await codeOf(() => apply(ns, operation)), JSON.stringify(operation)).toBe(expected);
        }
        expect(await stateOf(ns)).toEqual(tree.state());
        expect(await problems(ns)).toEqual([]);
        const again = await Namespace.open({ kv, now: () => clock.time });
        expect(await stateOf(again)).toEqual(tree.state());
        expect(again.counts().inodes).toBe(ns.counts().inodes);
      },
    ),
    { numRuns: 300 },
  );
});

it('keeps the tree as of every revision (VER-1)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operations, { minLength: 20, maxLength: 60 }), async (run) => {
      const { ns, clock } = await openFixture();
      const kept: { readonly revision: number; readonly sec: number; readonly tree: Map<string, Inode> }[] =
        [];
      const first = new Map([['/', await inode(ns, root)]]);
      kept.push({ revision: ns.counts().revision, sec: clock.time.sec, tree: first });
      for (const operation of run) {
        clock.tick();
        await codeOf(() => apply(ns, operation));
        const { revision } = ns.counts();
        const tree = await inodes(await inode(ns, root), async (parent, after, limit) =>
          ns.list(parent, after, limit),
        );
        if (revision !== kept.at(-1)?.revision) kept.push({ revision, sec: clock.time.sec, tree });
      }
      for (const { revision, sec, tree } of kept) {
        const top = await ns.inodeAt(root, revision);
        expect(
          await inodes(top!, async (parent, after, limit) => ns.listAt(parent, revision, after, limit)),
        ).toEqual(tree);
        expect(await ns.secondOf(revision)).toBe(sec);
        expect(await ns.revisionAt({ sec, nsec: 0 })).toBe(revision);
        for (const [path, of] of tree) {
          if (path.lastIndexOf('/') !== 0 || path === '/') continue;
          expect(await ns.lookupAt(root, path.slice(1) as never, revision)).toEqual(of);
        }
      }
    }),
    { numRuns: 60 },
  );
});

it('keeps names and versions as of every revision even within one second (VER-1)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operations, { minLength: 20, maxLength: 60 }), async (run) => {
      const { ns } = await openFixture();
      const kept: { readonly revision: number; readonly tree: Map<string, string> }[] = [];
      const show = ({ ino, mode, parent, version, content }: Inode): string => {
        if ((mode & S_IFMT) === S_IFREG && version === 0) return `${ino} new`;
        // Where a file was is known to the second; what names it is in the entries.
        const above = (mode & S_IFMT) === S_IFDIR ? parent : 'some directory';
        return `${ino} in ${above}: ${Buffer.from(content).toString('hex')}`;
      };
      const shown = (tree: Map<string, Inode>): Map<string, string> =>
        new Map([...tree].map(([path, of]) => [path, show(of)]));
      for (const operation of run) {
        await codeOf(() => apply(ns, operation));
        const { revision } = ns.counts();
        const tree = shown(
          await inodes(await inode(ns, root), async (parent, after, limit) => ns.list(parent, after, limit)),
        );
        kept.push({ revision, tree });
      }
      for (const { revision, tree } of kept) {
        const top = await ns.inodeAt(root, revision);
        const past = shown(
          await inodes(top!, async (parent, after, limit) => ns.listAt(parent, revision, after, limit)),
        );
        // A file shows its first version from its first revision on, if it was committed within the same second.
        const comparable = new Map([...tree].filter(([, value]) => !value.endsWith('new')));
        expect([...past.keys()].sort()).toEqual([...tree.keys()].sort());
        for (const [path, value] of comparable) expect(past.get(path)).toBe(value);
      }
    }),
    { numRuns: 40 },
  );
});
