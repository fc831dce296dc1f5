/** Garbage collection: content no inode, no version and no open file names any more is deleted, while everything goes on. */
import { decodeContent } from '../cas/content.ts';
import type { ContentStore } from '../cas/content-store.ts';
import type { Content, Progress } from '../cas/types.ts';
import type { Namespace } from '../meta/namespace.ts';

export interface CollectOptions {
  readonly content: ContentStore;
  readonly namespace: Namespace;
  /** Contents that open files read although no record may name them any more. */
  readonly inUse: () => Iterable<Content>;
  readonly progress?: (done: Progress) => void;
}

/** What was freed. */
export function collect(
  options: CollectOptions,
): Promise<{ readonly blocks: number; readonly bytes: number }> {
  const { content, namespace, inUse, progress } = options;
  async function* live(): AsyncIterable<Content> {
    for await (const bytes of namespace.contents()) yield decodeContent(bytes);
    yield* inUse();
  }
  return content.sweep(live, progress);
}
