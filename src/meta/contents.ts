/** Every content the namespace speaks of, for the collector of unreferenced content. */
import { S_IFMT, S_IFREG } from '../fs/types.ts';
import { decodeInode } from './inode-codec.ts';
import { readId6, readVersionNumber } from './keys.ts';
import { records } from './records.ts';
import type { Store } from './store.ts';
import { decodeVersion } from './version-codec.ts';

/** Values move from the present to the past and never back, so the present is read first. */
export async function* contents(store: Store): AsyncGenerator<Uint8Array, void, undefined> {
  yield* ofInodes(store, 'i');
  for await (const [key, bytes] of records(store.kv, 'v')) {
    const { content } = decodeVersion(readVersionNumber(key), bytes);
    if (content.length > 0) yield content;
  }
  yield* ofInodes(store, 'I');
}

async function* ofInodes(store: Store, table: 'i' | 'I'): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const [key, bytes] of records(store.kv, table)) {
    const inode = decodeInode(readId6(key, 1), bytes, store.subjects);
    if ((inode.mode & S_IFMT) === S_IFREG && inode.content.length > 0) yield inode.content;
  }
}
