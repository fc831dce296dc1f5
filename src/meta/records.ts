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
  const to = endOf(prefix);
  for (let next = from; ; ) {
    const page = await kv.scan({ from: next, to, limit: SLICE });
    yield* page;
    const end = page.at(-1);
    if (end === undefined || page.length < SLICE) return;
    next = end[0] + '\0';
    await setImmediate();
  }
}

/** Past the last key that begins with `prefix`, which is not bytes of 255 alone. */
function endOf(prefix: string): Key {
  let last = prefix.length - 1;
  while (prefix.charCodeAt(last) === 255) last--;
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
}
