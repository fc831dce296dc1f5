import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterPrefix, readU32, readU48, u32, u48 } from '../../src/kv/keys.ts';

const number32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const number48 = fc.integer({ min: 0, max: 2 ** 48 - 1 });

describe('numbers in keys', () => {
  it('come back as they were', () => {
    fc.assert(fc.property(number32, (n) => readU32(`x${u32(n)}y`, 1) === n && u32(n).length === 4));
    fc.assert(fc.property(number48, (n) => readU48(`x${u48(n)}y`, 1) === n && u48(n).length === 6));
    for (const n of [0, 255, 256, 65535, 2 ** 31, 2 ** 32 - 1]) expect(readU32(u32(n))).toBe(n);
    for (const n of [0, 2 ** 32, 2 ** 40 + 5, 2 ** 47, 2 ** 48 - 1]) expect(readU48(u48(n))).toBe(n);
  });

  it('are the big-endian bytes of the number', () => {
    const bytes = Buffer.alloc(6);
    fc.assert(
      fc.property(number48, (n) => {
        bytes.writeUIntBE(n, 0, 6);
        return u48(n) === bytes.toString('latin1');
      }),
    );
  });

  it('sort as the numbers do', () => {
    fc.assert(fc.property(number48, number48, (a, b) => u48(a) < u48(b) === a < b));
    fc.assert(fc.property(number32, number32, (a, b) => u32(a) < u32(b) === a < b));
  });

  it('the key after a prefix is above all that begin with it, and nothing lies between', () => {
    expect(afterPrefix('e')).toBe('f');
    expect(afterPrefix('a\xff')).toBe('b');
    expect(() => afterPrefix('\xff\xff')).toThrow(RangeError);
    const latin1 = fc
      .uint8Array({ minLength: 1, maxLength: 4 })
      .map((b) => Buffer.from(b).toString('latin1'));
    fc.assert(
      fc.property(latin1, latin1, (prefix, key) => {
        fc.pre(!/^\xff+$/.test(prefix));
        const inside = key >= prefix && key < afterPrefix(prefix);
        return inside === key.startsWith(prefix);
      }),
    );
  });
});
