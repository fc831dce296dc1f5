/** The hash of what a reader of a changed file sees now, before it is a version. */
import { makeHasher } from '../cas/hash.ts';
import type { Hash } from '../cas/types.ts';
import type { OpenFile } from './open-file.ts';
import { breathe } from './slot-io.ts';

/** Bytes hashed at a time: what that takes does not hold the loop. */
const SLICE = 1024 * 1024;

export async function hashStaged(file: OpenFile): Promise<Hash> {
  const hasher = makeHasher();
  const { size } = file;
  const buffer = Buffer.allocUnsafe(Math.min(SLICE, size));
  for (let at = 0; at < size; ) {
    const into = buffer.subarray(0, Math.min(buffer.length, size - at));
    const count = await file.read(into, at);
    if (count === 0) break;
    hasher.update(into.subarray(0, count));
    at += count;
    if (at < size) await breathe();
  }
  return hasher.digest().toString('latin1') as Hash;
}
