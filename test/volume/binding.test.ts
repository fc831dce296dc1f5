import { describe, expect, it } from 'vitest';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { bindingKey, bindings, decodeBinding, encodeBinding } from '../../src/volume/binding.ts';
import type { Binding } from '../../src/volume/types.ts';

const plain: Binding = {
  ino: 2 ** 40 - 1,
  kind: 'complete',
  baseLimit: 0,
  durable: false,
  changed: true,
  mark: undefined,
  bytes: undefined,
};

const mark = { size: 2 ** 43, mtime: { sec: -5, nsec: 999_999_999 } };

describe('bindings', () => {
  it.each<[string, Binding]>([
    ['a new file', plain],
    ['an overlay', { ...plain, kind: 'overlay', baseLimit: 2 ** 43 + 1, changed: false, mark }],
    ['a durable file', { ...plain, durable: true, mark }],
    ['a small durable file', { ...plain, durable: true, bytes: Buffer.from('bytes') }],
    ['an empty durable file', { ...plain, durable: true, mark, bytes: Buffer.alloc(0) }],
  ])('comes back as it was: %s (FS-5)', (_title, binding) => {
    expect(decodeBinding(encodeBinding(binding))).toEqual(binding);
  });

  it('refuses a record that is cut short (CAS-1)', () => {
    expect(() => decodeBinding(encodeBinding({ ...plain, mark }).subarray(0, 20))).toThrow(/EIO/);
  });

  it('are all found, slot numbers of any size among them (FS-5)', async () => {
    await using kv = new MemoryKv();
    const slots = [1, 255, 65_536, 2 ** 32 + 7, ...Array.from({ length: 1500 }, (_, i) => 10_000 + i)];
    await kv.write((tx) => {
      for (const slot of slots) tx.put(bindingKey(slot), encodeBinding(plain));
      tx.put('v', new Uint8Array(1));
      tx.put('x', new Uint8Array(1));
    });
    const found: number[] = [];
    for await (const { slot } of bindings(kv)) found.push(slot);
    expect(found).toEqual([...slots].sort((a, b) => a - b));
  });
});
