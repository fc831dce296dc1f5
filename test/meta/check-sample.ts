/** A tree to be damaged, and what a check must make of it. */
import { expect } from 'vitest';
import { root } from '../../src/fs/types.ts';
import type { KvTransaction } from '../../src/kv/types.ts';
import { encodeInode } from '../../src/meta/inode-codec.ts';
import { id6, inodeKey } from '../../src/meta/keys.ts';
import type { Inode, ProblemKind } from '../../src/meta/types.ts';
import { at, bytes, inode, mkdir, n, openFixture, problems, rootCaller, touch } from './fixture.ts';

/** A tree with one of everything: /d/sub, /d/f (three versions), /d/g, /other, /link = /d/f, an attribute on /d/f. */
export async function sample() {
  const fixture = await openFixture();
  const { ns, clock } = fixture;
  const d = await mkdir(ns, root, 'd');
  const sub = await mkdir(ns, d.ino, 'sub');
  const other = await mkdir(ns, root, 'other');
  const made = await touch(ns, d.ino, 'f');
  const g = await touch(ns, d.ino, 'g');
  for (const text of ['1', '2', '3']) {
    await ns.commit(rootCaller, made.ino, { content: bytes(text), size: 1, mtime: clock.tick() });
  }
  await ns.link(rootCaller, made.ino, at(root, 'link'));
  await ns.setxattr(made.ino, n('user.x'), bytes('x'), 'set');
  const read = async (of: Inode) => inode(ns, of.ino);
  return {
    ...fixture,
    d: await read(d),
    sub: await read(sub),
    other: await read(other),
    f: await read(made),
    g: await read(g),
  };
}

export type Sample = Awaited<ReturnType<typeof sample>>;

export const entryOf = async ({ kv }: Sample, parent: number, ino: number): Promise<string> => {
  const page = await kv.scan({ from: 'e' + id6(parent), to: 'e' + id6(parent + 1), limit: 100 });
  const found = page.find(([, value]) => Buffer.from(value).readUIntBE(0, 6) === ino);
  if (found === undefined) throw new Error('no such entry');
  return found[0];
};
export const put = (tx: KvTransaction, of: Inode, over: Partial<Inode>): void => {
  tx.put(inodeKey(of.ino), encodeInode({ ...of, ...over }, 1));
};

export interface Damage {
  readonly what: string;
  readonly kinds: readonly ProblemKind[];
  /** Cannot be mended. */
  readonly lasting?: boolean;
  readonly damage: (sample: Sample) => Promise<(tx: KvTransaction) => void>;
}

/** The check tells just that, twice, then mends it. */
export async function findsAndMends({ kinds, lasting = false, damage }: Damage): Promise<void> {
  const made = await sample();
  expect(await problems(made.ns)).toEqual([]);
  await made.kv.write(await damage(made));
  const { ns } = await openFixture(made.kv);
  const found = await problems(ns);
  expect(found.map(({ kind }) => kind).sort()).toEqual([...kinds].sort());
  for (const problem of found) expect(problem.repaired).toBe(false);
  expect((await problems(ns)).length).toBe(found.length);
  for (const problem of await problems(ns, true)) expect(problem.repaired).toBe(!lasting);
  if (!lasting) {
    await problems(ns, true);
    expect(await problems((await openFixture(made.kv)).ns)).toEqual([]);
  }
}
