import { describe, expect, it } from 'vitest';
import { FsError } from '../../src/base/errors.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { bytesOf, caller, close, openStack, put, at, readAll, slurp, writing } from '../volume/fixture.ts';

describe('a truncation that cannot be recorded (FS-3, FS-5)', () => {
  it('is whole all the same, and nothing cut off comes back, after a kill neither', async () => {
    const disk = { full: false };
    const wrap = (kv: KvStore): KvStore => ({
      get: (key) => kv.get(key),
      scan: (range) => kv.scan(range),
      write: (fn) => (disk.full ? Promise.reject(new FsError('ENOSPC', 'no room')) : kv.write(fn)),
      sync: () => kv.sync(),
      stats: () => kv.stats(),
      [Symbol.asyncDispose]: () => kv[Symbol.asyncDispose](),
    });
    await using stack = await openStack({ kv: 'level', wrap });
    const { volume } = stack;
    const bytes = bytesOf(700_000, 1);
    const node = await put(volume, at('f'), bytes);
    await volume.drain();
    const handle = await volume.open(caller, node, writing);
    await handle.write(caller, Buffer.from('begin'), 0);
    bytes.write('begin');
    disk.full = true;
    await expect(volume.setattr(caller, node, { size: 400_001 })).rejects.toThrow(/ENOSPC/);
    const { size } = await volume.getattr(caller, node);
    expect([400_001, 700_000]).toContain(size);
    expect((await readAll(handle, size)).equals(bytes.subarray(0, size))).toBe(true);

    await expect(handle.write(caller, Buffer.from('x'), 600_000)).rejects.toThrow(/ENOSPC/);
    disk.full = false;
    await handle.write(caller, Buffer.from('x'), 600_000);
    const grown = Buffer.concat([bytes.subarray(0, size), Buffer.alloc(700_000 - size)]).subarray(
      0,
      Math.max(size, 600_001),
    );
    grown[600_000] = 'x'.charCodeAt(0);
    {
      await using killed = await openStack({ kv: 'level', directory: await stack.crash() });
      expect((await slurp(killed.volume, node)).equals(grown)).toBe(true);
    }
    await close(handle);
    expect((await slurp(volume, node)).equals(grown)).toBe(true);
  });
});
