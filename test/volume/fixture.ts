/** A volume with its stores in a temporary directory, and the few calls tests make of it again and again. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Caller } from '../../src/base/caller.ts';
import { FsError } from '../../src/base/errors.ts';
import { nameFromText } from '../../src/base/names.ts';
import type { Time } from '../../src/base/time.ts';
import { ContentStore } from '../../src/cas/content-store.ts';
import { root } from '../../src/fs/types.ts';
import type { FileHandle, FileSystem, NodeId, OpenFlags, Place } from '../../src/fs/types.ts';
import { loadNative } from '../../src/host/native.ts';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { Namespace } from '../../src/meta/namespace.ts';
import type { CasVolume } from '../../src/volume/cas-volume.ts';
import { openCasVolume } from '../../src/volume/open-cas-volume.ts';
import type { HostTraits } from '../../src/volume/types.ts';
import { copyExactly } from './copy-exactly.ts';

export interface Stack extends AsyncDisposable {
  readonly directory: string;
  readonly kv: KvStore;
  readonly content: ContentStore;
  readonly namespace: Namespace;
  readonly volume: CasVolume;
  /** What failed where nobody waited. */
  readonly errors: string[];
  /** Lets go of everything without closing anything: what is on the disk is what kill -9 leaves. A copy of the directory. */
  crash(): Promise<string>;
}

export interface StackOptions {
  readonly kv?: 'memory' | 'level';
  readonly directory?: string;
  readonly powerCut?: boolean;
  readonly host?: HostTraits;
  /** Stands before the store, to make it fail. */
  readonly wrap?: (kv: KvStore) => KvStore;
}

export function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'nexus-volume-'));
}

export const caller: Caller = {
  subject: 'user:tester',
  zone: '',
  uid: 0,
  gid: 0,
  groups: [],
  pid: 1,
  umask: 0,
  via: 1,
};

export const stranger: Caller = { ...caller, subject: 'user:stranger', uid: 1000, gid: 1000 };

export function clock(): () => Time {
  const native = loadNative();
  const into = new Float64Array(2);
  return () => {
    native.clock(into);
    return { sec: into[0] ?? 0, nsec: into[1] ?? 0 };
  };
}

export async function openStack(options: StackOptions = {}): Promise<Stack> {
  const directory = options.directory ?? temporary();
  const copies: string[] = [];
  const errors: string[] = [];
  mkdirSync(directory, { recursive: true });
  const later: { content?: ContentStore } = {};
  const beforeSync = async (): Promise<void> => later.content?.syncPacks();
  const store: KvStore =
    options.kv === 'level' ? await openLevelKv(join(directory, 'meta'), { beforeSync }) : new MemoryKv();
  const kv = options.wrap?.(store) ?? store;
  const content = await ContentStore.open({ directory: join(directory, 'content'), kv });
  later.content = content;
  const now = clock();
  const namespace = await Namespace.open({ kv, now });
  const volume = await openCasVolume({
    directory,
    kv,
    content,
    namespace,
    now,
    powerCut: options.powerCut ?? false,
    onError: (error, what) => errors.push(`${what}: ${String(error)}`),
    ...(options.host === undefined ? {} : { host: options.host }),
  });
  return {
    directory,
    kv,
    content,
    namespace,
    volume,
    errors,
    async crash() {
      // kill -9 is one moment, a copy takes many: what the thread pool was given ends first.
      await new Promise((resolve) => setTimeout(resolve, 50));
      const copy = temporary();
      copyExactly(directory, copy);
      copies.push(copy);
      return copy;
    },
    async [Symbol.asyncDispose]() {
      await volume[Symbol.asyncDispose]();
      await content[Symbol.asyncDispose]();
      await kv[Symbol.asyncDispose]();
      for (const path of [directory, ...copies]) rmSync(path, { recursive: true, force: true });
    },
  };
}

export function at(name: string, parent: NodeId = root): Place {
  return { parent, name: nameFromText(name) };
}

export const reading: OpenFlags = { read: true, write: false };
export const writing: OpenFlags = { read: true, write: true };
export const passing: OpenFlags = { read: true, write: true, passthrough: true };

/** close(2) of the only descriptor. */
export async function close(handle: FileHandle, by: Caller = caller): Promise<void> {
  await handle.flush(by);
  await handle.release(by);
}

/** A new file with these bytes, closed. */
export async function put(
  fs: FileSystem,
  place: Place,
  bytes: Uint8Array,
  by: Caller = caller,
): Promise<NodeId> {
  const { attr, handle } = await fs.create(by, place, 0o644, writing);
  for (let done = 0; done < bytes.length; ) done += await handle.write(by, bytes.subarray(done), done);
  await close(handle, by);
  return attr.node;
}

/** All bytes of a file, read through a handle of its own. */
export async function slurp(fs: FileSystem, node: NodeId, by: Caller = caller): Promise<Buffer> {
  const handle = await fs.open(by, node, reading);
  try {
    return await readAll(handle, (await fs.getattr(by, node)).size, by);
  } finally {
    await close(handle, by);
  }
}

export async function readAll(handle: FileHandle, size: number, by: Caller = caller): Promise<Buffer> {
  const bytes = Buffer.alloc(size + 10);
  let done = 0;
  while (done < bytes.length) {
    const count = await handle.read(by, bytes.subarray(done), done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** Bytes that are the same for the same seed and do not repeat. */
export function bytesOf(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 255;
  }
  return bytes;
}

/** A store whose writes fail while `failing` is set. */
export function breakable(switches: { failing: boolean }): (kv: KvStore) => KvStore {
  return (kv) => ({
    get: (key) => kv.get(key),
    scan: (range) => kv.scan(range),
    write: (fn) =>
      switches.failing ? Promise.reject(new FsError('ENOSPC', 'no room in the journal')) : kv.write(fn),
    sync: () => kv.sync(),
    stats: () => kv.stats(),
    [Symbol.asyncDispose]: () => kv[Symbol.asyncDispose](),
  });
}
