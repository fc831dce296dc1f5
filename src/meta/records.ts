/** Reading whole tables while the system runs. */
import { setImmediate } from 'node:timers/promises';
import type { Entry, Key, KvReader } from '../kv/types.ts';

/** Records read between two turns of the loop: well under a millisecond. */
const SLICE = 128;

/** Every record whose key begins with `prefix`, from the key `from` on, in slices that leave the loop free. */
export async function* records(
  kv: KvReader,
  prefix: string,
  from: Key = prefix,
): AsyncGenerator<Entry, void, undefined> {
  const last = prefix.length - 1;
  const to = prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
  for (let next = from; ; ) {
    const page = await kv.scan({ from: next, to, limit: SLICE });
    yield* page;
    const end = page.at(-1);
    if (end === undefined || page.length < SLICE) return;
    next = end[0] + '\0';
    await setImmediate();
  }
}
