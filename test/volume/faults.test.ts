import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FsError } from '../../src/base/errors.ts';
import { writeSlot } from '../../src/volume/slot-io.ts';
import {
  at,
  breakable,
  bytesOf,
  caller,
  close,
  openStack,
  passing,
  put,
  readAll,
  slurp,
  writing,
} from './fixture.ts';

describe('a disk that is full (FS-3, FS-5)', () => {
  it.each([100, 500_000])(
    'fails flush, keeps %i bytes readable, commits them at the next flush',
    async (size) => {
      const switches = { failing: false };
      await using stack = await openStack({ wrap: breakable(switches) });
      const { volume } = stack;
      const node = await put(volume, at('f'), bytesOf(size, 1));
      const handle = await volume.open(caller, node, writing);
      await handle.write(caller, bytesOf(50, 2), 10);
      switches.failing = true;
      await expect(handle.flush(caller)).rejects.toThrow(/ENOSPC/);
      const expected = bytesOf(size, 1);
      bytesOf(50, 2).copy(expected, 10);
      expect((await readAll(handle, size)).equals(expected)).toBe(true);
      switches.failing = false;
      await handle.flush(caller);
      await handle.release(caller);
      expect((await slurp(volume, node)).equals(expected)).toBe(true);
      expect((await volume.versions(caller, node, 0, 9)).length).toBe(2);
      expect(stack.errors).toEqual([]);
    },
  );

  it.each([100, 500_000])(
    'at release: tells whoever listens, keeps %i bytes bound and readable',
    async (size) => {
      const switches = { failing: false };
      await using stack = await openStack({ wrap: breakable(switches) });
      const { volume } = stack;
      const { attr, handle } = await volume.create(caller, at('f'), 0o644, writing);
      await handle.write(caller, bytesOf(size, 3), 0);
      switches.failing = true;
      await handle.release(caller);
      await volume.drain();
      expect(stack.errors.join()).toMatch(/cannot be committed.*ENOSPC/s);
      expect((await slurp(volume, attr.node)).equals(bytesOf(size, 3))).toBe(true);
      switches.failing = false;
      await close(await volume.open(caller, attr.node, writing));
      expect((await volume.versions(caller, attr.node, 0, 9)).length).toBe(1);
      expect((await slurp(volume, attr.node)).equals(bytesOf(size, 3))).toBe(true);
    },
  );

  it('acknowledges no write whose slot could not be bound', async () => {
    const switches = { failing: false };
    await using stack = await openStack({ wrap: breakable(switches) });
    const node = await put(stack.volume, at('f'), Buffer.from('old'));
    await stack.volume.drain();
    const handle = await stack.volume.open(caller, node, writing);
    switches.failing = true;
    await expect(handle.write(caller, Buffer.from('new'), 0)).rejects.toThrow(/ENOSPC/);
    expect((await readAll(handle, 3)).toString()).toBe('old');
    switches.failing = false;
    await handle.write(caller, Buffer.from('NEW'), 0);
    await close(handle);
    expect((await slurp(stack.volume, node)).toString()).toBe('NEW');
  });

  it('creates nothing when there is no slot to be had', async () => {
    await using stack = await openStack();
    const { content, volume } = stack;
    const slot = content.slot.bind(content);
    content.slot = () => {
      throw new FsError('ENOSPC', 'no room for a staging file');
    };
    await expect(volume.create(caller, at('f'), 0o644, writing)).rejects.toThrow(/ENOSPC/);
    await expect(volume.lookup(caller, at('f'))).rejects.toThrow(/ENOENT/);
    content.slot = slot;
    await put(volume, at('f'), Buffer.from('x'));
  });

  it('opens for writing all the same when a copy for the kernel finds no room', async () => {
    await using stack = await openStack();
    const { content, volume } = stack;
    const node = await put(volume, at('f'), Buffer.from('abc'));
    await volume.drain();
    const slot = content.slot.bind(content);
    content.slot = () => {
      throw new FsError('ENOSPC', 'no room for a staging file');
    };
    const handle = await volume.open(caller, node, passing);
    expect(handle.io).toBe('cached');
    await expect(handle.write(caller, Buffer.from('x'), 0)).rejects.toThrow(/ENOSPC/);
    content.slot = slot;
    await handle.write(caller, Buffer.from('x'), 0);
    await close(handle);
    expect((await slurp(volume, node)).toString()).toBe('xbc');
  });

  it('keeps slots that cannot be unbound, and gives them up later', async () => {
    const switches = { failing: false };
    await using stack = await openStack({ wrap: breakable(switches) });
    const node = await put(stack.volume, at('f'), Buffer.from('abc'));
    switches.failing = true;
    await stack.volume.drain();
    expect(stack.errors.join()).toMatch(/cannot be unbound/);
    switches.failing = false;
    await stack.volume.drain();
    expect((await slurp(stack.volume, node)).toString()).toBe('abc');
    expect(stack.content.stats()['slotsOut']).toBe(0);
  });

  it('passes the code of the host on when nothing could be written', () => {
    const fd = openSync('/dev/full', 'w');
    try {
      expect(() => writeSlot(fd, Buffer.from('x'), 0)).toThrow(/ENOSPC/);
    } finally {
      closeSync(fd);
    }
  });
});
