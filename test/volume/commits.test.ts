/** Closing without waiting: what is seen before the version is made, and what waits for it. */
import { describe, expect, it } from 'vitest';
import { nameFromText } from '../../src/base/names.ts';
import { copyExactly } from './copy-exactly.ts';
import { at, breakable, bytesOf, caller, openStack, readAll, slurp, temporary, writing } from './fixture.ts';

describe('flushSoon (FS-5, VER-1)', () => {
  it('returns before the version is there; versions and attributes of content wait for it', async () => {
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(caller, at('f'), 0o644, writing);
    await handle.write(caller, bytesOf(100, 1), 0);
    await handle.flushSoon(caller);
    expect((await volume.getattr(caller, attr.node)).version).toBe(0);
    expect((await readAll(handle, 100)).equals(bytesOf(100, 1))).toBe(true);
    expect(await volume.versions(caller, attr.node, 0, 9)).toHaveLength(1);
    await handle.write(caller, bytesOf(100, 2), 0);
    await handle.flushSoon(caller);
    const version = await volume.getxattr(caller, attr.node, nameFromText('user.nexus.version'));
    expect(Buffer.from(version).toString()).toBe('2');
    await handle.release(caller);
  });

  it.each([100, 300_000])('keeps two closes apart, however close together, of %i bytes', async (size) => {
    await using stack = await openStack();
    const { volume } = stack;
    const { attr, handle } = await volume.create(caller, at('f'), 0o644, writing);
    await handle.write(caller, bytesOf(size, 1), 0);
    await handle.flushSoon(caller);
    const released = handle.release(caller);
    const again = await volume.open(caller, attr.node, { ...writing, truncate: true });
    await again.write(caller, bytesOf(size, 2), 0);
    await again.flushSoon(caller);
    await Promise.all([released, again.release(caller)]);
    const sizes = (await volume.versions(caller, attr.node, 0, 9)).map((version) => version.size);
    // A large file is a version only if nobody has it open, and the second open may come before that.
    expect(sizes.at(-1)).toBe(size);
    if (size === 100) expect(sizes).toHaveLength(2);
    expect((await slurp(volume, attr.node)).equals(bytesOf(size, 2))).toBe(true);
  });

  it('makes no version of what is removed meanwhile', async () => {
    await using stack = await openStack();
    const { volume, content } = stack;
    const { handle } = await volume.create(caller, at('f'), 0o644, writing);
    await handle.write(caller, bytesOf(5000, 1), 0);
    const stored = content.stats()['bytesStored'];
    await handle.flushSoon(caller);
    const released = handle.release(caller);
    await volume.unlink(caller, at('f'));
    await released;
    await volume.drain();
    expect(content.stats()['bytesStored']).toBe(stored);
    expect(volume.stats()['openFiles']).toBe(0);
  });

  it('is survived by the bytes when the daemon is killed before the version is made', async () => {
    await using stack = await openStack({ kv: 'level' });
    const { attr, handle } = await stack.volume.create(caller, at('f'), 0o644, writing);
    await handle.write(caller, bytesOf(100, 1), 0);
    await handle.flushSoon(caller);
    const released = handle.release(caller);
    const directory = temporary();
    copyExactly(stack.directory, directory);
    await released;
    await using after = await openStack({ kv: 'level', directory });
    expect((await slurp(after.volume, attr.node)).equals(bytesOf(100, 1))).toBe(true);
    expect(await after.volume.versions(caller, attr.node, 0, 9)).toHaveLength(1);
  });

  it('tells the next who closes that versions cannot be made, until one is', async () => {
    const switches = { failing: false };
    await using stack = await openStack({ wrap: breakable(switches) });
    const { volume } = stack;
    const { attr, handle } = await volume.create(caller, at('f'), 0o644, writing);
    await handle.write(caller, bytesOf(100, 1), 0);
    switches.failing = true;
    await handle.flushSoon(caller);
    await expect(handle.flush(caller)).rejects.toThrow(/ENOSPC/);
    await expect(handle.flushSoon(caller)).rejects.toThrow(/ENOSPC/);
    switches.failing = false;
    await handle.flushSoon(caller);
    await handle.release(caller);
    expect(await volume.versions(caller, attr.node, 0, 9)).toHaveLength(1);
  });
});
