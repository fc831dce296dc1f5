/** The whole content of a store, and copies of its directory as a crash would leave it. */
import { cpSync } from 'node:fs';
import { type LevelKv, type LevelKvOptions, openLevelKv } from '../../src/kv/level-kv.ts';
import type { KvReader } from '../../src/kv/types.ts';
import { temporaryDirectory } from './temporary.ts';

/** Every key with its value as latin1 text. */
export async function contentOf(kv: KvReader): Promise<Record<string, string>> {
  const entries = await kv.scan({ from: '\0', to: '\xff'.repeat(4), limit: 1_000_000 });
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value).toString('latin1')]));
}

export async function put(kv: LevelKv, values: Record<string, string | null>): Promise<void> {
  await kv.write((tx) => {
    for (const [key, value] of Object.entries(values)) {
      if (value === null) tx.delete(key);
      else tx.put(key, Buffer.from(value, 'latin1'));
    }
  });
}

/** What a kill at this moment leaves; the store itself is not disturbed. Not while LevelDB is being written. */
export function copyOf(directory: string): string {
  const copy = temporaryDirectory();
  cpSync(directory, copy, { recursive: true });
  return copy;
}

/** Opens, reads everything, closes. */
export async function reopened(directory: string, options?: LevelKvOptions): Promise<Record<string, string>> {
  await using kv = await openLevelKv(directory, options);
  return await contentOf(kv);
}
