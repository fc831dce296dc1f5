/** The path API: what people and programs do with files by their paths, over any FileSystem. */
import type { Caller } from '../base/caller.ts';
import { FsError, isFsError } from '../base/errors.ts';
import { nameFromText } from '../base/names.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../fs/types.ts';
import type { Attr, DirEntry, FileHandle, FileSystem, Place, RenameMode, Version } from '../fs/types.ts';
import { removeTree } from './remove-tree.ts';
import { resolve } from './resolve.ts';
import type { Resolved } from './resolve.ts';
import { splitPath } from './path.ts';
import { about } from './words.ts';

/** Bytes moved at a time. */
const chunk = 256 * 1024;

export interface WriteOptions {
  /** Add at the end instead of replacing the content. */
  readonly append?: boolean;
  /** Permission bits of a file that is made. */
  readonly mode?: number;
}

/** Errors are FsErrors that begin with the path. Mode bits are not looked at: who may call this at all is the edge's decision. */
export class TreeFiles {
  readonly #fs: FileSystem;

  constructor(fs: FileSystem) {
    this.#fs = fs;
  }

  async #at<T>(path: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw about(path, error);
    }
  }

  async #attr(caller: Caller, path: string, follow: boolean): Promise<Attr> {
    const { attr } = await resolve(this.#fs, caller, path, follow);
    if (!attr) throw new FsError('ENOENT');
    return attr;
  }

  /** The place of something new: its directory exists, it does not. */
  async #free(caller: Caller, path: string): Promise<Place> {
    const { place, attr } = await resolve(this.#fs, caller, path, false);
    if (attr || !place) throw new FsError('EEXIST');
    return place;
  }

  stat(caller: Caller, path: string, options: { readonly follow?: boolean } = {}): Promise<Attr> {
    return this.#at(path, () => this.#attr(caller, path, options.follow ?? true));
  }

  /** The target of a symlink. */
  readlink(caller: Caller, path: string): Promise<Uint8Array> {
    return this.#at(path, async () => {
      const attr = await this.#attr(caller, path, false);
      return this.#fs.readlink(caller, attr.node);
    });
  }

  /** BLAKE3-256 of the content of a regular file, as 64 hex digits. */
  hash(caller: Caller, path: string): Promise<string> {
    return this.#at(path, async () => {
      const attr = await this.#attr(caller, path, true);
      const value = await this.#fs.getxattr(caller, attr.node, nameFromText('user.nexus.hash'));
      return Buffer.from(value).toString('latin1');
    });
  }

  /** A page of a directory: the next one starts after the last cookie, none is left when it is empty. */
  list(caller: Caller, path: string, after: number, limit: number): Promise<readonly DirEntry[]> {
    return this.#at(path, async () => {
      const attr = await this.#attr(caller, path, true);
      if (attr.parent === undefined) throw new FsError('ENOTDIR');
      return this.#fs.readdir(caller, attr.node, after, limit);
    });
  }

  /** The bytes of a file from `offset` on, at most `length` of them, in pieces; a piece is only valid until the next is asked for. */
  async *read(
    caller: Caller,
    path: string,
    range: { readonly offset?: number; readonly length?: number } = {},
  ): AsyncGenerator<Uint8Array> {
    const handle = await this.#at(path, async () => {
      const attr = await this.#attr(caller, path, true);
      regular(attr);
      return this.#fs.open(caller, attr.node, { read: true, write: false });
    });
    try {
      const pull = (into: Uint8Array, offset: number): Promise<number> =>
        this.#at(path, () => handle.read(caller, into, offset));
      yield* pieces(pull, range.offset ?? 0, range.length ?? Infinity);
    } finally {
      await handle.release(caller);
    }
  }

  /** The bytes of one version of a file. */
  async *readVersion(
    caller: Caller,
    path: string,
    version: number,
    range: { readonly offset?: number; readonly length?: number } = {},
  ): AsyncGenerator<Uint8Array> {
    const attr = await this.#at(path, () => this.#attr(caller, path, true));
    const pull = async (into: Uint8Array, offset: number): Promise<number> => {
      try {
        return await this.#fs.readVersion(caller, attr.node, version, into, offset);
      } catch (error) {
        if (!isFsError(error, 'ENOENT')) throw about(`${path}@${version}`, error);
        const newest = attr.version === 0 ? 'it has none yet' : `they go from 1 to ${attr.version}`;
        throw new FsError('ENOENT', `${path}@${version}: no such version: ${newest}`);
      }
    };
    yield* pieces(pull, range.offset ?? 0, range.length ?? Infinity);
  }

  /** Writes a file, made where it is not there: one version, when all of the body has come. Resolves to the bytes written. */
  write(
    caller: Caller,
    path: string,
    body: AsyncIterable<Uint8Array>,
    options: WriteOptions = {},
  ): Promise<number> {
    return this.#at(path, async () => {
      const handle = await this.#openForWriting(caller, path, options);
      try {
        let offset = options.append === true ? (await this.#fs.getattr(caller, handle.node)).size : 0;
        const start = offset;
        for await (const piece of body) {
          offset += await handle.write(caller, piece, offset);
          caller.signal?.throwIfAborted();
        }
        await handle.flush(caller);
        return offset - start;
      } finally {
        await handle.release(caller);
      }
    });
  }

  async #openForWriting(caller: Caller, path: string, options: WriteOptions): Promise<FileHandle> {
    const append = options.append ?? false;
    const flags = { read: false, write: true, append, truncate: !append };
    const found = await resolve(this.#fs, caller, path, true);
    if (found.attr) {
      regular(found.attr);
      return this.#fs.open(caller, found.attr.node, flags);
    }
    if (path.endsWith('/')) throw new FsError('EISDIR');
    const place = placeOf(found);
    try {
      return (await this.#fs.create(caller, place, S_IFREG | (options.mode ?? 0o644), flags)).handle;
    } catch (error) {
      // Somebody else made it since it was looked for: then it is there to be opened.
      if (!isFsError(error, 'EEXIST')) throw error;
      const { node } = await this.#fs.lookup(caller, place);
      return this.#fs.open(caller, node, flags);
    }
  }

  /** Makes a directory; with `parents` those above it too, and nothing where it exists. */
  mkdir(
    caller: Caller,
    path: string,
    options: { readonly parents?: boolean; readonly mode?: number } = {},
  ): Promise<Attr> {
    const what = { mode: S_IFDIR | (options.mode ?? 0o755) };
    return this.#at(path, async () => {
      const plain = path.replace(/\/+$/, '') || '/';
      if (options.parents !== true) return this.#fs.mknod(caller, await this.#free(caller, plain), what);
      let soFar = '';
      let attr = await this.#attr(caller, '/', true);
      for (const component of splitPath(plain)) {
        soFar += `/${component}`;
        attr = await this.#directoryAt(caller, soFar, what);
      }
      return attr;
    });
  }

  async #directoryAt(caller: Caller, path: string, what: { readonly mode: number }): Promise<Attr> {
    const found = await resolve(this.#fs, caller, path, true);
    if (found.attr) {
      if (found.attr.parent === undefined) throw new FsError('ENOTDIR', `${path} is not a directory`);
      return found.attr;
    }
    try {
      return await this.#fs.mknod(caller, placeOf(found), what);
    } catch (error) {
      if (!isFsError(error, 'EEXIST')) throw error;
      return this.#attr(caller, path, true);
    }
  }

  /** Removes a file, an empty directory, or with `recursive` all that is below; resolves to how many names went. */
  remove(
    caller: Caller,
    path: string,
    options: { readonly recursive?: boolean; readonly removed?: (count: number) => void } = {},
  ): Promise<number> {
    return this.#at(path, async () => {
      const { place, attr } = await resolve(this.#fs, caller, path, false);
      if (!attr) throw new FsError('ENOENT');
      if (!place) throw new FsError('EBUSY', `${path}: this directory cannot be removed`);
      if (attr.parent === undefined) await this.#fs.unlink(caller, place);
      else if (options.recursive === true) return removeTree(this.#fs, caller, place, attr, options.removed);
      else await this.#fs.rmdir(caller, place);
      return 1;
    });
  }

  /** rename(2); a target that is a directory is not moved into. */
  rename(caller: Caller, from: string, to: string, mode: RenameMode = 'replace'): Promise<void> {
    return this.#at(from, async () => {
      const source = await resolve(this.#fs, caller, from, false);
      if (!source.attr) throw new FsError('ENOENT');
      if (!source.place) throw new FsError('EBUSY', `${from}: this directory cannot be renamed`);
      const target = await resolve(this.#fs, caller, to, false).catch((error: unknown) => {
        throw about(to, error);
      });
      if (!target.place) throw new FsError('EBUSY', `${to}: this directory cannot be replaced`);
      await this.#fs.rename(caller, source.place, target.place, mode);
    });
  }

  /** A page of the versions of a file, oldest first. */
  versions(caller: Caller, path: string, after: number, limit: number): Promise<readonly Version[]> {
    return this.#at(path, async () => {
      const attr = await this.#attr(caller, path, true);
      regular(attr);
      return this.#fs.versions(caller, attr.node, after, limit);
    });
  }
}

/** Reads on until the end of the file or the range. */
async function* pieces(
  pull: (into: Uint8Array, offset: number) => Promise<number>,
  start: number,
  length: number,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(chunk, length));
  for (let offset = start, left = length; left > 0; ) {
    const got = await pull(left < buffer.length ? buffer.subarray(0, left) : buffer, offset);
    if (got === 0) return;
    yield buffer.subarray(0, got);
    offset += got;
    left -= got;
  }
}

function regular(attr: Attr): void {
  if (attr.parent !== undefined) throw new FsError('EISDIR');
  if ((attr.mode & S_IFMT) !== S_IFREG) throw new FsError('EINVAL', 'not a regular file');
}

function placeOf(found: Resolved): Place {
  if (!found.place) throw new FsError('EISDIR');
  return found.place;
}
