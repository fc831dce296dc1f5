/** One version a commit, and what does not make one. */
import { expect, it } from 'vitest';
import { root } from '../../src/fs/types.ts';
import { at, bytes, caller, closed, codeOf, inode, openFixture, rootCaller, touch } from './fixture.ts';

const empty = new Uint8Array(0);

it('makes one version for each commit that changed the content (VER-1)', async () => {
  const { ns, clock, kv } = await openFixture();
  const file = await touch(ns, root, 'f');
  expect(await ns.versions(file.ino, 0, 10)).toEqual([]);
  const alice = { ...caller(7, 8), subject: 'agent:älice' };
  const written = clock.tick();
  const closedAt = clock.tick();
  const first = await ns.commit(alice, file.ino, { content: bytes('one'), size: 3, mtime: written });
  expect(first).toMatchObject({ version: 1, size: 3, content: bytes('one'), mtime: written, ctime: written });
  clock.tick();
  await ns.commit(rootCaller, file.ino, { content: bytes('two!'), size: 4, mtime: clock.tick() });
  const again = (await openFixture(kv)).ns;
  const all = await again.versions(file.ino, 0, 10);
  expect(all).toMatchObject([
    { number: 1, size: 3, content: bytes('one'), mtime: written, time: closedAt, author: 'agent:älice' },
    { number: 2, size: 4, content: bytes('two!'), author: 'user:0' },
  ]);
  expect(await again.versions(file.ino, 1, 10)).toEqual(all.slice(1));
  expect(await again.versions(file.ino, 0, 1)).toEqual(all.slice(0, 1));
  expect(await again.version(file.ino, 2)).toEqual(all[1]);
  expect(await again.version(file.ino, 3)).toBeUndefined();
  expect((await again.inodeAt(file.ino, all[0]!.revision))?.content).toEqual(bytes('one'));
});

it('makes none for content that is the newest version’s (VER-1)', async () => {
  const { ns, clock } = await openFixture();
  const { ino } = await touch(ns, root, 'f');
  await ns.commit(rootCaller, ino, { content: bytes('one'), size: 3, mtime: clock.tick() });
  await ns.change(rootCaller, ino, { size: 0 });
  const mtime = clock.tick();
  const same = await ns.commit(rootCaller, ino, { content: bytes('one'), size: 3, mtime });
  expect(same).toMatchObject({ version: 1, size: 3, mtime, ctime: mtime });
  const { revision } = ns.counts();
  expect(await ns.commit(rootCaller, ino, { content: bytes('one'), size: 3, mtime })).toEqual(same);
  expect(ns.counts().revision).toBe(revision);
});

it('makes the first version of content that was only kept so far (VER-1)', async () => {
  const { ns, clock } = await openFixture();
  const { ino } = await touch(ns, root, 'f');
  await ns.change(rootCaller, ino, { content: bytes('one'), size: 3 });
  const first = { content: bytes('one'), size: 3, mtime: clock.tick() };
  expect(await ns.commit(rootCaller, ino, first)).toMatchObject({ version: 1 });
});

it('tells all-zero contents apart by their size (VER-1)', async () => {
  const { ns, clock } = await openFixture();
  const { ino } = await touch(ns, root, 'f');
  const commit = (size: number) => ns.commit(rootCaller, ino, { content: empty, size, mtime: clock.tick() });
  expect((await commit(0)).version).toBe(1);
  expect((await commit(0)).version).toBe(1);
  expect((await commit(10)).version).toBe(2);
  await ns.change(rootCaller, ino, { size: 3 });
  expect((await commit(10)).version).toBe(2);
});

it('keeps a given ctime, and never takes ctime back (FS-2)', async () => {
  const { ns, clock } = await openFixture();
  const { ino } = await touch(ns, root, 'f');
  const written = clock.tick();
  const chmod = clock.tick();
  await ns.change(rootCaller, ino, { mode: 0o600 });
  expect(await ns.commit(rootCaller, ino, { content: bytes('1'), size: 1, mtime: written })).toMatchObject({
    ctime: chmod,
  });
  const ctime = { sec: 1, nsec: 2 };
  expect(
    await ns.commit(rootCaller, ino, { content: bytes('2'), size: 1, mtime: written, ctime }),
  ).toMatchObject({ ctime });
});

it('makes versions of regular files only (FS-3)', async () => {
  const { ns, clock } = await openFixture();
  const what = { content: empty, size: 0, mtime: clock.time };
  expect(await codeOf(() => ns.commit(rootCaller, root, what))).toBe('EINVAL');
  expect(await codeOf(() => ns.commit(rootCaller, 999, what))).toBe('ESTALE');
});

it('keeps the versions of a removed file, and names all content for the collector (VER-1, CAS-3)', async () => {
  const { ns, clock } = await openFixture();
  const { ino } = await touch(ns, root, 'f');
  const commit = (text: string) =>
    ns.commit(rootCaller, ino, { content: bytes(text), size: text.length, mtime: clock.tick() });
  await commit('v1');
  await commit('v2');
  await ns.change(rootCaller, ino, { content: bytes('between'), size: 7 });
  clock.tick();
  await ns.change(rootCaller, ino, { content: bytes('later'), size: 5 });
  const kept = await touch(ns, root, 'kept');
  await ns.change(rootCaller, kept.ino, { content: bytes('current'), size: 7 });
  clock.tick();
  const { inode: removed } = await ns.unlink(rootCaller, at(root, 'f'), closed);
  expect(removed.version).toBe(2);
  expect((await ns.versions(ino, 0, 10)).map((version) => version.number)).toEqual([1, 2]);
  const named = new Set<string>();
  for await (const content of ns.contents()) named.add(Buffer.from(content).toString());
  expect([...named].sort()).toEqual(['between', 'current', 'later', 'v1', 'v2']);
});

it('writes no past for attribute changes within one second (VER-1)', async () => {
  const { ns, kv, clock } = await openFixture();
  const past = async () => (await kv.scan({ from: 'I', to: 'J', limit: 1_000 })).length - 1;
  clock.tick();
  await touch(ns, root, 'first');
  const made = await touch(ns, root, 'f');
  for (let i = 0; i < 50; i++) await touch(ns, root, `f${i}`);
  expect(await past()).toBe(0);
  await ns.commit(rootCaller, made.ino, { content: bytes('1'), size: 1, mtime: clock.time });
  expect(await past()).toBe(0);
  await ns.commit(rootCaller, made.ino, { content: bytes('2'), size: 1, mtime: clock.time });
  expect(await past()).toBe(1);
  clock.tick();
  await ns.change(rootCaller, made.ino, { mode: 0o600 });
  await ns.change(rootCaller, made.ino, { mode: 0o644 });
  expect(await past()).toBe(2);
  expect(await ns.inodeAt(made.ino, made.revision)).toMatchObject({ version: 1 });
  expect(await inode(ns, made.ino)).toMatchObject({ version: 2 });
  const { revision } = ns.counts();
  await ns.change(rootCaller, made.ino, { size: 100 });
  expect(await ns.inodeAt(made.ino, revision)).toMatchObject({ version: 2, size: 1 });
});
