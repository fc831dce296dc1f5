/** What a case of the FileSystem suite works with: the tree, a directory of its own, callers, short ways of saying things. */
import { expect } from 'vitest';
import type { Caller } from '../../../src/base/caller.ts';
import type { Code } from '../../../src/base/errors.ts';
import { isFsError } from '../../../src/base/errors.ts';
import { nameFromText } from '../../../src/base/names.ts';
import type { Name } from '../../../src/base/names.ts';
import { S_IFDIR, S_IFLNK } from '../../../src/fs/types.ts';
import type {
  Attr,
  DirEntry,
  FileHandle,
  FileSystem,
  NodeId,
  OpenFlags,
  Place,
} from '../../../src/fs/types.ts';

/** What not every FileSystem has. */
export type Feature =
  | 'versions'
  | 'hash'
  | 'tmpfile'
  | 'holes'
  | 'xattrs'
  | 'devices'
  | 'ownership'
  /** Set-id bits given to a file that is open fall with the next write. */
  | 'late set-id bits';

export interface Case {
  readonly title: string;
  readonly needs?: Feature;
  readonly run: (t: Bench) => Promise<void>;
}

export const R: OpenFlags = { read: true, write: false };
export const W: OpenFlags = { read: false, write: true };
export const RW: OpenFlags = { read: true, write: true };

const caller: Caller = {
  subject: 'user:tester',
  zone: '',
  uid: 0,
  gid: 0,
  groups: [],
  pid: 1,
  umask: 0,
  via: 1,
};

export function name(text: string): Name {
  return nameFromText(text);
}

/** Bytes that differ from place to place, the same for the same seed. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 7 + seed * 101) & 255;
  return bytes;
}

/** The promise fails with one of these codes. */
export async function fails(promise: Promise<unknown>, ...expected: Code[]): Promise<void> {
  const outcome = await promise.then(
    () => 'no error',
    (error: unknown) => (isFsError(error) ? error.code : error),
  );
  expect(expected).toContain(outcome);
}

export class Bench {
  readonly fs: FileSystem;
  /** The directory of this case. */
  readonly dir: NodeId;
  readonly me = caller;
  /** Somebody without privileges. */
  readonly other: Caller = { ...caller, subject: 'user:other', uid: 1000, gid: 1000 };
  /** The same subject through another mount. */
  readonly elsewhere: Caller = { ...caller, via: 2 };
  /** The number of a node that never was. */
  readonly missing: NodeId;

  private constructor(fs: FileSystem, dir: NodeId) {
    this.fs = fs;
    this.dir = dir;
    this.missing = dir + 5_000_000_000;
  }

  static async make(fs: FileSystem, parent: NodeId, text: string): Promise<Bench> {
    const attr = await fs.mknod(caller, { parent, name: name(text) }, { mode: S_IFDIR | 0o777 });
    return new Bench(fs, attr.node);
  }

  at(text: string, parent = this.dir): Place {
    return { parent, name: name(text) };
  }

  mkdir(text: string, parent = this.dir, mode = 0o755): Promise<Attr> {
    return this.fs.mknod(this.me, this.at(text, parent), { mode: S_IFDIR | mode });
  }

  symlink(text: string, target: string): Promise<Attr> {
    return this.fs.mknod(this.me, this.at(text), { mode: S_IFLNK | 0o777, target: Buffer.from(target) });
  }

  lookup(text: string, parent = this.dir): Promise<Attr> {
    return this.fs.lookup(this.me, this.at(text, parent));
  }

  stat(node: NodeId): Promise<Attr> {
    return this.fs.getattr(this.me, node);
  }

  /** A new file, open. */
  async create(text: string, flags = RW, mode = 0o644): Promise<{ node: NodeId; handle: FileHandle }> {
    const { attr, handle } = await this.fs.create(this.me, this.at(text), mode, flags);
    return { node: attr.node, handle };
  }

  open(node: NodeId, flags = RW, by = this.me): Promise<FileHandle> {
    return this.fs.open(by, node, flags);
  }

  async write(handle: FileHandle, bytes: Uint8Array | string, offset = 0): Promise<void> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    expect(await handle.write(this.me, data, offset)).toBe(data.length);
  }

  /** Up to `length` bytes from `offset`. */
  async read(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
    const into = Buffer.alloc(length, 0xee);
    return into.subarray(0, await handle.read(this.me, into, offset));
  }

  /** close(2) of the only descriptor. */
  async close(handle: FileHandle): Promise<void> {
    await handle.flush(this.me);
    await handle.release(this.me);
  }

  /** A new closed file. */
  async put(text: string, bytes: Uint8Array | string = ''): Promise<NodeId> {
    const { node, handle } = await this.create(text);
    if (bytes.length > 0) await this.write(handle, bytes);
    await this.close(handle);
    return node;
  }

  /** One change of a closed file: open, write, close. */
  async change(node: NodeId, bytes: Uint8Array | string, offset = 0, flags = RW): Promise<void> {
    const handle = await this.open(node, flags);
    await this.write(handle, bytes, offset);
    await this.close(handle);
  }

  /** The whole of a file, by opening it. */
  async slurp(node: NodeId): Promise<Buffer> {
    const handle = await this.open(node, R);
    const bytes = await this.read(handle, 0, (await this.stat(node)).size + 1);
    await this.close(handle);
    return bytes;
  }

  async text(node: NodeId): Promise<string> {
    return (await this.slurp(node)).toString('latin1');
  }

  /** All entries, a few at a time. */
  async list(node = this.dir, limit = 1000): Promise<DirEntry[]> {
    const entries: DirEntry[] = [];
    for (let after = 0; ; ) {
      const page = await this.fs.readdir(this.me, node, after, limit);
      const last = page.at(-1);
      if (last === undefined) return entries;
      entries.push(...page);
      after = last.cookie;
    }
  }

  async names(node = this.dir): Promise<string[]> {
    return (await this.list(node)).map((entry) => Buffer.from(entry.name, 'latin1').toString()).sort();
  }
}
