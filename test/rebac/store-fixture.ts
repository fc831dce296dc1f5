/** Tuples by the thousand, and what a KvStore holds. */
import type { KvReader } from '../../src/kv/types.ts';
import type { Tuple } from '../../src/rebac/types.ts';
import { contentOf } from '../kv/snapshot.ts';
import { tuple } from '../contract/tuple-reader.ts';

export function many(count: number, text = (n: number): string => `file:f${n} viewer user:ada`): Tuple[] {
  return Array.from({ length: count }, (_, n) => tuple(text(n)));
}

export function kvContent(kv: KvReader): Promise<Record<string, string>> {
  return contentOf(kv);
}
