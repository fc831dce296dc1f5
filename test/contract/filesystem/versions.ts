/** Versions: one for each close after a change. */
import { expect } from 'vitest';
import type { Caller } from '../../../src/base/caller.ts';
import { fails, pattern, R, RW } from './case.ts';
import type { Bench, Case } from './case.ts';

const withVersions = (title: string, run: Case['run']): Case => ({ title, needs: 'versions', run });

async function numbers(t: Bench, node: number): Promise<number[]> {
  return (await t.fs.versions(t.me, node, 0, 100)).map((version) => version.number);
}

async function text(t: Bench, node: number, version: number): Promise<string> {
  const into = Buffer.alloc(100);
  return into.toString('latin1', 0, await t.fs.readVersion(t.me, node, version, into, 0));
}

export const versionCases: readonly Case[] = [
  withVersions('a new file without a write has none (VER-1)', async (t) => {
    const node = await t.put('f');
    expect(await numbers(t, node)).toEqual([]);
    expect((await t.stat(node)).version).toBe(0);
  }),
  withVersions('two writes, each closed, are two versions (VER-1)', async (t) => {
    const node = await t.put('f', 'one');
    await t.change(node, 'two!');
    expect(await numbers(t, node)).toEqual([1, 2]);
    expect((await t.stat(node)).version).toBe(2);
    expect([await text(t, node, 1), await text(t, node, 2)]).toEqual(['one', 'two!']);
  }),
  withVersions('several writes before one close are one version (VER-1)', async (t) => {
    const { node, handle } = await t.create('f');
    for (let i = 0; i < 5; i++) await t.write(handle, String(i), i);
    await t.close(handle);
    expect(await numbers(t, node)).toEqual([1]);
  }),
  withVersions('a close without a change makes none (VER-1)', async (t) => {
    const node = await t.put('f', 'x');
    await t.close(await t.open(node, RW));
    await t.slurp(node);
    await t.fs.setattr(t.me, node, { mode: 0o600 });
    await t.fs.rename(t.me, t.at('f'), t.at('g'), 'replace');
    expect(await numbers(t, node)).toEqual([1]);
  }),
  withVersions('writing the same bytes again makes none (VER-1)', async (t) => {
    const node = await t.put('f', 'same');
    await t.change(node, 'same');
    expect(await numbers(t, node)).toEqual([1]);
  }),
  withVersions('each close of a descriptor shared by two makes its own (VER-1)', async (t) => {
    const { node, handle } = await t.create('f');
    await t.write(handle, 'a');
    await handle.flush(t.me);
    await t.write(handle, 'b', 1);
    await handle.flush(t.me);
    await handle.release(t.me);
    expect(await numbers(t, node)).toEqual([1, 2]);
    expect(await text(t, node, 1)).toBe('a');
  }),
  withVersions('tells size, author and hash (VER-1, CAS-4)', async (t) => {
    const by: Caller = { ...t.me, subject: 'agent:builder' };
    const { attr, handle } = await t.fs.create(by, t.at('f'), 0o644, RW);
    await handle.write(by, Buffer.from('abc'), 0);
    await handle.flush(by);
    await handle.release(by);
    const [version] = await t.fs.versions(t.me, attr.node, 0, 10);
    expect(version).toMatchObject({ number: 1, size: 3, author: 'agent:builder' });
    expect(version?.hash).toBe('6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85');
    expect(version?.time.sec).toBeGreaterThan(1_500_000_000);
  }),
  withVersions('truncation of a closed file is a version (VER-1)', async (t) => {
    const node = await t.put('f', 'abcdef');
    await t.fs.setattr(t.me, node, { size: 2 });
    expect([await text(t, node, 1), await text(t, node, 2)]).toEqual(['abcdef', 'ab']);
    await t.fs.setattr(t.me, node, { size: 0 });
    expect(await numbers(t, node)).toEqual([1, 2, 3]);
  }),
  withVersions('versions of a large file are read at any offset (VER-1)', async (t) => {
    const first = pattern(1_200_000, 1);
    const node = await t.put('f', first);
    await t.change(node, 'edited', 600_000);
    const into = Buffer.alloc(1000);
    expect(await t.fs.readVersion(t.me, node, 1, into, 599_500)).toBe(1000);
    expect(into.equals(first.subarray(599_500, 600_500))).toBe(true);
    expect(await t.fs.readVersion(t.me, node, 2, into, 600_000)).toBe(1000);
    expect(into.toString('latin1', 0, 6)).toBe('edited');
    expect(await t.fs.readVersion(t.me, node, 1, into, 1_199_500)).toBe(500);
    expect(await t.fs.readVersion(t.me, node, 1, into, 2_000_000)).toBe(0);
  }),
  withVersions('they are listed in pages (VER-1)', async (t) => {
    const node = await t.put('f', '0');
    for (let i = 1; i < 7; i++) await t.change(node, String(i));
    const first = await t.fs.versions(t.me, node, 0, 3);
    const second = await t.fs.versions(t.me, node, 3, 3);
    const third = await t.fs.versions(t.me, node, 6, 3);
    expect([first, second, third].map((page) => page.map((v) => v.number))).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7],
    ]);
    expect(await t.fs.versions(t.me, node, 7, 3)).toEqual([]);
  }),
  withVersions('they follow the file under its other names (VER-1)', async (t) => {
    const node = await t.put('f', 'x');
    await t.fs.link(t.me, node, t.at('g'));
    await t.change((await t.lookup('g')).node, 'y');
    expect(await numbers(t, (await t.lookup('f')).node)).toEqual([1, 2]);
  }),
  withVersions('an open reader sees the newest content, not the version it opened (FS-11)', async (t) => {
    const node = await t.put('f', 'old');
    const reader = await t.open(node, R);
    await t.change(node, 'new');
    expect((await t.read(reader, 0, 5)).toString()).toBe('new');
    await t.close(reader);
  }),
  withVersions(
    'what is no regular file has none: EINVAL; a number that is not there: ENOENT (FS-3)',
    async (t) => {
      await fails(t.fs.versions(t.me, t.dir, 0, 1), 'EINVAL');
      await fails(t.fs.versions(t.me, (await t.symlink('l', 'x')).node, 0, 1), 'EINVAL');
      const node = await t.put('f', 'x');
      await fails(t.fs.readVersion(t.me, node, 2, new Uint8Array(1), 0), 'ENOENT');
      await fails(t.fs.readVersion(t.me, t.dir, 1, new Uint8Array(1), 0), 'EINVAL');
    },
  ),
];
