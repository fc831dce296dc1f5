/** Reading the versions of a file. */
import type { Awaitable } from '../base/awaitable.ts';
import { andThen } from './and-then.ts';
import { id6, readVersionNumber, versionKey } from './keys.ts';
import type { Store } from './store.ts';
import type { VersionRecord } from './types.ts';
import { decodeVersion } from './version-codec.ts';

export function versions(
  store: Store,
  ino: number,
  after: number,
  limit: number,
): Awaitable<readonly VersionRecord[]> {
  const from = versionKey(ino, after + 1);
  return andThen(store.kv.scan({ from, to: 'v' + id6(ino + 1), limit }), (page) =>
    page.map(([key, bytes]) => decodeVersion(readVersionNumber(key), bytes)),
  );
}

export function version(store: Store, ino: number, number: number): Awaitable<VersionRecord | undefined> {
  return andThen(store.kv.get(versionKey(ino, number)), (bytes) =>
    bytes === undefined ? undefined : decodeVersion(number, bytes),
  );
}
