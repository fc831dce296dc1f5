/** Who made an inode. */
import { describe, expect, it } from 'vitest';
import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, root } from '../../src/fs/types.ts';
import type { Lineage } from '../../src/fs/types.ts';
import { at, bytes, caller, closed, openFixture, problems, rootCaller } from './fixture.ts';

const alice = { ...caller(1, 1), subject: 'user:alice' };
const builder = { ...caller(2, 2), subject: 'agent:builder' };

describe('who made it', () => {
  it('is the subject of the caller, whatever is made (PERM-9)', async () => {
    const { ns } = await openFixture();
    for (const mode of [S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO]) {
      const what = mode === S_IFLNK ? { mode, target: bytes('t') } : { mode };
      const { ino } = await ns.make(alice, at(root, `x${mode}`), what);
      expect(await ns.lineage(ino)).toEqual({
        parents: [root],
        directory: mode === S_IFDIR,
        owner: 'user:alice',
      } satisfies Lineage);
    }
    const { ino } = await ns.makeNameless(builder, root, 0o600);
    expect(await ns.lineage(ino)).toEqual({ parents: [], directory: false, owner: 'agent:builder' });
  });

  it('is nobody for the root (PERM-9)', async () => {
    const { ns } = await openFixture();
    expect(await ns.lineage(root)).toEqual({ parents: [], directory: true, owner: undefined });
  });

  it('stays through chown, writing, renaming and linking by others (PERM-9)', async () => {
    const { ns, clock } = await openFixture();
    const { ino } = await ns.make(alice, at(root, 'f'), { mode: S_IFREG });
    await ns.change(rootCaller, ino, { uid: 7, gid: 7, mode: 0o777 });
    await ns.commit(builder, ino, { content: bytes('x'), size: 1, mtime: clock.tick() });
    await ns.rename(builder, at(root, 'f'), at(root, 'g'), 'replace', closed);
    await ns.link(builder, ino, at(root, 'h'));
    expect((await ns.lineage(ino))?.owner).toBe('user:alice');
  });

  it('is known after the store is opened again, and by the past (PERM-9)', async () => {
    const { ns, kv, clock } = await openFixture();
    const made: [number, string][] = [];
    for (const subject of [
      'user:é ü',
      'user:alice',
      'agent:z1/builder',
      'user:alice',
      'user:' + 'x'.repeat(250),
    ]) {
      clock.tick();
      const { ino } = await ns.make({ ...alice, subject }, at(root, `f${made.length}`), { mode: S_IFREG });
      made.push([ino, subject]);
    }
    const { revision } = ns.counts();
    clock.tick();
    for (const [ino] of made) await ns.change(rootCaller, ino, { mode: 0o600 });
    for (let round = 0; round < 3; round++) {
      const again = (await openFixture(kv)).ns;
      for (const [ino, subject] of made) {
        expect((await again.lineage(ino))?.owner).toBe(subject);
        const past = await again.inodeAt(ino, revision);
        if (past !== undefined) expect([past.owner, past.mode & 0o777]).toEqual([subject, 0]);
      }
      const subject = `user:later${round}`;
      const { ino } = await again.make({ ...alice, subject }, at(root, `later${round}`), { mode: S_IFREG });
      made.push([ino, subject]);
      const { ino: old } = await again.make(alice, at(root, `again${round}`), { mode: S_IFREG });
      expect((await (await openFixture(kv)).ns.lineage(old))?.owner).toBe('user:alice');
    }
  });

  it('is stored once for each subject (PERM-9)', async () => {
    const { ns, kv } = await openFixture();
    for (let i = 0; i < 20; i++) await ns.make(i % 2 ? alice : builder, at(root, `f${i}`), { mode: S_IFREG });
    expect((await kv.scan({ from: 'ms', to: 'mt', limit: 100 })).length).toBe(2);
    expect(ns.stats()).toMatchObject({ subjects: 2 });
  });

  it('is kept although the first file of its subject failed (PERM-9)', async () => {
    const { ns, kv } = await openFixture();
    const fail = (): never => {
      throw new Error('no');
    };
    await expect(ns.make(alice, at(root, 'no'), { mode: S_IFREG }, fail)).rejects.toThrow('no');
    const other = await ns.make(builder, at(root, 'g'), { mode: S_IFREG });
    const between = (await openFixture(kv)).ns;
    expect((await between.lineage(other.ino))?.owner).toBe('agent:builder');
    await expect(ns.make(alice, at(root, 'no'), { mode: S_IFREG }, fail)).rejects.toThrow('no');
    const { ino } = await ns.make(alice, at(root, 'f'), { mode: S_IFREG });
    const reopened = (await openFixture(kv)).ns;
    expect((await reopened.lineage(ino))?.owner).toBe('user:alice');
    expect((await reopened.lineage(other.ino))?.owner).toBe('agent:builder');
    expect(await problems(reopened)).toEqual([]);
  });

  it('is right for many new subjects at once (PERM-9)', async () => {
    const { ns, kv } = await openFixture();
    const made = await Promise.all(
      Array.from({ length: 60 }, (_, i) => {
        const subject = `user:u${i % 7}`;
        return ns.make({ ...alice, subject }, at(root, `f${i}`), { mode: S_IFREG });
      }),
    );
    const again = (await openFixture(kv)).ns;
    for (const [i, { ino }] of made.entries())
      expect((await again.lineage(ino))?.owner).toBe(`user:u${i % 7}`);
  });
});
