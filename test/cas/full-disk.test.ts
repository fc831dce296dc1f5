import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ContentStore } from '../../src/cas/content-store.ts';
import type { Content } from '../../src/cas/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { each, KIB, noise, temporaryDirectory } from './store.ts';

const directory = join(temporaryDirectory(), 'small');

/** A file system of 2 MiB; mounting one takes root in a namespace that may mount. */
function mountSmall(): boolean {
  mkdirSync(directory);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'nexus-test', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const mounted = mountSmall();

describe.skipIf(!mounted)('a full disk (needs the right to mount a tmpfs)', () => {
  it('is ENOSPC, costs nothing that was stored, and ends when space is freed (CAS-1, CAS-3)', async () => {
    try {
      await using kv = new MemoryKv();
      await using store = await ContentStore.open({ directory: join(directory, 'content'), kv });
      const stored: Content[] = [];
      const put = async (n: number): Promise<void> => {
        const draft = await store.draftBytes(noise(100 * KIB, n));
        await kv.write((tx) => draft.apply(tx));
        draft.done();
        stored.push(draft.content);
      };
      const fill = async (): Promise<void> => {
        for (let n = 0; n < 100; n++) await put(n);
      };
      await expect(fill()).rejects.toThrow(/ENOSPC/);
      await expect(put(999)).rejects.toThrow(/ENOSPC/);
      expect(stored.length).toBeGreaterThan(10);
      const into = Buffer.alloc(100 * KIB);
      for (const [n, content] of stored.entries()) {
        expect(await store.read(content, into.length, into, 0)).toBe(into.length);
        expect(into.equals(noise(into.length, n))).toBe(true);
      }
      for await (const problem of store.verify()) expect(problem).toBeUndefined();
      const kept = stored[0] ?? { kind: 'zero' };
      expect((await store.sweep(() => each([kept]))).blocks).toBe(stored.length - 1);
      await put(1000);
      expect(await store.read(stored.at(-1) ?? kept, into.length, into, 0)).toBe(into.length);
      expect(into.equals(noise(into.length, 1000))).toBe(true);
      expect(await store.read(kept, into.length, into, 0)).toBe(into.length);
      expect(into.equals(noise(into.length, 0))).toBe(true);
    } finally {
      execFileSync('umount', ['-l', directory]);
    }
  });
});
