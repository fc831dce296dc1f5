/** Content stores on temporary directories, and what tests do with them all the time. */
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { ContentStore } from '../../src/cas/content-store.ts';
import type { Content, Draft, Slot } from '../../src/cas/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';

export const KIB = 1024;
export const MIB = 1024 * 1024;
export const BLOCK = 256 * KIB;

const made: string[] = [];

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-cas-'));
  made.push(directory);
  return directory;
}

afterAll(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A store that can be closed and opened again over the same index and files. */
export class Stage implements AsyncDisposable {
  readonly directory = join(temporaryDirectory(), 'content');
  readonly kv: KvStore;
  readonly worker: URL | undefined;
  store!: ContentStore;

  private constructor(kv: KvStore, worker: URL | undefined) {
    this.kv = kv;
    this.worker = worker;
  }

  static async open(kv: KvStore = new MemoryKv(), worker?: URL): Promise<Stage> {
    const stage = new Stage(kv, worker);
    await stage.reopen();
    return stage;
  }

  async reopen(): Promise<void> {
    await (this.store as ContentStore | undefined)?.[Symbol.asyncDispose]();
    const options = { directory: this.directory, kv: this.kv };
    this.store = await ContentStore.open(this.worker ? { ...options, worker: this.worker } : options);
  }

  /** Commits a draft in a transaction of its own. */
  async commit(draft: Draft): Promise<Content> {
    await this.kv.write((tx) => draft.apply(tx));
    draft.done();
    return draft.content;
  }

  async putBytes(bytes: Uint8Array): Promise<Content> {
    return this.commit(await this.store.draftBytes(bytes));
  }

  /** Adopts a slot that holds the chunks at their offsets. */
  async adopt(
    size: number,
    chunks: readonly (readonly [offset: number, bytes: Uint8Array])[],
  ): Promise<Content> {
    return this.commit(await this.store.draftAdopt(this.fill(chunks), size));
  }

  fill(chunks: readonly (readonly [offset: number, bytes: Uint8Array])[]): Slot {
    const slot = this.store.slot();
    for (const [offset, bytes] of chunks) writeAll(slot.fd, bytes, offset);
    return slot;
  }

  async read(content: Content, size: number, offset = 0, length = size - offset): Promise<Buffer> {
    const into = Buffer.alloc(Math.max(0, length), 0xee);
    const got = await this.store.read(content, size, into, offset);
    return into.subarray(0, got);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
  }
}

function writeAll(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

/** Reproducible bytes that compress and deduplicate as little as random ones. */
export function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = (seed * 2654435761 + 12345) >>> 0;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state;
  }
  return bytes;
}

/** Descriptors of this process that point below a directory. */
export function openBelow(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(directory) ? [target] : [];
    } catch {
      return [];
    }
  });
}

/** Numbers of the files in a content directory. */
export function filesIn(directory: string): number[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((path) => path.split('/').at(-1) ?? '')
    .filter((name) => name.length === 8)
    .map((name) => Number.parseInt(name, 16));
}

export function pathOf(directory: string, id: number): string {
  const name = id.toString(16).padStart(8, '0');
  return join(directory, name.slice(4, 6), name);
}

export async function* each(contents: Iterable<Content>): AsyncGenerator<Content, void> {
  for (const content of contents) yield content;
}
