/** What the guard hides, whom it tells, and that it costs nothing where it need not. */
import { describe, expect, it } from 'vitest';
import type { Awaitable } from '../../src/base/awaitable.ts';
import { nameFromText as name } from '../../src/base/names.ts';
import { root, S_IFDIR, S_IFREG } from '../../src/fs/types.ts';
import type { FileSystem, NodeId, Place } from '../../src/fs/types.ts';
import { allowAll } from '../../src/vfs/allow-all.ts';
import type { Authorizer } from '../../src/vfs/authorizer.ts';
import { guard } from '../../src/vfs/guard.ts';
import { Grants } from './grants.ts';
import { caller, codeFrom, MemoryTree } from './memory-tree.ts';

const me = caller();
const file = S_IFREG | 0o644;
const directory = S_IFDIR | 0o755;
const at = (text: string, parent: NodeId = root): Place => ({ parent, name: name(text) });
const rw = { read: true, write: true };

/** Root 1, f 2, secret 3, directory d 4. */
async function stack(authorizer: Authorizer): Promise<{ fs: FileSystem; inner: MemoryTree }> {
  const inner = new MemoryTree();
  await inner.mknod(me, at('f'), { mode: file });
  await inner.mknod(me, at('secret'), { mode: file });
  await inner.mknod(me, at('d'), { mode: directory });
  return { fs: guard(inner, authorizer), inner };
}

/** The calls an operation makes below the guard. */
async function below(inner: MemoryTree, run: () => Promise<unknown>): Promise<string[]> {
  const made: string[] = [];
  const record = inner as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const operation of ['lookup', 'lineage', 'mknod', 'link', 'rename', 'unlink'] as const) {
    const plain = (inner[operation] as (...args: unknown[]) => unknown).bind(inner);
    record[operation] = (...args) => {
      made.push(operation);
      return plain(...args);
    };
  }
  await run().catch(() => undefined);
  return made;
}

describe('what may not be seen', () => {
  it('is not listed, however many entries that are (PERM-4)', async () => {
    const { fs, inner } = await stack(new Grants().set(root, 'see').set(4, 'see'));
    expect((await fs.readdir(me, root, 0, 1)).map((entry) => entry.name)).toEqual(['d']);
    const none = await stack(new Grants().set(root, 'see'));
    expect(await none.fs.readdir(me, root, 0, 1)).toEqual([]);
    for (let i = 0; i < 3000; i++) await inner.mknod(me, at(`hidden${i}`), { mode: file });
    const last = await inner.mknod(me, at('last'), { mode: file });
    const grants = new Grants().set(root, 'see').set(last.node, 'see');
    const names = (await guard(inner, grants).readdir(me, root, 0, 10)).map((entry) => entry.name);
    expect(names).toEqual(['last']);
  });

  it('is listed page by page without gaps, among hidden entries (PERM-4)', async () => {
    const { inner } = await stack(allowAll);
    const grants = new Grants().set(root, 'see');
    const wanted: string[] = [];
    for (let i = 0; i < 5000; i++) {
      const { node } = await inner.mknod(me, at(`e${i}`), { mode: file });
      if (i < 2500 && i > 10) continue;
      wanted.push(`e${i}`);
      grants.set(node, 'see');
    }
    const fs = guard(inner, grants);
    const seen: string[] = [];
    for (let after = 0; ; ) {
      const page = await fs.readdir(me, root, after, 7);
      expect(page.length).toBeLessThanOrEqual(7);
      after = page.at(-1)?.cookie ?? -1;
      if (after < 0) break;
      seen.push(...page.map((entry) => entry.name));
    }
    expect(seen).toEqual(wanted);
  });

  it('ends a long listing of hidden entries for who has gone (PERM-4)', async () => {
    const { inner } = await stack(allowAll);
    for (let i = 0; i < 3000; i++) await inner.mknod(me, at(`hidden${i}`), { mode: file });
    const gone = caller({ signal: AbortSignal.abort() });
    expect(await codeFrom(guard(inner, new Grants().set(root, 'see')).readdir(gone, root, 0, 5))).toBe(
      'EINTR',
    );
  });

  it('is looked up with the same calls as what is not there (PERM-4)', async () => {
    const hidden = await stack(new Grants().set(root, 'see'));
    const calls = await below(hidden.inner, () => hidden.fs.lookup(me, at('secret')));
    const absent = await stack(new Grants().set(root, 'see'));
    expect(calls).toEqual(await below(absent.inner, () => absent.fs.lookup(me, at('none'))));
    expect(calls).toEqual(['lookup']);
    expect(await codeFrom(hidden.fs.lookup(me, at('secret')))).toBe('ENOENT');
    const blind = await stack(new Grants());
    expect(await below(blind.inner, () => blind.fs.lookup(me, at('secret')))).toEqual([]);
  });

  it('keeps its name: whoever may write the directory is refused it without EEXIST (PERM-4)', async () => {
    const grants = new Grants()
      .set(root, 'see', 'write')
      .set(2, 'see', 'read', 'write')
      .set(4, 'see', 'write');
    const { fs } = await stack(grants);
    const onto = (name: string): readonly (() => Promise<unknown>)[] => [
      () => fs.mknod(me, at(name), { mode: file }),
      () => fs.mknod(me, at(name), { mode: directory }),
      () => fs.create(me, at(name), 0o644, rw),
      () => fs.link(me, 2, at(name)),
      () => fs.rename(me, at('f'), at(name), 'noreplace'),
      () => fs.rename(me, at('f'), at(name), 'replace'),
      () => fs.rename(me, at('f'), at(name), 'exchange'),
    ];
    for (const attempt of onto('secret')) expect(await codeFrom(attempt())).toBe('EACCES');
    const seen = await Promise.all(
      onto('d')
        .slice(0, 5)
        .map((attempt) => codeFrom(attempt())),
    );
    expect(seen).toEqual(Array<string>(5).fill('EEXIST'));
    grants.set(4, 'see');
    expect(await codeFrom(fs.rename(me, at('f'), at('d'), 'noreplace'))).toBe('EEXIST');
    expect(await codeFrom(fs.rename(me, at('f'), at('d'), 'replace'))).toBe('EACCES');
    // The same words too as for somebody who could not have made any name there.
    const words = async (of: FileSystem, wanted: string): Promise<string> =>
      of.mknod(me, at(wanted), { mode: file }).then(() => '', String);
    const reader = await stack(new Grants().set(root, 'see', 'read'));
    expect(await words(fs, 'secret')).toBe(await words(reader.fs, 'secret'));
    expect(await words(fs, 'secret')).toBe(await words(reader.fs, 'new'));
  });

  it('is not counted among links and files (PERM-4)', async () => {
    const grants = new Grants().set(root, 'see', 'write').set(4, 'see').set(2, 'see', 'own', 'write');
    const { fs, inner } = await stack(grants);
    expect((await inner.getattr(me, 4)).nlink).toBe(2);
    const made = await fs.mknod(me, at('new'), { mode: directory });
    grants.set(made.node, 'see', 'own');
    const shown = [
      made,
      await fs.getattr(me, 4),
      await fs.lookup(me, at('d')),
      await fs.setattr(me, made.node, { mode: 0o700 }),
      ...(await fs.readdir(me, root, 0, 10))
        .map(({ attr }) => attr)
        .filter(({ parent }) => parent !== undefined),
    ];
    expect(shown.map(({ nlink }) => nlink)).toEqual(shown.map(() => 1));
    expect(shown.length).toBe(6);
    await inner.link(me, 2, at('again', 4));
    expect((await fs.getattr(me, 2)).nlink).toBe(2);
    expect(await fs.statfs(me, 4)).toMatchObject({ files: 0, filesFree: 0, blocks: 100 });
    const admin = guard(inner, new Grants({ everything: true }));
    expect((await admin.getattr(me, 4)).nlink).toBe(2);
    expect(await admin.statfs(me, 4)).toMatchObject({ files: 10 });
  });

  it('can be made in a directory that may be written, not read (PERM-3)', async () => {
    const grants = new Grants().set(4, 'see', 'write');
    const { fs } = await stack(grants);
    const { attr, handle } = await fs.create(me, at('drop', 4), 0o600, { read: false, write: true });
    expect(await handle.write(me, Buffer.from('mail'), 0)).toBe(4);
    expect(await fs.readdir(me, 4, 0, 10)).toEqual([]);
    grants.set(attr.node, 'see', 'own', 'read', 'write');
    expect((await fs.readdir(me, 4, 0, 10)).length).toBe(1);
  });
});

describe('who is told', () => {
  const tell = [
    ['unlink of the last name', (fs) => fs.unlink(me, at('f')), ['removed 2 from 1']],
    ['rmdir', (fs) => fs.rmdir(me, at('d')), ['removed 4 from 1']],
    ['rename in one directory', (fs) => fs.rename(me, at('f'), at('g'), 'replace'), []],
    ['rename to another', (fs) => fs.rename(me, at('f'), at('g', 4), 'replace'), ['moved 2 from 1 alone']],
    [
      'rename of a directory',
      async (fs) => {
        const { node } = await fs.mknod(me, at('into'), { mode: directory });
        return fs.rename(me, at('d'), at('d', node), 'replace');
      },
      ['moved 4 from 1 alone'],
    ],
    [
      'rename of one name of two',
      async (fs) => (await fs.link(me, 2, at('g')), fs.rename(me, at('f'), at('h', 4), 'replace')),
      ['moved 2'],
    ],
    ['rename onto a name', (fs) => fs.rename(me, at('f'), at('secret'), 'replace'), ['removed 3 from 1']],
    ['link to another directory', (fs) => fs.link(me, 2, at('g', 4)), ['moved 2']],
    ['link in the same directory', (fs) => fs.link(me, 2, at('g')), []],
    [
      'unlink of one name of two, of one directory',
      async (fs) => (await fs.link(me, 2, at('g')), fs.unlink(me, at('g'))),
      [],
    ],
    [
      'unlink of one name of two, in two directories',
      async (fs) => (await fs.link(me, 2, at('g', 4)), fs.unlink(me, at('g', 4))),
      ['moved 2', 'moved 2'],
    ],
    ['what fails', (fs) => fs.unlink(me, at('none')).catch(() => undefined), []],
    ['chmod', (fs) => fs.setattr(me, 2, { mode: 0o600 }), []],
  ] as const satisfies readonly (readonly [string, (fs: FileSystem) => Promise<unknown>, string[]])[];

  it.each(tell)('%s, whoever does it (PERM-10)', async (_, run, expected) => {
    for (const everything of [false, true]) {
      const grants = new Grants({ everything });
      for (const node of [root, 2, 3, 4, 5]) grants.set(node, 'see', 'read', 'write', 'own');
      const { fs } = await stack(grants);
      await run(fs);
      expect(grants.told, `everything: ${everything}`).toEqual(expected);
    }
  });

  it('both sides of an exchange between directories (PERM-10)', async () => {
    const grants = new Grants({ everything: true });
    const { fs, inner } = await stack(grants);
    await inner.mknod(me, at('g', 4), { mode: file });
    inner.rename = () => Promise.resolve();
    await fs.rename(me, at('f'), at('g', 4), 'exchange');
    expect(grants.told).toEqual(['moved 2 from 1 alone', 'moved 5 from 4 alone']);
  });

  it('nobody, and nothing is looked up, while nobody has been given anything (PERM-9)', async () => {
    const grants = new Grants({ everything: true });
    grants.tracks = false;
    const { fs, inner } = await stack(grants);
    const calls = await below(inner, async () => {
      await fs.link(me, 2, at('g', 4));
      await fs.rename(me, at('f'), at('h', 4), 'replace');
      await fs.unlink(me, at('g', 4));
    });
    expect(calls).toEqual(['link', 'rename', 'unlink']);
    expect(grants.told).toEqual([]);
  });

  it('and waited for, before the call returns (PERM-5)', async () => {
    const grants = new Grants({ everything: true });
    let done = false;
    grants.moved = (): Awaitable<void> =>
      new Promise((resolve) => {
        setTimeout(() => {
          done = true;
          resolve();
        }, 20);
      });
    const { fs } = await stack(grants);
    await fs.rename(me, at('f'), at('g', 4), 'replace');
    expect(done).toBe(true);
  });
});

describe('a widening name', () => {
  it('takes ownership only where no directory of the file gives as much already (PERM-3)', async () => {
    const grants = new Grants();
    for (const node of [root, 2, 3, 4]) grants.set(node, 'see', 'read', 'write');
    const { fs, inner } = await stack(grants);
    await inner.mknod(me, at('other'), { mode: directory });
    grants.set(5, 'see', 'write');
    grants.widens = (...[, from, to]: readonly NodeId[]): boolean => from === root && to === 5;
    expect(await codeFrom(fs.link(me, 2, at('g', 5)))).toBe('EACCES');
    await inner.link(me, 2, at('g', 4));
    expect(await codeFrom(fs.link(me, 2, at('g', 5)))).toBe('none');
  });

  it('is that of what is moved, whatever others put in its place meanwhile (PERM-3)', async () => {
    const grants = new Grants({ later: true });
    for (const node of [root, 2, 3, 4]) grants.set(node, 'see', 'read', 'write');
    grants.add(2, 'own').wide = true;
    const { fs, inner } = await stack(grants);
    // The name is another one's as soon as there is a chance.
    const widens = grants.widens.bind(grants);
    let swapped: Promise<void> | undefined;
    grants.widens = async () => {
      swapped ??= fs.rename(me, at('f'), at('secret'), 'exchange');
      await new Promise((resolve) => setTimeout(resolve, 20));
      return widens();
    };
    await fs.rename(me, at('f'), at('moved', 4), 'replace');
    expect((await inner.lookup(me, at('moved', 4))).node).toBe(2);
    expect(await codeFrom(swapped ?? Promise.resolve())).toBe('ENOENT');
  });

  it('is looked for on both ways of an exchange (PERM-3)', async () => {
    for (const [from, to] of [
      [root, 4],
      [4, root],
    ] as const) {
      const grants = new Grants();
      for (const node of [root, 2, 3, 4, 5]) grants.set(node, 'see', 'write');
      const { fs, inner } = await stack(grants);
      await inner.mknod(me, at('g', 4), { mode: file });
      const asked: NodeId[] = [];
      grants.widens = (...[node, one, other]: readonly NodeId[]): boolean => {
        asked.push(node ?? 0);
        return one === from && other === to;
      };
      expect(await codeFrom(fs.rename(me, at('f'), at('g', 4), 'exchange'))).toBe('EACCES');
      expect(asked).toEqual(from === root ? [2] : [2, 5]);
    }
  });

  it('of a file without one takes writing alone: it has nothing but what is its own (PERM-3)', async () => {
    const grants = new Grants().set(root, 'see', 'write').set(4, 'see', 'write');
    grants.wide = true;
    const { fs } = await stack(grants);
    const { attr } = await fs.tmpfile(me, root, 0o600, rw);
    grants.set(attr.node, 'see', 'write');
    expect(await codeFrom(fs.link(me, attr.node, at('named', 4)))).toBe('none');
    expect(grants.told).toEqual([`moved ${attr.node}`]);
  });
});

describe('the cost', () => {
  /** Turns of the microtask queue until it is settled. */
  async function turns(promise: Promise<unknown>): Promise<number> {
    const state = { settled: false };
    const settle = (): void => {
      state.settled = true;
    };
    promise.then(settle, settle);
    let count = 0;
    for (; !state.settled; count++) await Promise.resolve();
    return count;
  }

  const value = new Uint8Array(1);
  const handedOn: Partial<Record<keyof FileSystem, (fs: FileSystem) => Promise<unknown>>> = {
    readlink: (fs) => fs.readlink(me, 2),
    getxattr: (fs) => fs.getxattr(me, 2, name('a')),
    setxattr: (fs) => fs.setxattr(me, 2, name('a'), value, 'set'),
    removexattr: (fs) => fs.removexattr(me, 2, name('a')),
    listxattr: (fs) => fs.listxattr(me, 2),
    sync: (fs) => fs.sync(me, 2),
    versions: (fs) => fs.versions(me, 2, 0, 1),
    readVersion: (fs) => fs.readVersion(me, 2, 1, value, 0),
  };

  it('is no promise at all where the authorizer answers at once (PERM-9)', async () => {
    const { fs, inner } = await stack(new Grants().set(2, 'see', 'read', 'write'));
    const answer = Promise.resolve();
    for (const [operation, run] of Object.entries(handedOn)) {
      Object.assign(inner, { [operation]: () => answer });
      expect(run(fs), operation).toBe(answer);
    }
  });

  it('is one promise where a result is looked at (PERM-9)', async () => {
    const { fs, inner } = await stack(new Grants().set(root, 'see', 'write').set(2, 'see', 'read', 'write'));
    const looked: readonly ((fs: FileSystem) => Promise<unknown>)[] = [
      (of) => of.getattr(me, 2),
      (of) => of.setattr(me, 2, { size: 1 }),
      (of) => of.statfs(me, 2),
      (of) => of.lookup(me, at('f')),
      (of) => of.open(me, 2, rw),
    ];
    for (const run of looked) {
      const plain = await turns(run(inner));
      expect((await turns(run(fs))) - plain, String(run)).toBeLessThanOrEqual(1);
    }
  });

  it('is one call for those who have everything (PERM-9)', async () => {
    const { fs, inner } = await stack(allowAll);
    const answer = inner.getattr(me, 2);
    inner.getattr = () => answer;
    expect(fs.getattr(me, 2)).toBe(answer);
    const removed = Promise.resolve();
    inner.unlink = () => removed;
    expect(fs.unlink(me, at('f'))).toBe(removed);
  });

  it('lets the kernel do I/O by itself only for those who have everything (PERM-5)', async () => {
    const flags: (boolean | undefined)[] = [];
    for (const authorizer of [allowAll, new Grants().set(2, 'see', 'read', 'write')]) {
      const { fs, inner } = await stack(authorizer);
      const open = inner.open.bind(inner);
      inner.open = (by, node, wanted) => {
        flags.push(wanted.passthrough);
        return open(by, node, wanted);
      };
      await fs.open(me, 2, { ...rw, passthrough: true });
    }
    expect(flags).toEqual([true, false]);
  });

  it('refuses by a promise, also what the authorizer fails to answer (PERM-3)', async () => {
    const grants = new Grants();
    grants.allows = () => {
      throw new Error('no answer');
    };
    const { fs } = await stack(grants);
    await expect(fs.readlink(me, 2)).rejects.toThrow('no answer');
    await expect(fs.open(me, 2, rw)).rejects.toThrow('no answer');
  });
});
