/** The order of a directory: 48 bits of a seeded hash of the name, so that nobody can prepare names of one hash. */
import type { Name } from '../base/names.ts';

/** Drawn once per namespace and kept with it: the order of entries is part of what is stored. */
export interface HashSeed {
  readonly a: number;
  readonly b: number;
}

/** Six bytes, as they stand in the key of an entry. */
export function nameHash(seed: HashSeed, name: Name): string {
  let a = seed.a ^ name.length;
  let b = seed.b;
  for (let i = 0; i < name.length; i++) {
    const byte = name.charCodeAt(i);
    a = Math.imul(a ^ byte, 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul((b << 7) ^ (b >>> 25) ^ byte, 0x85ebca77);
  }
  a = finish(a ^ (b >>> 3));
  b = finish(b ^ a);
  return String.fromCharCode(
    a >>> 24,
    (a >>> 16) & 255,
    (a >>> 8) & 255,
    a & 255,
    b >>> 24,
    (b >>> 16) & 255,
  );
}

/** Lets every bit of the state decide over every bit of the result. */
function finish(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return h ^ (h >>> 16);
}
