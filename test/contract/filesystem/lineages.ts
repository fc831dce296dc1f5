/** What permissions derive from: the directories of a node, its kind, who made it. */
import { expect } from 'vitest';
import { root, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from '../../../src/fs/types.ts';
import type { NodeId } from '../../../src/fs/types.ts';
import { RW } from './case.ts';
import type { Bench, Case } from './case.ts';

/** The directories in order. */
async function parents(t: Bench, node: NodeId): Promise<NodeId[] | undefined> {
  const lineage = await t.fs.lineage(node);
  return lineage && [...lineage.parents].sort((a, b) => a - b);
}

export const lineageCases: readonly Case[] = [
  {
    title: 'every new node knows its directory, its kind and who made it (PERM-9)',
    run: async (t) => {
      for (const mode of [S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO]) {
        const what = { mode: mode | 0o700, ...(mode === S_IFLNK ? { target: Buffer.from('t') } : {}) };
        const { node } = await t.fs.mknod(t.other, t.at(`x${String(mode)}`), what);
        const lineage = { parents: [t.dir], directory: mode === S_IFDIR, owner: t.other.subject };
        expect(await t.fs.lineage(node)).toEqual(lineage);
      }
      const { attr, handle } = await t.fs.create(t.other, t.at('f'), 0o600, RW);
      expect((await t.fs.lineage(attr.node))?.owner).toBe(t.other.subject);
      await t.close(handle);
    },
  },
  {
    title: 'the directories above lead to the root, which has none (PERM-9)',
    run: async (t) => {
      let at = (await t.mkdir('d')).node;
      for (let depth = 0; at !== root; depth++) {
        const above = await parents(t, at);
        expect(above).toHaveLength(1);
        expect((await t.stat(at)).parent).toBe(above?.[0]);
        at = above?.[0] ?? root;
        expect(depth).toBeLessThan(10);
      }
      expect(await t.fs.lineage(root)).toMatchObject({ parents: [], directory: true, owner: undefined });
    },
  },
  {
    title: 'a node that never was has no lineage (PERM-9)',
    run: async (t) => {
      expect(await t.fs.lineage(t.missing)).toBeUndefined();
    },
  },
  {
    title: 'who made it stays, whoever owns and changes it (PERM-9)',
    run: async (t) => {
      const { attr, handle } = await t.fs.create(t.other, t.at('f'), 0o666, RW);
      await handle.release(t.other);
      await t.fs.setattr(t.me, attr.node, { uid: 0, gid: 0 });
      await t.change(attr.node, 'mine');
      await t.fs.rename(t.me, t.at('f'), t.at('g'), 'replace');
      expect((await t.fs.lineage(attr.node))?.owner).toBe(t.other.subject);
    },
  },
  {
    title: 'a rename changes the directory, of files and of directories (PERM-9, PERM-10)',
    run: async (t) => {
      const to = (await t.mkdir('to')).node;
      const file = await t.put('f');
      const directory = (await t.mkdir('d')).node;
      await t.fs.rename(t.me, t.at('f'), t.at('f', to), 'noreplace');
      await t.fs.rename(t.me, t.at('d'), t.at('d', to), 'replace');
      expect([await parents(t, file), await parents(t, directory)]).toEqual([[to], [to]]);
      await t.fs.rename(t.me, t.at('d', to), t.at('d'), 'replace');
      await t.fs.rename(t.me, t.at('f', to), t.at('d'), 'exchange');
      expect([await parents(t, file), await parents(t, directory)]).toEqual([[t.dir], [to]]);
    },
  },
  {
    title: 'hard links: every directory once, until its last name there is gone (PERM-9, PERM-10)',
    run: async (t) => {
      const a = (await t.mkdir('a')).node;
      const b = (await t.mkdir('b')).node;
      const file = await t.put('f');
      await t.fs.link(t.me, file, t.at('g'));
      expect(await parents(t, file)).toEqual([t.dir]);
      await t.fs.link(t.me, file, t.at('f', b));
      await t.fs.link(t.me, file, t.at('f', a));
      await t.fs.link(t.me, file, t.at('g', a));
      expect(await parents(t, file)).toEqual([t.dir, a, b]);
      await t.fs.rename(t.me, t.at('f', b), t.at('h', a), 'replace');
      expect(await parents(t, file)).toEqual([t.dir, a]);
      await t.fs.unlink(t.me, t.at('f'));
      expect(await parents(t, file)).toEqual([t.dir, a]);
      await t.fs.unlink(t.me, t.at('g'));
      expect(await parents(t, file)).toEqual([a]);
    },
  },
  {
    title: 'what a rename replaces has one directory less (PERM-9, PERM-10)',
    run: async (t) => {
      const a = (await t.mkdir('a')).node;
      const file = await t.put('f');
      await t.fs.link(t.me, file, t.at('f', a));
      const other = await t.put('other');
      await t.fs.rename(t.me, t.at('other'), t.at('f', a), 'replace');
      expect([await parents(t, file), await parents(t, other)]).toEqual([[t.dir], [a]]);
    },
  },
  {
    title: 'after its last name an open file has no directory, and keeps who made it (PERM-9, PERM-10)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.fs.unlink(t.me, t.at('f'));
      expect(await t.fs.lineage(node)).toEqual({ parents: [], directory: false, owner: t.me.subject });
      await t.close(handle);
    },
  },
  {
    title: 'a name given again is another node, with its own maker (PERM-9, PERM-10)',
    run: async (t) => {
      const first = await t.put('f');
      await t.fs.unlink(t.me, t.at('f'));
      const { attr, handle } = await t.fs.create(t.other, t.at('f'), 0o600, RW);
      expect(attr.node).not.toBe(first);
      expect((await t.fs.lineage(attr.node))?.owner).toBe(t.other.subject);
      await handle.release(t.other);
    },
  },
  {
    title: 'a file without a name has no directory until it is linked (PERM-9)',
    needs: 'tmpfile',
    run: async (t) => {
      const to = (await t.mkdir('to')).node;
      const { attr, handle } = await t.fs.tmpfile(t.other, t.dir, 0o600, RW);
      const lineage = { parents: [], directory: false, owner: t.other.subject };
      expect(await t.fs.lineage(attr.node)).toEqual(lineage);
      await t.fs.link(t.me, attr.node, t.at('f', to));
      expect(await t.fs.lineage(attr.node)).toEqual({ ...lineage, parents: [to] });
      await t.close(handle);
    },
  },
];
