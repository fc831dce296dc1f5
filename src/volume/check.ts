/** The check of a volume (fsck): the tree, the contents it names, the bytes of these, the slots that are bound. */
import { decodeContent } from '../cas/content.ts';
import type { ContentStore } from '../cas/content-store.ts';
import type { Progress } from '../cas/types.ts';
import type { KvStore } from '../kv/types.ts';
import type { Namespace } from '../meta/namespace.ts';
import { bindings } from './binding.ts';

export interface CheckOptions {
  readonly kv: KvStore;
  readonly content: ContentStore;
  readonly namespace: Namespace;
  /** Mend what can be mended. */
  readonly repair: boolean;
  /** Read and hash every byte too. */
  readonly bytes: boolean;
  readonly progress?: (done: Progress) => void;
}

/** Something found; `detail` is for people. */
export interface VolumeProblem {
  readonly where: 'tree' | 'content' | 'slots';
  readonly kind: string;
  readonly detail: string;
  readonly repaired: boolean;
}

export async function* check(options: CheckOptions): AsyncIterable<VolumeProblem> {
  for await (const { kind, detail, repaired } of options.namespace.check(options.repair)) {
    yield { where: 'tree', kind, detail, repaired };
  }
  yield* checkContents(options);
  if (options.bytes) {
    for await (const { kind, detail } of options.content.verify(options.progress)) {
      yield { where: 'content', kind, detail, repaired: false };
    }
  }
  yield* checkSlots(options);
}

/** Every content that a record names is there. */
async function* checkContents(options: CheckOptions): AsyncIterable<VolumeProblem> {
  let last: Uint8Array | undefined;
  for await (const bytes of options.namespace.contents()) {
    // An inode and its newest version name the same content, often one after the other.
    if (bytes.length === 0 || (last !== undefined && Buffer.compare(last, bytes) === 0)) continue;
    last = bytes;
    const problem = await options.content.inspect(decodeContent(bytes), 1);
    if (problem !== undefined) {
      yield { where: 'content', kind: problem.kind, detail: problem.detail, repaired: false };
    }
  }
}

/** Every bound slot belongs to an inode. */
async function* checkSlots(options: CheckOptions): AsyncIterable<VolumeProblem> {
  for await (const { slot, binding } of bindings(options.kv)) {
    if ((await options.namespace.inode(binding.ino)) !== undefined) continue;
    const detail = `slot ${String(slot)} is bound to inode ${String(binding.ino)}, which does not exist; the next start frees it`;
    yield { where: 'slots', kind: 'dangling-slot', detail, repaired: false };
  }
}
