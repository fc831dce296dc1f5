/** The directories an inode has names in, and its names there. */
import { describe, expect, it } from 'vitest';
import { root } from '../../src/fs/types.ts';
import type { KvStore, KvTransaction } from '../../src/kv/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { LINK_MAX } from '../../src/meta/make.ts';
import type { Namespace } from '../../src/meta/namespace.ts';
import { at, closed, mkdir, open, openFixture, problems, rootCaller, touch } from './fixture.ts';

const parents = async (ns: Namespace, ino: number): Promise<readonly number[] | undefined> =>
  (await ns.lineage(ino))?.parents;

/** The link records in the store. */
async function linkRecords(kv: KvStore): Promise<number> {
  return (await kv.scan({ from: 'l', to: 'm', limit: 1_000 })).length;
}

/** A store that is scanned in another way. Transactions are not. */
function scanned(kv: KvStore, scan: KvStore['scan']): KvStore {
  return {
    get: (key) => kv.get(key),
    scan,
    write: (fn) => kv.write(fn),
    sync: () => kv.sync(),
    stats: () => kv.stats(),
    [Symbol.asyncDispose]: () => kv[Symbol.asyncDispose](),
  };
}

/** Three directories and a file in the first. */
async function sample(kv?: KvStore) {
  const fixture = await openFixture(kv, 4);
  const { ns } = fixture;
  const a = await mkdir(ns, root, 'a');
  const b = await mkdir(ns, root, 'b');
  const c = await mkdir(ns, root, 'c');
  const file = await touch(ns, a.ino, 'f');
  const link = (parent: number, name: string) => ns.link(rootCaller, file.ino, at(parent, name));
  const unlink = (parent: number, name: string, isOpen = closed) =>
    ns.unlink(rootCaller, at(parent, name), isOpen);
  const rename = (from: number, was: string, to: number, is: string) =>
    ns.rename(rootCaller, at(from, was), at(to, is), 'replace', closed);
  return { ...fixture, a: a.ino, b: b.ino, c: c.ino, file: file.ino, link, unlink, rename };
}

describe('the directories it has names in', () => {
  it('is the one above, for files and directories, and follows a rename (PERM-9)', async () => {
    const { ns, a, b, file, rename } = await sample();
    expect(await parents(ns, file)).toEqual([a]);
    await rename(a, 'f', b, 'f');
    expect(await parents(ns, file)).toEqual([b]);
    await rename(root, 'a', b, 'a');
    expect(await parents(ns, a)).toEqual([b]);
    expect((await ns.lineage(a))?.directory).toBe(true);
  });

  it('is one for several names in one directory, none of which is recorded (PERM-9)', async () => {
    const { ns, kv, a, file, link, unlink, rename } = await sample();
    await link(a, 'g');
    await link(a, 'h');
    await rename(a, 'h', a, 'i');
    expect(await parents(ns, file)).toEqual([a]);
    await unlink(a, 'f');
    expect(await parents(ns, file)).toEqual([a]);
    expect(await linkRecords(kv)).toBe(0);
  });

  it('is each of several directories once, until one is left (PERM-9)', async () => {
    const { ns, kv, a, b, c, file, link, unlink } = await sample();
    await link(b, 'f');
    await link(b, 'g');
    await link(c, 'f');
    expect(await parents(ns, file)).toEqual([a, b, c]);
    await unlink(b, 'f');
    expect(await parents(ns, file)).toEqual([a, b, c]);
    await unlink(b, 'g');
    expect(await parents(ns, file)).toEqual([a, c]);
    await unlink(a, 'f');
    expect(await parents(ns, file)).toEqual([c]);
    expect(await linkRecords(kv)).toBe(0);
    expect(await problems(ns)).toEqual([]);
  });

  it('follows the rename of one of several names (PERM-9)', async () => {
    const { ns, kv, a, b, c, file, link, rename } = await sample();
    await link(a, 'g');
    await rename(a, 'g', b, 'g');
    expect(await parents(ns, file)).toEqual([a, b]);
    await rename(b, 'g', c, 'g');
    expect(await parents(ns, file)).toEqual([a, c]);
    await rename(c, 'g', a, 'g');
    expect(await parents(ns, file)).toEqual([a]);
    expect(await linkRecords(kv)).toBe(0);
    await rename(a, 'f', b, 'f');
    await rename(a, 'g', b, 'g');
    expect(await parents(ns, file)).toEqual([b]);
    expect(await linkRecords(kv)).toBe(0);
  });

  it('loses the name that a rename replaces (PERM-9)', async () => {
    const { ns, a, b, file, link, rename } = await sample();
    await link(b, 'f');
    const other = await touch(ns, root, 'other');
    await rename(root, 'other', b, 'f');
    expect(await parents(ns, file)).toEqual([a]);
    expect(await parents(ns, other.ino)).toEqual([b]);
    await rename(b, 'f', a, 'f');
    expect(await ns.lineage(file)).toBeUndefined();
    expect(await parents(ns, other.ino)).toEqual([a]);
    expect(await problems(ns)).toEqual([]);
  });

  it('stays when both names of a rename are its own (PERM-9)', async () => {
    const { ns, a, b, file, link, rename } = await sample();
    await link(b, 'f');
    await rename(a, 'f', b, 'f');
    expect(await parents(ns, file)).toEqual([a, b]);
  });

  it('changes for both sides of an exchange (PERM-9)', async () => {
    const { ns, a, b, c, file, link } = await sample();
    await link(c, 'f');
    const sub = await mkdir(ns, b, 'sub');
    await ns.rename(rootCaller, at(a, 'f'), at(b, 'sub'), 'exchange', closed);
    expect(await parents(ns, file)).toEqual([b, c]);
    expect(await parents(ns, sub.ino)).toEqual([a]);
    await ns.rename(rootCaller, at(b, 'sub'), at(c, 'f'), 'exchange', closed);
    expect(await parents(ns, file)).toEqual([b, c]);
    expect(await problems(ns)).toEqual([]);
  });

  it('is none for a file without a name, the first directory once it has one (PERM-9)', async () => {
    const { ns, a, b } = await sample();
    const { ino } = await ns.makeNameless(rootCaller, a, 0o600);
    expect(await parents(ns, ino)).toEqual([]);
    expect(await ns.inode(ino)).toMatchObject({ parent: 0 });
    await ns.link(rootCaller, ino, at(b, 'named'));
    expect(await parents(ns, ino)).toEqual([b]);
    await ns.link(rootCaller, ino, at(a, 'too'));
    expect(await parents(ns, ino)).toEqual([a, b]);
  });

  it('is none after the last name while it is open, and it is unknown afterwards (PERM-9)', async () => {
    const { ns, a, b, file, link, unlink } = await sample();
    await link(b, 'f');
    await unlink(a, 'f', open);
    expect(await parents(ns, file)).toEqual([b]);
    await unlink(b, 'f', open);
    expect(await ns.lineage(file)).toEqual({ parents: [], directory: false, owner: 'user:0' });
    expect(await ns.inode(file)).toMatchObject({ parent: 0 });
    await ns.reap(file);
    expect(await ns.lineage(file)).toBeUndefined();
    const shut = await touch(ns, a, 'shut');
    await unlink(a, 'shut');
    expect(await ns.lineage(shut.ino)).toBeUndefined();
    expect(await ns.lineage(999)).toBeUndefined();
  });

  it('is none for a directory that was removed, which a descriptor may still hold (PERM-9)', async () => {
    const { ns, a, unlink } = await sample();
    await unlink(a, 'f');
    await ns.rmdir(rootCaller, at(root, 'a'), closed);
    expect(await ns.lineage(a)).toEqual({ parents: [], directory: true, owner: 'user:0' });
  });

  it('is none for an open directory that was removed (PERM-9)', async () => {
    const { ns, b } = await sample();
    await ns.rmdir(rootCaller, at(root, 'b'), open);
    expect(await ns.lineage(b)).toEqual({ parents: [], directory: true, owner: 'user:0' });
    await ns.reap(b);
    expect((await ns.lineage(b))?.parents).toEqual([]);
  });

  it('is the same after the store is opened again (PERM-9)', async () => {
    const { kv, a, b, c, file, link, unlink } = await sample();
    await link(b, 'f');
    await link(c, 'f');
    await unlink(a, 'f');
    const again = (await openFixture(kv)).ns;
    expect(await parents(again, file)).toEqual([b, c]);
    await again.unlink(rootCaller, at(b, 'f'), closed);
    expect(await parents(again, file)).toEqual([c]);
    expect(await problems(again)).toEqual([]);
  });

  it('is told at once for what is in memory, also with names in several directories (PERM-9)', async () => {
    const { ns, b, file, link } = await sample();
    expect(ns.lineage(file)).not.toBeInstanceOf(Promise);
    await link(b, 'f');
    await ns.lineage(file);
    expect(ns.lineage(file)).not.toBeInstanceOf(Promise);
  });

  it('is right where its names come to be in one directory while it is asked for (PERM-9)', async () => {
    const memory = new MemoryKv();
    const gate: { shut?: Promise<void> } = {};
    let open = (): void => undefined;
    const kv = scanned(memory, (range) => gate.shut?.then(() => memory.scan(range)) ?? memory.scan(range));
    const { ns, a, b, file, link, unlink } = await sample(kv);
    await link(b, 'f');
    gate.shut = new Promise((resolve) => {
      open = resolve;
    });
    const asked = parents(ns, file);
    await unlink(b, 'f');
    open();
    expect(await asked).toEqual([a]);
    expect(await parents(ns, file)).toEqual([a]);
  });

  it('is known to be several directories or one, never none, while names come and go (PERM-9)', async () => {
    const { ns, a, b, file, link, unlink } = await sample();
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const [, ...asked] = await Promise.all([link(b, 'g'), parents(ns, file), parents(ns, file)]);
      const [, ...again] = await Promise.all([unlink(b, 'g'), parents(ns, file), parents(ns, file)]);
      for (const one of [...asked, ...again, await parents(ns, file)]) seen.add(String(one));
    }
    expect([...seen].sort()).toEqual([String([a]), String([a, b])]);
  });
});

/** Counts the records that each transaction writes. */
class CountingKv extends MemoryKv {
  puts: string[] = [];

  override write<T>(fn: Parameters<KvStore['write']>[0]): Promise<T> {
    return super.write((tx) => {
      const counted: KvTransaction = {
        get: (key) => tx.get(key),
        scan: (range) => tx.scan(range),
        put: (key, value) => {
          this.puts.push(key.charAt(0));
          tx.put(key, value);
        },
        delete: (key) => {
          this.puts.push(`-${key.charAt(0)}`);
          tx.delete(key);
        },
      };
      return fn(counted);
    }) as Promise<T>;
  }
}

it('costs no record for files with one name: made, renamed, moved, removed (PERM-9)', async () => {
  const kv = new CountingKv();
  const { ns } = await openFixture(kv);
  const a = await mkdir(ns, root, 'a');
  await touch(ns, root, 'first');
  const written = async (run: () => Promise<unknown>): Promise<string> => {
    kv.puts = [];
    await run();
    return kv.puts.join(' ');
  };
  // The count of inodes, the inode, its entry, its directory.
  expect(await written(() => touch(ns, root, 'f'))).toBe('m i e i');
  const replace = (from: number, to: number) => () =>
    ns.rename(rootCaller, at(from, 'f'), at(to, 'f'), 'replace', closed);
  expect(await written(replace(root, a.ino))).toBe('E -e e i i i');
  expect(await written(replace(a.ino, root))).toBe('E -e e i i i');
  expect(await written(() => ns.unlink(rootCaller, at(root, 'f'), closed))).toBe('I -i m E -e i');
});

it("what a subject made is nobody's when its name ends, also after a restart (PERM-9)", async () => {
  const { ns, kv } = await openFixture();
  const owner = async (of: Namespace, ino: number): Promise<string | undefined> =>
    (await of.lineage(ino))?.owner;
  const file = await touch(ns, root, 'f');
  expect(await owner(ns, file.ino)).toBe('user:0');
  await ns.disown('user:0');
  await ns.disown('user:none');
  expect(await owner(ns, file.ino)).toBeUndefined();
  expect(await owner(ns, (await touch(ns, root, 'late')).ino)).toBeUndefined();
  ns.welcome('user:0');
  const next = await touch(ns, root, 'next');
  await ns.link(rootCaller, file.ino, at(root, 'g'));
  const again = (await openFixture(kv)).ns;
  for (const of of [ns, again]) {
    expect(await owner(of, file.ino)).toBeUndefined();
    expect(await owner(of, next.ino)).toBe('user:0');
    expect(await problems(of)).toEqual([]);
  }
});

it('knows as many directories as a file has names (PERM-9)', async () => {
  const { ns, kv } = await openFixture();
  const file = await touch(ns, root, 'f');
  const directories: number[] = [root];
  for (let i = 0; i < 1_500; i++) {
    const { ino } = await mkdir(ns, root, `d${i}`);
    await ns.link(rootCaller, file.ino, at(ino, 'f'));
    directories.push(ino);
  }
  expect(directories.length).toBeLessThan(LINK_MAX);
  expect(await parents((await openFixture(kv)).ns, file.ino)).toEqual(directories);
});

it('finds the directories of a file whose number ends a byte (PERM-9)', async () => {
  const memory = new MemoryKv();
  const kv = scanned(memory, (range) => {
    for (const char of range.from + range.to) expect(char.charCodeAt(0)).toBeLessThan(256);
    return memory.scan(range);
  });
  const { ns } = await openFixture(kv);
  for (let i = 2; i <= 254; i++) await mkdir(ns, root, `d${i}`);
  const file = await touch(ns, 253, 'in 253');
  expect(file.ino).toBe(255);
  await ns.link(rootCaller, file.ino, at(254, 'in 254'));
  expect(await parents((await openFixture(kv)).ns, file.ino)).toEqual([253, 254]);
});
