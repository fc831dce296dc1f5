import { ftruncateSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FileHandle } from '../../src/fs/types.ts';
import { bindings } from '../../src/volume/binding.ts';
import { at, bytesOf, caller, close, openStack, passing, put, slurp, writing } from './fixture.ts';
import type { Stack } from './fixture.ts';

/** What kill -9 leaves of a stack, opened again; `powerCut` as after one. */
async function reopen(stack: Stack, powerCut = false): Promise<Stack> {
  return openStack({ kv: 'level', directory: await stack.crash(), powerCut });
}

async function bound(stack: Stack): Promise<number> {
  let count = 0;
  for await (const { slot } of bindings(stack.kv)) count += slot > 0 ? 1 : 0;
  return count;
}

async function contentOf(stack: Stack, name: string): Promise<Buffer> {
  return slurp(stack.volume, (await stack.volume.lookup(caller, at(name))).node);
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, offset = 0): Promise<void> {
  expect(await handle.write(caller, bytes, offset)).toBe(bytes.length);
}

const sizes = [0, 5, 20_000, 262_144, 262_145, 900_000];

describe('recovery after kill -9 (FS-5)', () => {
  it.each(sizes)('keeps a new file of %i bytes that was being written', async (size) => {
    await using stack = await openStack({ kv: 'level' });
    const bytes = bytesOf(size, 7);
    const { handle } = await stack.volume.create(caller, at('f'), 0o640, writing);
    await writeAll(handle, bytes);
    await using again = await reopen(stack);
    expect((await contentOf(again, 'f')).equals(bytes)).toBe(true);
    expect((await again.volume.lookup(caller, at('f'))).version).toBe(size === 0 ? 0 : 1);
    expect(await bound(again)).toBe(0);
    expect(again.errors).toEqual([]);
    await close(handle);
  });

  it('keeps edits of a large file: written, appended, cut, punched', async () => {
    await using stack = await openStack({ kv: 'level' });
    const { volume } = stack;
    const expected = bytesOf(1_000_000, 3);
    const node = await put(volume, at('f'), expected);
    const handle = await volume.open(caller, node, writing);
    await writeAll(handle, Buffer.from('edit'), 300_001);
    expected.write('edit', 300_001);
    await handle.allocate(caller, 3, 100_000, 50_000);
    expected.fill(0, 100_000, 150_000);
    await volume.setattr(caller, node, { size: 700_000 });
    await volume.setattr(caller, node, { size: 800_000 });
    await writeAll(handle, Buffer.from('end'), 800_000);
    const whole = Buffer.concat([expected.subarray(0, 700_000), Buffer.alloc(100_000), Buffer.from('end')]);
    await using again = await reopen(stack);
    expect((await contentOf(again, 'f')).equals(whole)).toBe(true);
    expect((await again.volume.lookup(caller, at('f'))).version).toBe(2);
    await close(handle);
    expect((await slurp(volume, node)).equals(whole)).toBe(true);
  });

  it('keeps a truncation by open that nothing was written after', async () => {
    await using stack = await openStack({ kv: 'level' });
    const node = await put(stack.volume, at('f'), bytesOf(5000));
    const handle = await stack.volume.open(caller, node, { ...writing, truncate: true });
    await using again = await reopen(stack);
    expect((await contentOf(again, 'f')).length).toBe(0);
    await close(handle);
  });

  it('makes no version of what was opened for writing and not written', async () => {
    await using stack = await openStack({ kv: 'level' });
    for (const [name, size] of [
      ['small', 5000],
      ['large', 400_000],
    ] as const) {
      await stack.volume.open(caller, await put(stack.volume, at(name), bytesOf(size)), passing);
    }
    expect(await bound(stack)).toBe(2);
    await using again = await reopen(stack);
    for (const name of ['small', 'large']) {
      expect((await again.volume.lookup(caller, at(name))).version).toBe(1);
    }
    expect(await bound(again)).toBe(0);
  });

  it('makes no second version of what was closed right before', async () => {
    await using stack = await openStack({ kv: 'level' });
    await put(stack.volume, at('small'), bytesOf(3000));
    const large = await put(stack.volume, at('large'), bytesOf(600_000));
    const handle = await stack.volume.open(caller, large, writing);
    await writeAll(handle, Buffer.from('x'));
    await close(handle);
    await using again = await reopen(stack);
    expect((await again.volume.lookup(caller, at('small'))).version).toBe(1);
    expect((await again.volume.lookup(caller, at('large'))).version).toBe(2);
    expect(await bound(again)).toBe(0);
  });

  it('keeps what the kernel wrote by itself', async () => {
    await using stack = await openStack({ kv: 'level' });
    const { handle } = await stack.volume.create(caller, at('f'), 0o644, passing);
    writeSync(handle.backing ?? -1, 'unseen', 0);
    await using again = await reopen(stack);
    expect((await contentOf(again, 'f')).toString()).toBe('unseen');
    await close(handle);
  });

  it('keeps a modification time that was set while the file was open', async () => {
    const past = { sec: 1_111_111_111, nsec: 123_456_789 };
    await using stack = await openStack({ kv: 'level' });
    const { attr, handle } = await stack.volume.create(caller, at('f'), 0o644, writing);
    await writeAll(handle, Buffer.from('abc'));
    await stack.volume.setattr(caller, attr.node, { mtime: past });
    const other = await stack.volume.create(caller, at('g'), 0o644, writing);
    await writeAll(other.handle, Buffer.from('abc'));
    await stack.volume.setattr(caller, other.attr.node, { mtime: past });
    await writeAll(other.handle, Buffer.from('d'), 3);
    await using again = await reopen(stack);
    expect((await again.volume.lookup(caller, at('f'))).mtime).toEqual(past);
    expect((await again.volume.lookup(caller, at('g'))).mtime.sec).toBeGreaterThan(past.sec);
    await close(handle);
    await close(other.handle);
  });

  it('forgets files that had no name any more', async () => {
    await using stack = await openStack({ kv: 'level' });
    const { attr, handle } = await stack.volume.create(caller, at('f'), 0o644, writing);
    await writeAll(handle, bytesOf(400_000));
    await stack.volume.unlink(caller, at('f'));
    const hidden = await stack.volume.tmpfile(caller, 1, 0o600, writing);
    await writeAll(hidden.handle, Buffer.from('x'));
    await using again = await reopen(stack);
    await expect(again.volume.open(caller, attr.node, writing)).rejects.toThrow(/ESTALE/);
    await expect(again.volume.open(caller, hidden.attr.node, writing)).rejects.toThrow(/ESTALE/);
    expect(await again.namespace.orphans()).toEqual([]);
    expect(await bound(again)).toBe(0);
    await close(handle);
    await close(hidden.handle);
  });

  it('may be killed itself and run again', async () => {
    await using stack = await openStack({ kv: 'level' });
    const bytes = bytesOf(500_000, 4);
    const { handle } = await stack.volume.create(caller, at('f'), 0o644, writing);
    await writeAll(handle, bytes);
    await using second = await reopen(stack);
    await using third = await reopen(second);
    await using fourth = await reopen(third);
    expect((await contentOf(fourth, 'f')).equals(bytes)).toBe(true);
    expect((await fourth.volume.lookup(caller, at('f'))).version).toBe(1);
    await close(handle);
  });

  it('goes on when a slot file is missing: the file keeps its last version', async () => {
    await using stack = await openStack({ kv: 'level' });
    const node = await put(stack.volume, at('f'), Buffer.from('kept'));
    const handle = await stack.volume.open(caller, node, writing);
    await writeAll(handle, Buffer.from('lost'));
    const directory = await stack.crash();
    const { rmSync, readdirSync, statSync } = await import('node:fs');
    for (const path of readdirSync(`${directory}/content`, { recursive: true, encoding: 'utf8' })) {
      const full = `${directory}/content/${path}`;
      if (statSync(full).isFile()) rmSync(full);
    }
    await using again = await openStack({ kv: 'level', directory });
    expect((await contentOf(again, 'f')).toString()).toBe('kept');
    expect(again.errors.join()).toMatch(/missing/);
    await close(handle);
  });

  it('commits no emptied slot: bytes given up belong to nobody', async () => {
    await using stack = await openStack({ kv: 'level' });
    for (let i = 0; i < 200; i++) await put(stack.volume, at(`f${String(i)}`), bytesOf(100 + i, i + 1));
    await stack.volume.drain();
    expect(await bound(stack)).toBe(0);
    await using again = await reopen(stack);
    for (let i = 0; i < 200; i++) {
      expect((await contentOf(again, `f${String(i)}`)).equals(bytesOf(100 + i, i + 1))).toBe(true);
    }
  });
});

describe('recovery after a power cut (FS-4)', () => {
  it.each([10, 20_000, 700_000])('believes %i bytes only once an fsync covered them', async (size) => {
    await using stack = await openStack({ kv: 'level' });
    const synced = await stack.volume.create(caller, at('synced'), 0o644, writing);
    await writeAll(synced.handle, bytesOf(size, 5));
    await synced.handle.fsync(caller, true);
    const loose = await stack.volume.create(caller, at('loose'), 0o644, writing);
    await writeAll(loose.handle, bytesOf(size, 6));
    await stack.kv.sync();
    await using again = await reopen(stack, true);
    expect((await contentOf(again, 'synced')).equals(bytesOf(size, 5))).toBe(true);
    expect((await contentOf(again, 'loose')).length).toBe(0);
    await close(synced.handle);
    await close(loose.handle);
  });

  it('shows the bytes of the fsync of a small file, whatever was written later', async () => {
    await using stack = await openStack({ kv: 'level' });
    const { handle } = await stack.volume.create(caller, at('f'), 0o644, writing);
    await writeAll(handle, Buffer.from('synced'));
    await handle.fsync(caller, false);
    await writeAll(handle, Buffer.from('LATER!'));
    await using again = await reopen(stack, true);
    expect((await contentOf(again, 'f')).toString()).toBe('synced');
    await close(handle);
  });

  it('keeps an fsynced edit of a large file', async () => {
    await using stack = await openStack({ kv: 'level' });
    const bytes = bytesOf(1_000_000, 8);
    const node = await put(stack.volume, at('f'), bytes);
    const handle = await stack.volume.open(caller, node, writing);
    await writeAll(handle, Buffer.from('edit'), 500_000);
    bytes.write('edit', 500_000);
    await handle.fsync(caller, true);
    await using again = await reopen(stack, true);
    expect((await contentOf(again, 'f')).equals(bytes)).toBe(true);
    await close(handle);
  });

  it('syncfs covers everything that is being written', async () => {
    await using stack = await openStack({ kv: 'level' });
    const handles: FileHandle[] = [];
    for (const size of [100, 50_000, 400_000]) {
      const { handle } = await stack.volume.create(caller, at(`f${String(size)}`), 0o644, passing);
      writeSync(handle.backing ?? -1, bytesOf(size), 0, size, 0);
      handles.push(handle);
    }
    await stack.volume.sync(caller, 1);
    await using again = await reopen(stack, true);
    for (const size of [100, 50_000, 400_000]) {
      expect((await contentOf(again, `f${String(size)}`)).equals(bytesOf(size))).toBe(true);
    }
    for (const handle of handles) await close(handle);
  });

  it('takes a file whose newest bytes did not reach the disk back to its last version', async () => {
    await using stack = await openStack({ kv: 'level' });
    const node = await put(stack.volume, at('f'), Buffer.from('first'));
    const fresh = await put(stack.volume, at('new'), bytesOf(500_000, 2));
    const handle = await stack.volume.open(caller, node, { ...writing, truncate: true });
    await writeAll(handle, bytesOf(500_000, 3));
    await close(handle);
    await stack.volume.drain();
    await stack.content.settle();
    const directory = await stack.crash();
    const { readdirSync, statSync, truncateSync } = await import('node:fs');
    for (const path of readdirSync(`${directory}/content`, { recursive: true, encoding: 'utf8' })) {
      const full = `${directory}/content/${path}`;
      if (statSync(full).isFile() && statSync(full).size >= 500_000) truncateSync(full, 4096);
    }
    await using again = await openStack({ kv: 'level', directory, powerCut: true });
    expect((await slurp(again.volume, node)).toString()).toBe('first');
    expect((await slurp(again.volume, fresh)).length).toBe(0);
    expect(again.errors.length).toBe(2);
  });
});

describe('a clean stop (FS-8)', () => {
  it('commits what is open and leaves nothing bound', async () => {
    const { MemoryKv } = await import('../../src/kv/memory-kv.ts');
    const stack = await openStack();
    expect(stack.kv).toBeInstanceOf(MemoryKv);
    const small = await stack.volume.create(caller, at('small'), 0o644, writing);
    await writeAll(small.handle, Buffer.from('abc'));
    const large = await stack.volume.create(caller, at('large'), 0o644, passing);
    ftruncateSync(large.handle.backing ?? -1, 300_000);
    writeSync(large.handle.backing ?? -1, 'end', 300_000);
    const hidden = await stack.volume.tmpfile(caller, 1, 0o600, writing);
    await writeAll(hidden.handle, Buffer.from('x'));
    await stack.volume[Symbol.asyncDispose]();
    expect(await bound(stack)).toBe(0);
    expect(await stack.namespace.orphans()).toEqual([]);
    expect(await stack.namespace.inode(small.attr.node)).toMatchObject({ size: 3, version: 1 });
    expect(await stack.namespace.inode(large.attr.node)).toMatchObject({ size: 300_003, version: 1 });
    await stack[Symbol.asyncDispose]();
  });
});
