/** One open file description: the rights it was opened with, over the file all handles share. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { FileHandle, OpenFlags } from '../fs/types.ts';
import { allocate } from './allocate.ts';
import { copyRange } from './copy-range.ts';
import { fsync } from './fsync.ts';
import { checkOffset } from './limits.ts';
import type { OpenFile } from './open-file.ts';
import type { OpenFiles } from './open-files.ts';
import { seek } from './seek.ts';
import type { Parts } from './types.ts';
import { write } from './write.ts';

export class VolumeHandle implements FileHandle {
  readonly node: number;
  readonly flags: OpenFlags;
  readonly io: FileHandle['io'];
  /** As `users` counts it. */
  readonly #io: FileHandle['io'];
  readonly #parts: Parts;
  readonly #files: OpenFiles;
  readonly #file: OpenFile;
  readonly #via: number;
  #released = false;

  /** The handle has been counted in `file.users`. */
  constructor(
    parts: Parts,
    files: OpenFiles,
    file: OpenFile,
    open: { flags: OpenFlags; io: FileHandle['io']; via: number },
  ) {
    this.#parts = parts;
    this.#files = files;
    this.#file = file;
    this.#via = open.via;
    this.node = file.ino;
    this.flags = open.flags;
    this.#io = open.io;
    // What the kernel writes by itself is on the disk with O_SYNC, but not the name it is found by: such writes come here.
    this.io = open.io === 'backing' && open.flags.write && open.flags.sync === true ? 'direct' : open.io;
  }

  get backing(): number | undefined {
    return this.#io === 'backing' ? this.#file.staging?.slot.fd : undefined;
  }

  get size(): number {
    this.#file.observe();
    return this.#file.size;
  }

  get stamp(): number {
    this.#file.observe();
    return this.#file.stamp;
  }

  async read(_caller: Caller, into: Uint8Array, offset: number): Promise<number> {
    if (!this.flags.read) throw new FsError('EBADF', 'the file is not open for reading');
    checkOffset(offset);
    return this.#file.read(into, offset);
  }

  async write(caller: Caller, data: Uint8Array, offset: number): Promise<number> {
    this.#mustWrite();
    const place = { offset, append: this.flags.append === true };
    const count = this.#file.serial.run(() => write(this.#parts, this.#file, caller, data, place));
    return this.flags.sync === true ? this.#synced(caller, count) : count;
  }

  async #synced(caller: Caller, count: Awaitable<number>): Promise<number> {
    const done = await count;
    await fsync(this.#parts, this.#file, caller);
    return done;
  }

  async flush(caller: Caller): Promise<void> {
    if (this.flags.write && this.#mayHaveChanged()) await this.#files.commits.now(this.#file, caller);
  }

  async flushSoon(caller: Caller): Promise<void> {
    const { commits } = this.#files;
    if (!this.flags.write || !this.#mayHaveChanged()) return;
    if (commits.failing) await commits.now(this.#file, caller);
    else commits.soon(this.#file, caller).catch(() => undefined);
  }

  #mayHaveChanged(): boolean {
    const { watched, changed, pending } = this.#file;
    return watched || changed || pending !== undefined;
  }

  async fsync(caller: Caller): Promise<void> {
    await fsync(this.#parts, this.#file, caller);
  }

  async release(caller: Caller): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    const file = this.#file;
    file.users.count++;
    file.users.tally(this.#via, this.#io, this.flags.write, -1);
    if (this.flags.write) file.lastCaller = caller;
    if (this.#mayHaveChanged() && (this.flags.write || file.users.count === 1)) {
      file.users.leaving++;
      await this.#files.commits.soon(file, caller).catch((error: unknown) => {
        const what = `inode ${String(file.ino)} cannot be committed`;
        this.#parts.onError(error, `${what}; its bytes are kept and the next close or start tries again`);
      });
      file.users.leaving--;
    }
    const gone = this.#files.letGo(file, caller);
    if (gone instanceof Promise) await gone;
  }

  async allocate(caller: Caller, mode: number, offset: number, length: number): Promise<void> {
    this.#mustWrite();
    await this.#file.serial.run(() => allocate(this.#parts, this.#file, caller, { mode, offset, length }));
    if (this.flags.sync === true) await fsync(this.#parts, this.#file, caller);
  }

  async seek(_caller: Caller, offset: number, whence: 'data' | 'hole'): Promise<number> {
    return seek(this.#parts, this.#file, offset, whence);
  }

  async copyRange(
    caller: Caller,
    offset: number,
    to: FileHandle,
    toOffset: number,
    length: number,
  ): Promise<number> {
    if (!this.flags.read) throw new FsError('EBADF', 'the source is not open for reading');
    if (!(#files in to) || to.#files !== this.#files) {
      throw new FsError('EXDEV', 'the target of the copy belongs to another file system');
    }
    to.#mustWrite();
    if (to.flags.append === true) throw new FsError('EBADF', 'the target of the copy is open for appending');
    const range = { from: this.#file, offset, to: to.#file, toOffset, length };
    const count = await copyRange(this.#parts, caller, range);
    if (to.flags.sync === true) await fsync(this.#parts, to.#file, caller);
    return count;
  }

  #mustWrite(): void {
    if (!this.flags.write) throw new FsError('EBADF', 'the file is not open for writing');
  }
}
