/** A volume that is driven by steps, closed and opened again over the same stores, or abandoned as by kill -9. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Caller } from '../../src/base/caller.ts';
import { FsError, isFsError } from '../../src/base/errors.ts';
import { nameToText } from '../../src/base/names.ts';
import { ContentStore } from '../../src/cas/content-store.ts';
import {
  type Attr,
  type FileHandle,
  type FileSystem,
  type OpenFlags,
  type Place,
  root,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../../src/fs/types.ts';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { Namespace } from '../../src/meta/namespace.ts';
import type { CasVolume } from '../../src/volume/cas-volume.ts';
import { check } from '../../src/volume/check.ts';
import { collect } from '../../src/volume/collect.ts';
import { openCasVolume } from '../../src/volume/open-cas-volume.ts';
import { copyExactly } from '../volume/copy-exactly.ts';
import { at, caller, clock, readAll, reading } from '../volume/fixture.ts';
import { passthrough } from '../volume/passthrough.ts';
import { bytesOf, digest } from './noise.ts';
import { type FileOperation, type Outcome, type Step, statText } from './steps.ts';
import type { NodeState, OpenHow } from './tree.ts';

export interface WorldOptions {
  readonly kv: 'memory' | 'level';
  /** Handles do their I/O on the backing file where they may. */
  readonly passthrough: boolean;
  /** Stands before the store while the volume opens and runs, to make it fail. */
  readonly wrap?: (kv: KvStore) => KvStore;
}

const flagsOf: Record<OpenHow, OpenFlags> = {
  read: reading,
  write: { read: true, write: true },
  append: { read: true, write: true, append: true },
  truncate: { read: true, write: true, truncate: true },
  exclusive: { read: true, write: true },
};

interface Open {
  readonly handle: FileHandle;
  readonly by: Caller;
}

export class World implements AsyncDisposable {
  readonly errors: string[] = [];
  directory: string;
  kv!: KvStore;
  content!: ContentStore;
  namespace!: Namespace;
  volume!: CasVolume;
  readonly #options: WorldOptions;
  #memory = new MemoryKv();
  #fs!: FileSystem;
  #running = false;
  readonly #handles = new Map<number, Open>();

  private constructor(options: WorldOptions, directory: string) {
    this.#options = options;
    this.directory = directory;
  }

  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options, mkdtempSync(join(tmpdir(), 'nexus-model-')));
    await world.start(options.wrap);
    return world;
  }

  /** Opens the stores; when that fails, everything opened so far is closed. */
  async start(wrap?: WorldOptions['wrap']): Promise<void> {
    const opened: AsyncDisposable[] = [];
    try {
      await this.#assemble(opened, wrap);
    } catch (error) {
      for (const part of opened.reverse()) await part[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #assemble(opened: AsyncDisposable[], wrap: WorldOptions['wrap']): Promise<void> {
    const now = clock();
    const later: { content?: ContentStore } = {};
    const beforeSync = async (): Promise<void> => later.content?.syncPacks();
    const store =
      this.#options.kv === 'level'
        ? await openLevelKv(join(this.directory, 'meta'), { beforeSync })
        : this.#memory;
    if (store !== this.#memory) opened.push(store);
    this.kv = wrap?.(store) ?? store;
    this.content = await ContentStore.open({ directory: join(this.directory, 'content'), kv: this.kv });
    opened.push(this.content);
    later.content = this.content;
    this.namespace = await Namespace.open({ kv: this.kv, now });
    this.volume = await openCasVolume({
      directory: this.directory,
      kv: this.kv,
      content: this.content,
      namespace: this.namespace,
      now,
      powerCut: false,
      onError: (error, what) => this.errors.push(`${what}: ${String(error)}`),
    });
    this.#fs = this.#options.passthrough ? passthrough(this.volume) : this.volume;
    this.#running = true;
  }

  /** Closes the volume, its handles as a program that ends does; MemoryKv stays. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    const failed: unknown[] = [];
    const parts = [
      () => this.closeAll(),
      () => this.volume[Symbol.asyncDispose](),
      () => this.content[Symbol.asyncDispose](),
      async () => (this.#options.kv === 'level' ? await this.kv[Symbol.asyncDispose]() : undefined),
    ];
    for (const part of parts) await part().catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw failed[0];
  }

  /** Goes on with a copy of what is on the disk at this moment, and of what a store in memory holds. */
  async kill(): Promise<void> {
    // A kill is one moment, a copy takes many: what the thread pool was given ends first.
    await new Promise((resolve) => setTimeout(resolve, 5));
    const copy = mkdtempSync(join(tmpdir(), 'nexus-model-'));
    copyExactly(this.directory, copy);
    const memory = new MemoryKv();
    const entries = this.#memory.scan({ from: '', to: '\u00ff'.repeat(8), limit: Infinity });
    await memory.write((tx) => {
      for (const [key, value] of entries) tx.put(key, value);
    });
    // Nothing depends on what is abandoned.
    await this.stop().catch(() => undefined);
    rmSync(this.directory, { recursive: true });
    this.directory = copy;
    this.#memory = memory;
  }

  async closeAll(): Promise<void> {
    const open = [...this.#handles.values()];
    this.#handles.clear();
    const failed: unknown[] = [];
    for (const each of open) await closed(each).catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw failed[0];
  }

  async run(step: Step): Promise<Outcome> {
    try {
      const value = await this.#run(step, { ...caller, via: 1 + step.via });
      return typeof value === 'string' ? { value } : {};
    } catch (error) {
      if (isFsError(error)) return { code: error.code };
      throw error;
    }
  }

  /** Everything in the tree, as a reference tree shows it. */
  async state(by: Caller = caller): Promise<Map<string, NodeState>> {
    const found = new Map<string, Attr>();
    await this.#walk(by, '/', await this.#fs.getattr(by, root), found);
    const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
    const first = new Map<number, string>();
    for (const [path, { node }] of sorted) if (!first.has(node)) first.set(node, path);
    const state = new Map<string, NodeState>();
    for (const [path, attr] of sorted) {
      const content = digest(await this.#contentOf(by, attr));
      state.set(path, { ...nodeState(attr), content, first: first.get(attr.node)! });
    }
    return state;
  }

  /** What fsck finds, bytes included. */
  async problems(): Promise<string[]> {
    await this.content.settle();
    const problems: string[] = [];
    const { kv, content, namespace } = this;
    for await (const { where, kind, detail } of check({
      kv,
      content,
      namespace,
      repair: false,
      bytes: true,
    })) {
      problems.push(`${where}/${kind}: ${detail}`);
    }
    return problems;
  }

  async collect(): Promise<void> {
    const { content, namespace, volume } = this;
    await collect({ content, namespace, inUse: () => volume.contentsInUse() });
  }

  /** The newest version of a file that nobody has open; undefined where none was made. */
  async newest(path: string): Promise<string | undefined> {
    const { node } = await this.#follow(caller, path);
    const { number, size } = (await this.volume.versions(caller, node, 0, 10_000)).at(-1) ?? {};
    if (number === undefined || size === undefined) return undefined;
    const bytes = Buffer.alloc(size + 1);
    let done = 0;
    for (let count = 1; count > 0; done += count) {
      count = await this.volume.readVersion(caller, node, number, bytes.subarray(done), done);
    }
    return digest(bytes.subarray(0, done));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #run(step: Step, by: Caller): Promise<unknown> {
    switch (step.op) {
      case 'open':
      case 'close':
      case 'fstat':
      case 'fsync':
      case 'pwrite':
      case 'pread':
      case 'ftruncate':
      case 'punch':
      case 'zero':
      case 'copy':
        return this.#handle(step, by);
      case 'put':
      case 'extend':
      case 'patch':
      case 'resize':
      case 'stat':
      case 'read':
      case 'list':
        return this.#file(step, by);
      default:
        return this.#tree(step, by);
    }
  }

  async #tree(
    step: Exclude<Step, FileOperation | { readonly handle: number }>,
    by: Caller,
  ): Promise<unknown> {
    const place = await this.#resolve(by, step.path);
    switch (step.op) {
      case 'mkdir':
        return this.#fs.mknod(by, place, { mode: S_IFDIR | (step.mode & 0o1777) });
      case 'create':
        return this.#fs.mknod(by, place, { mode: S_IFREG | step.mode });
      case 'symlink':
        return this.#fs.mknod(by, place, { mode: S_IFLNK | 0o777, target: Buffer.from(step.target) });
      case 'link': {
        const { node } = await this.#fs.lookup(by, place);
        return this.#fs.link(by, node, await this.#resolve(by, step.to));
      }
      case 'unlink':
        return this.#fs.unlink(by, place);
      case 'rmdir':
        return this.#fs.rmdir(by, place);
      case 'rename':
        return this.#fs.rename(by, place, await this.#resolve(by, step.to), step.mode);
      case 'chmod':
        return this.#fs.setattr(by, (await this.#follow(by, step.path)).node, { mode: step.mode });
      case 'chown': {
        const { node } = await this.#fs.lookup(by, place);
        return this.#fs.setattr(by, node, { uid: step.uid, gid: step.gid });
      }
      case 'truncate':
        return this.#resize(by, step.path, step.size);
      case 'write':
        return this.#through(by, step.path, 'write', (handle) =>
          writeAll(handle, by, Buffer.from(step.data, 'latin1'), step.offset),
        );
    }
  }

  async #file(step: Extract<Step, FileOperation & { readonly path: string }>, by: Caller): Promise<unknown> {
    switch (step.op) {
      case 'put':
        return this.#through(by, step.path, 'truncate', (handle) =>
          writeAll(handle, by, bytesOf(step.data), 0),
        );
      case 'extend':
        return this.#through(by, step.path, 'append', (handle) =>
          writeAll(handle, by, bytesOf(step.data), 0),
        );
      case 'patch':
        return this.#through(by, step.path, 'write', (handle) =>
          writeAll(handle, by, bytesOf(step.data), step.offset),
        );
      case 'resize':
        return this.#resize(by, step.path, step.size);
      case 'stat': {
        const attr = await this.#fs.lookup(by, await this.#resolve(by, step.path));
        return statText({ ...nodeState(attr), content: ' '.repeat(attr.size), first: '' });
      }
      case 'read': {
        const attr = await this.#follow(by, step.path);
        if ((attr.mode & S_IFMT) === S_IFDIR) throw new FsError('EISDIR');
        return digest(await this.#contentOf(by, attr));
      }
      case 'list': {
        const { node } = await this.#follow(by, step.path);
        return (await this.#names(by, node))
          .map(([name]) => name)
          .sort()
          .join(' ');
      }
      case 'open':
        return undefined;
    }
  }

  async #handle(step: Extract<Step, { readonly handle: number }>, by: Caller): Promise<unknown> {
    if (step.op === 'open') return this.#open(step, by);
    const open = this.#handles.get(step.handle);
    if (open === undefined) throw new FsError('EBADF');
    const { handle } = open;
    switch (step.op) {
      case 'close':
        this.#handles.delete(step.handle);
        return closed(open);
      case 'fsync':
        return handle.fsync(open.by, false);
      case 'fstat': {
        const { size, nlink } = await this.#fs.getattr(open.by, handle.node);
        return `size ${size} nlink ${nlink}`;
      }
      case 'pwrite':
        return this.#write(open, bytesOf(step.data), step.offset);
      case 'pread':
        return digest(await readRange(handle, open.by, step.offset, step.length));
      case 'ftruncate':
        // The kernel refuses that by itself.
        if (!handle.flags.write) throw new FsError('EINVAL');
        return this.#fs.setattr(open.by, handle.node, { size: step.size });
      case 'punch':
      case 'zero':
        return handle.allocate(open.by, step.op === 'punch' ? 3 : 16, step.offset, step.length);
      case 'copy': {
        const to = this.#handles.get(step.to)?.handle;
        if (to === undefined) throw new FsError('EBADF');
        return String(await handle.copyRange(open.by, step.offset, to, step.toOffset, step.length));
      }
    }
  }

  /** One write(2): how much of it was done is told where it was not all. */
  async #write({ handle, by }: Open, data: Buffer, offset: number): Promise<string | undefined> {
    const count = await handle.write(by, data, offset);
    return count === data.length ? undefined : `wrote ${count}`;
  }

  async #open(step: Extract<Step, { readonly op: 'open' }>, by: Caller): Promise<void> {
    const old = this.#handles.get(step.handle);
    this.#handles.delete(step.handle);
    if (old !== undefined) await closed(old);
    const handle = await this.#openPath(by, step.path, step.how);
    this.#handles.set(step.handle, { handle, by });
  }

  async #openPath(by: Caller, path: string, how: OpenHow): Promise<FileHandle> {
    if (how === 'exclusive') {
      const place = await this.#resolve(by, path);
      return (await this.#fs.create(by, place, S_IFREG | 0o644, flagsOf[how])).handle;
    }
    const { node } = await this.#follow(by, path);
    return this.#fs.open(by, node, flagsOf[how]);
  }

  async #through(
    by: Caller,
    path: string,
    how: OpenHow,
    use: (handle: FileHandle) => Promise<unknown>,
  ): Promise<void> {
    const handle = await this.#openPath(by, path, how);
    try {
      await use(handle);
    } catch (error) {
      await closed({ handle, by }).catch(() => undefined);
      throw error;
    }
    await closed({ handle, by });
  }

  async #resize(by: Caller, path: string, size: number): Promise<void> {
    const { node, mode } = await this.#follow(by, path);
    if ((mode & S_IFMT) === S_IFDIR) throw new FsError('EISDIR');
    await this.#fs.setattr(by, node, { size });
  }

  async #resolve(by: Caller, path: string): Promise<Place> {
    const names = path.split('/').slice(1);
    const name = names.pop() ?? '';
    let parent: number = root;
    for (const step of names) {
      const next = await this.#fs.lookup(by, at(step, parent));
      if ((next.mode & S_IFMT) === S_IFLNK) throw new FsError('ENOENT');
      if ((next.mode & S_IFMT) !== S_IFDIR) throw new FsError('ENOTDIR');
      parent = next.node;
    }
    return at(name, parent);
  }

  async #follow(by: Caller, path: string): Promise<Attr> {
    const found = await this.#fs.lookup(by, await this.#resolve(by, path));
    if ((found.mode & S_IFMT) === S_IFLNK) throw new FsError('ENOENT');
    return found;
  }

  async #names(by: Caller, node: number): Promise<[string, Attr][]> {
    const names: [string, Attr][] = [];
    for (let after = 0; ; ) {
      const page = await this.#fs.readdir(by, node, after, 2);
      for (const { name, attr } of page) names.push([nameToText(name), attr]);
      const last = page.at(-1);
      if (last === undefined) return names;
      after = last.cookie;
    }
  }

  async #walk(by: Caller, path: string, attr: Attr, found: Map<string, Attr>): Promise<void> {
    if (found.has(path)) throw new Error(`${path} is listed twice`);
    found.set(path, attr);
    if ((attr.mode & S_IFMT) !== S_IFDIR) return;
    for (const [name, child] of await this.#names(by, attr.node)) {
      await this.#walk(by, path === '/' ? `/${name}` : `${path}/${name}`, child, found);
    }
  }

  async #contentOf(by: Caller, { node, mode, size }: Attr): Promise<Buffer> {
    if ((mode & S_IFMT) === S_IFDIR) return Buffer.alloc(0);
    if ((mode & S_IFMT) === S_IFLNK) return Buffer.from(await this.#fs.readlink(by, node));
    const handle = await this.#fs.open(by, node, reading);
    try {
      return await readAll(handle, size, by);
    } finally {
      await closed({ handle, by });
    }
  }
}

function nodeState({ mode, uid, gid, nlink }: Attr): Omit<NodeState, 'content' | 'first'> {
  const kind = mode & S_IFMT;
  const type = kind === S_IFDIR ? 'directory' : kind === S_IFLNK ? 'symlink' : 'file';
  return { type, mode: mode & 0o7777, uid, gid, nlink };
}

/** close(2) of the last descriptor: its end comes whether flush fails or not. */
async function closed({ handle, by }: Open): Promise<void> {
  try {
    await handle.flush(by);
  } finally {
    await handle.release(by);
  }
}

async function writeAll(handle: FileHandle, by: Caller, data: Buffer, offset: number): Promise<void> {
  // A call without bytes shows whether the handle may write at all.
  let done = await handle.write(by, data, offset);
  while (done < data.length) done += await handle.write(by, data.subarray(done), offset + done);
}

async function readRange(handle: FileHandle, by: Caller, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  for (let count = 1; count > 0 && done < length; done += count) {
    count = await handle.read(by, bytes.subarray(done), offset + done);
  }
  return bytes.subarray(0, done);
}
