import { execFileSync } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../../src/base/caller.ts';
import type { FileHandle } from '../../src/fs/types.ts';
import {
  at,
  bytesOf,
  caller,
  close,
  openStack,
  passing,
  put,
  readAll,
  reading,
  slurp,
  writing,
} from './fixture.ts';

const a: Caller = { ...caller, via: 1 };
const b: Caller = { ...caller, via: 2 };
const append = { ...passing, append: true };

function backing(handle: FileHandle): number {
  if (handle.backing === undefined) throw new Error('the handle is not backed');
  return handle.backing;
}

/** A mapping holds the host file open as another descriptor does. */
function hold(handle: FileHandle): number {
  return openSync(`/proc/self/fd/${String(backing(handle))}`, 'r+');
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('how the kernel of a mount does I/O (FS-11)', () => {
  it.each<[string, number, typeof passing, FileHandle['io']]>([
    ['reading a clean file', 100, { ...reading, passthrough: true }, 'cached'],
    ['writing, passthrough not asked for', 100, writing, 'cached'],
    ['writing by passthrough', 100, passing, 'backing'],
    ['writing a file of 4 MiB by passthrough', 4 * 1024 * 1024, passing, 'backing'],
    ['writing a larger file', 4 * 1024 * 1024 + 1, passing, 'cached'],
    [
      'writing a larger file that is truncated',
      4 * 1024 * 1024 + 1,
      { ...passing, truncate: true },
      'backing',
    ],
  ])('%s (%i bytes)', async (_title, size, flags, io) => {
    await using stack = await openStack();
    const handle = await stack.volume.open(a, await put(stack.volume, at('f'), bytesOf(size)), flags);
    expect(handle.io).toBe(io);
    expect(handle.backing === undefined).toBe(io !== 'backing');
    await close(handle, a);
  });

  it('is the same for all handles of one mount: backing stays backing, cached stays cached', async () => {
    await using stack = await openStack();
    const node = await put(stack.volume, at('f'), Buffer.from('abc'));
    const first = await stack.volume.open(a, node, passing);
    const second = await stack.volume.open(a, node, reading);
    expect([second.io, second.backing]).toEqual(['backing', first.backing]);
    await close(first, a);
    expect((await stack.volume.open(a, node, writing)).io).toBe('backing');
    const other = await put(stack.volume, at('g'), Buffer.from('abc'));
    await stack.volume.open(a, other, reading);
    expect((await stack.volume.open(a, other, passing)).io).toBe('cached');
  });

  it('never hands out set-id files: writes have to be seen', async () => {
    await using stack = await openStack();
    const { attr, handle } = await stack.volume.create(a, at('f'), 0o4755, passing);
    expect(handle.io).toBe('cached');
    await close(handle, a);
    expect((await stack.volume.open(a, attr.node, passing)).io).toBe('cached');
  });

  it('is direct where another mount is writing', async () => {
    await using stack = await openStack();
    const { attr, handle } = await stack.volume.create(a, at('f'), 0o644, passing);
    expect(handle.io).toBe('backing');
    const reader = await stack.volume.open(b, attr.node, reading);
    const writer = await stack.volume.open(b, attr.node, passing);
    expect([reader.io, writer.io]).toEqual(['direct', 'direct']);
    await close(handle, a);
    await close(reader, b);
    await close(writer, b);
  });

  it('is direct for a writer where another mount reads cached pages', async () => {
    await using stack = await openStack();
    const node = await put(stack.volume, at('f'), Buffer.from('abc'));
    const reader = await stack.volume.open(b, node, reading);
    expect(reader.io).toBe('cached');
    expect((await stack.volume.open(a, node, passing)).io).toBe('direct');
  });

  it('tells other mounts to trust no attributes while the kernel writes unseen', async () => {
    await using stack = await openStack();
    const { attr, handle } = await stack.volume.create(a, at('f'), 0o644, passing);
    expect(stack.volume.openElsewhere(attr.node, 1)).toBe(false);
    expect(stack.volume.openElsewhere(attr.node, 2)).toBe(true);
    await close(handle, a);
    await stack.volume.drain();
    expect(stack.volume.openElsewhere(attr.node, 2)).toBe(false);
    const cached = await stack.volume.open(a, attr.node, writing);
    expect(stack.volume.openElsewhere(attr.node, 2)).toBe(false);
    await close(cached, a);
  });
});

describe('writes the kernel does by itself (FS-11)', () => {
  it('show in size, times and bytes at once', async () => {
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(a, at('f'), 0o644, passing);
    writeSync(backing(handle), 'hello', 0);
    const seen = await volume.getattr(b, attr.node);
    expect(seen.size).toBe(5);
    expect((await volume.lookup(b, at('f'))).size).toBe(5);
    const reader = await volume.open(b, attr.node, reading);
    expect((await readAll(reader, 5, b)).toString()).toBe('hello');
    const stamp = reader.stamp;
    writeSync(backing(handle), 'HELLO', 0);
    expect(reader.stamp).not.toBe(stamp);
    const host = fstatSync(backing(handle), { bigint: true });
    const { mtime } = await volume.getattr(b, attr.node);
    expect(BigInt(mtime.sec) * 1_000_000_000n + BigInt(mtime.nsec)).toBe(host.mtimeNs);
    await close(handle, a);
    await close(reader, b);
    expect((await slurp(volume, attr.node)).toString()).toBe('HELLO');
    expect((await volume.versions(a, attr.node, 0, 9)).length).toBe(1);
  });

  it('are there after every close, of copies up to 4 MiB too', async () => {
    await using stack = await openStack({ kv: 'level' });
    const bytes = bytesOf(1_000_000);
    const node = await put(stack.volume, at('f'), bytes);
    for (let round = 0; round < 3; round++) {
      const handle = await stack.volume.open(a, node, passing);
      writeSync(backing(handle), `round ${String(round)}`, round * 400_000);
      bytes.write(`round ${String(round)}`, round * 400_000);
      await close(handle, a);
      expect((await slurp(stack.volume, node)).equals(bytes)).toBe(true);
    }
    expect((await stack.volume.versions(a, node, 0, 9)).map((v) => v.number)).toEqual([1, 2, 3, 4]);
  });

  it('mix with truncation, allocation and writes of another mount', async () => {
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(a, at('f'), 0o644, passing);
    writeSync(backing(handle), 'aaaa', 0);
    const other = await volume.open(b, attr.node, writing);
    await other.write(b, Buffer.from('bb'), 1);
    await volume.setattr(b, attr.node, { size: 3 });
    writeSync(backing(handle), 'c', 5);
    await other.allocate(b, 0, 0, 8);
    expect((await readAll(other, 8, b)).toString('latin1')).toBe('abb\0\0c\0\0');
    await close(other, b);
    await close(handle, a);
    expect((await slurp(volume, attr.node)).toString('latin1')).toBe('abb\0\0c\0\0');
  });

  it('append together with appends of another mount, none lost', async () => {
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(a, at('f'), 0o644, append);
    const kernel = openSync(`/proc/self/fd/${String(backing(handle))}`, 'a');
    const other = await volume.open(b, attr.node, append);
    for (let i = 0; i < 50; i++) {
      writeSync(kernel, `a${String(i)}\n`);
      await other.write(b, Buffer.from(`b${String(i)}\n`), 0);
    }
    closeSync(kernel);
    await close(handle, a);
    await close(other, b);
    const lines = (await slurp(volume, attr.node)).toString().trim().split('\n');
    const expected = Array.from({ length: 50 }, (_, i) => [`a${String(i)}`, `b${String(i)}`]).flat();
    expect(lines.sort()).toEqual(expected.sort());
  });

  it('do not override a time that was set after them, and override one set before', async () => {
    const past = { sec: 1_000_000_000, nsec: 42 };
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(a, at('f'), 0o644, passing);
    writeSync(backing(handle), 'x', 0);
    await volume.setattr(a, attr.node, { mtime: past });
    expect((await volume.getattr(a, attr.node)).mtime).toEqual(past);
    await handle.flush(a);
    expect((await volume.getattr(a, attr.node)).mtime).toEqual(past);
    writeSync(backing(handle), 'y', 0);
    expect((await volume.getattr(a, attr.node)).mtime.sec).toBeGreaterThan(past.sec);
    await volume.setattr(a, attr.node, { mtime: past });
    await close(handle, a);
    await volume.drain();
    expect((await volume.getattr(a, attr.node)).mtime).toEqual(past);
    expect((await slurp(volume, attr.node)).toString()).toBe('y');
  });

  it('are seen on a host with coarse times although nothing but the bytes changed', async () => {
    await using stack = await openStack({ host: { preciseTimes: false, pageHoles: true } });
    const { volume } = stack;
    const { attr, handle } = await volume.create(a, at('f'), 0o644, passing);
    for (const text of ['one', 'two', 'six']) {
      writeSync(backing(handle), text, 0);
      await handle.flush(a);
      expect((await volume.getattr(a, attr.node)).version).toBeGreaterThan(0);
    }
    await handle.release(a);
    expect((await volume.versions(a, attr.node, 0, 9)).length).toBe(3);
  });
});

describe('files mapped beyond their last close (FS-2)', () => {
  it.each([4000, 600_000])('keeps what is stored through the mapping of %i bytes', async (size) => {
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(a, at('f'), 0o644, passing);
    ftruncateSync(backing(handle), size);
    const mapping = hold(handle);
    await close(handle, a);
    writeSync(mapping, 'stored later', 0);
    expect((await slurp(volume, attr.node, a)).toString('latin1', 0, 12)).toBe('stored later');
    await until(() => Promise.resolve(volume.openElsewhere(attr.node, 9)));
    const again = await volume.open(a, attr.node, passing);
    expect(again.io).toBe('backing');
    await close(again, a);
    expect((await volume.open(b, attr.node, reading)).io).toBe('direct');
    closeSync(mapping);
    const fresh = await volume.getattr(a, attr.node);
    expect(fresh.size).toBe(size);
    await stack.volume[Symbol.asyncDispose]();
    expect(await stack.namespace.inode(attr.node)).toMatchObject({ size });
  });

  it('commits what was stored when the mapping goes', async () => {
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(a, at('f'), 0o644, passing);
    writeSync(backing(handle), bytesOf(300_000), 0, 300_000, 0);
    const mapping = hold(handle);
    await close(handle, a);
    await until(() => Promise.resolve(volume.openElsewhere(attr.node, 9)));
    writeSync(mapping, 'late', 100_000);
    closeSync(mapping);
    await until(
      async () => (await volume.getattr(a, attr.node)).version > 0 && volume.stats()['openFiles'] === 0,
    );
    expect((await slurp(volume, attr.node)).toString('latin1', 100_000, 100_004)).toBe('late');
    expect((await volume.versions(a, attr.node, 0, 9)).length).toBe(1);
  });

  it('finds what was stored through a mapping after a flush, without a trace in the times', async () => {
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(a, at('f'), 0o644, passing);
    const slot = `/proc/${String(process.pid)}/fd/${String(backing(handle))}`;
    const times = join(stack.directory, 'times');
    writeSync(backing(handle), 'before', 0);
    await handle.flush(a);
    // A page that is dirty already takes stores without a new mtime: what follows leaves just that.
    execFileSync('touch', ['-r', slot, times]);
    writeSync(backing(handle), 'stored', 0);
    execFileSync('touch', ['-r', times, slot]);
    await handle.release(a);
    await volume.drain();
    expect((await slurp(volume, attr.node)).toString()).toBe('stored');
  });

  it('leaves the mapping alone when the file is removed', async () => {
    await using stack = await openStack();
    const { volume } = stack;
    const { handle } = await volume.create(a, at('f'), 0o644, passing);
    writeSync(backing(handle), 'mapped', 0);
    const mapping = hold(handle);
    await close(handle, a);
    await volume.unlink(a, at('f'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const into = Buffer.alloc(6);
    expect(readSync(mapping, into, 0, 6, 0)).toBe(6);
    expect(into.toString()).toBe('mapped');
    closeSync(mapping);
    await until(() => Promise.resolve(volume.stats()['openFiles'] === 0));
  });

  it('stops while something is mapped: the bytes are committed, the mapping stays whole', async () => {
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(a, at('f'), 0o644, passing);
    const bytes = bytesOf(700_000, 2);
    writeSync(backing(handle), bytes, 0, bytes.length, 0);
    const mapping = hold(handle);
    await close(handle, a);
    await volume[Symbol.asyncDispose]();
    expect(await stack.namespace.inode(attr.node)).toMatchObject({ size: 700_000, version: 1 });
    expect(readFileSync(`/proc/self/fd/${String(mapping)}`).equals(bytes)).toBe(true);
    closeSync(mapping);
  });
});
