import { describe, expect, it } from 'vitest';
import { isFsError } from '../../src/base/errors.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { describeKv } from '../contract/kv.ts';
import { FailingKv } from './failing-kv.ts';

describeKv('FailingKv that never fails', async () => new FailingKv(new MemoryKv(), Infinity));

describe('FailingKv', () => {
  it('fails once at the n-th call, and a transaction it fails in leaves nothing', async () => {
    let runs = 0;
    for (let failAt = 1; ; failAt++) {
      const inner = new MemoryKv();
      const kv = new FailingKv(inner, failAt);
      const work = async (): Promise<void> => {
        await kv.get('a');
        await kv.write((tx) => tx.put('a', Buffer.from('1')));
        await kv.write(async (tx) => {
          tx.put('b', Buffer.from('2'));
          await tx.get('a');
          await tx.scan({ from: 'a', to: 'z', limit: 9 });
          tx.put('c', Buffer.from('3'));
        });
        await kv.scan({ from: 'a', to: 'z', limit: 9 });
        await kv.sync();
      };
      const outcome = await work().catch((error: unknown) => error);
      runs++;
      const keys = inner.scan({ from: 'a', to: 'z', limit: 9 }).map(([key]) => key);
      if (!kv.failed) {
        expect(keys).toEqual(['a', 'b', 'c']);
        break;
      }
      expect(isFsError(outcome, 'EIO')).toBe(true);
      expect([[], ['a'], ['a', 'b', 'c']]).toContainEqual(keys);
    }
    expect(runs).toBe(8);
  });
});
