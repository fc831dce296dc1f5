/** Packs: immutable files of blocks. Keeps a bounded number of them open, reads them, makes them durable. */
import { fdatasync, read as readFile } from 'node:fs';
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { Native } from '../host/native.ts';
import type { KvStore } from '../kv/types.ts';
import type { Files } from './files.ts';
import { flow, wait, type Steps } from './flow.ts';
import { hostError } from './host-error.ts';
import { packKey } from './layout.ts';
import { decodePack } from './records.ts';

const OPEN_LIMIT = 64;

/** An open pack. Its descriptor stays open while `users` are inside an asynchronous call. */
export interface Pack {
  readonly id: number;
  readonly fd: number;
  users: number;
  /** Taken out of the table: closed by the last user. */
  gone: boolean;
  /** Size of an adopted pack as recorded; undefined until asked for. */
  bytes: number | undefined;
}

export class Packs {
  readonly #files: Files;
  readonly #kv: KvStore;
  readonly #native: Native;
  /** Least recently used first. */
  readonly #open = new Map<number, Pack>();
  #last: Pack | undefined;
  #unsynced = new Set<number>();
  #failed: FsError | undefined;

  constructor(files: Files, kv: KvStore, native: Native) {
    this.#files = files;
    this.#kv = kv;
    this.#native = native;
  }

  get opened(): number {
    return this.#open.size;
  }

  get unsynced(): number {
    return this.#unsynced.size;
  }

  /** The pack, open. EIO when its file is missing. Good for synchronous use; `pin` it before waiting for anything. */
  get(id: number): Pack {
    if (this.#last?.id === id) return this.#last;
    const known = this.#open.get(id);
    if (known) {
      this.#open.delete(id);
      this.#open.set(id, known);
      this.#last = known;
      return known;
    }
    const fd = this.#files.open(id, 'read');
    if (fd === undefined) {
      throw new FsError(
        'EIO',
        `${this.#files.label(id)} is missing, and content is in it; run \`nexus fsck\` to see what is lost`,
      );
    }
    return this.#add(id, fd);
  }

  pin(pack: Pack): void {
    pack.users++;
  }

  unpin(pack: Pack): void {
    if (--pack.users === 0 && pack.gone) this.#files.close(pack.fd);
  }

  /** An adopted slot brings its descriptor along. */
  adopt(id: number, fd: number, bytes: number): void {
    this.drop(id);
    this.#add(id, fd).bytes = bytes;
  }

  /** Closes the pack: its file is about to be deleted, or another descriptor takes its place. */
  drop(id: number): void {
    const pack = this.#open.get(id);
    if (!pack) return;
    this.#open.delete(id);
    if (this.#last === pack) this.#last = undefined;
    pack.gone = true;
    if (pack.users === 0) this.#files.close(pack.fd);
  }

  /** Bytes of an adopted pack as they were when it was adopted. */
  sizeOf(id: number): Awaitable<number> {
    const known = this.#open.get(id)?.bytes;
    return known ?? flow(this.#recordedSize(id));
  }

  *#recordedSize(id: number): Steps<number> {
    const record = yield* wait(this.#kv.get(packKey(id)));
    if (!record)
      throw new FsError(
        'EIO',
        `${this.#files.label(id)} has no record; run \`nexus fsck\` to see what is lost`,
      );
    const { bytes } = decodePack(record);
    const pack = this.#open.get(id);
    if (pack) pack.bytes = bytes;
    return bytes;
  }

  /** Reads `length` bytes at `offset`, fewer only at the end of the file. At once when they are in memory. */
  read(id: number, into: Uint8Array, at: number, length: number, offset: number): Awaitable<number> {
    const pack = this.get(id);
    const got = this.#native.readNowait(pack.fd, into, at, length, offset);
    return got === length ? got : this.#readRest(pack, into, at, length, offset, Math.max(0, got));
  }

  /** As `read`, but only what is in memory; fewer bytes (or a negative number) when that is not all. */
  readNow(id: number, into: Uint8Array, at: number, length: number, offset: number): number {
    return this.#native.readNowait(this.get(id).fd, into, at, length, offset);
  }

  async #readRest(
    pack: Pack,
    into: Uint8Array,
    at: number,
    length: number,
    offset: number,
    have: number,
  ): Promise<number> {
    this.pin(pack);
    try {
      for (let done = have; ; ) {
        if (done === length) return done;
        const got = await readAt(pack.fd, into, at + done, length - done, offset + done);
        if (got === 0) return done;
        done += got;
      }
    } catch (error) {
      throw hostError(error, `cannot read ${this.#files.label(pack.id)}`);
    } finally {
      this.unpin(pack);
    }
  }

  /** [size, allocated bytes] of the file. */
  extentOf(id: number): [size: number, allocated: number] {
    const stat = new Float64Array(8);
    const { fd } = this.get(id);
    try {
      this.#native.fstat(fd, stat);
    } catch (error) {
      throw hostError(error, `cannot examine ${this.#files.label(id)}`);
    }
    return [stat[0] ?? 0, (stat[1] ?? 0) * 512];
  }

  /** The file was written: `sync` must reach it. */
  written(id: number): void {
    this.#unsynced.add(id);
  }

  /** Makes durable what was written to packs before the call. Once that failed it fails for good. */
  async sync(): Promise<void> {
    if (this.#failed !== undefined) throw this.#failed;
    const ids = [...this.#unsynced];
    this.#unsynced = new Set();
    try {
      // Two at a time: the rest of the thread pool stays free for reads.
      await Promise.all([this.#syncEach(ids, 0), this.#syncEach(ids, 1)]);
    } catch (error) {
      for (const id of ids) this.#unsynced.add(id);
      throw error;
    }
  }

  async #syncEach(ids: readonly number[], from: number): Promise<void> {
    for (let index = from; index < ids.length; index += 2) await this.#syncOne(ids[index] ?? 0);
  }

  async #syncOne(id: number): Promise<void> {
    // A file that is gone was deleted on purpose: by a sweep, or as a slot that was not adopted after all.
    if (!this.#open.has(id)) {
      const fd = this.#files.open(id, 'read');
      if (fd === undefined) return;
      this.#add(id, fd);
    }
    const pack = this.get(id);
    this.pin(pack);
    try {
      await new Promise<void>((resolve, reject) => {
        fdatasync(pack.fd, (error) => {
          if (error) reject(error);
          else resolve();
        });
      });
    } catch (error) {
      // The kernel tells of lost pages once and then calls them clean: that another fdatasync(2) succeeds proves nothing.
      const doing = `${this.#files.label(id)} cannot be made durable: restart when the disk is well`;
      this.#failed ??= new FsError('EIO', doing, { cause: error });
      throw this.#failed;
    } finally {
      this.unpin(pack);
    }
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.drop(id);
  }

  #add(id: number, fd: number): Pack {
    const pack: Pack = { id, fd, users: 0, gone: false, bytes: undefined };
    this.#open.set(id, pack);
    this.#last = pack;
    if (this.#open.size > OPEN_LIMIT) this.#closeOldest();
    return pack;
  }

  #closeOldest(): void {
    for (const pack of this.#open.values()) {
      if (pack.users > 0 || pack === this.#last) continue;
      this.drop(pack.id);
      return;
    }
  }
}

function readAt(fd: number, into: Uint8Array, at: number, length: number, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    readFile(fd, into, at, length, offset, (error, got) => {
      if (error) reject(error);
      else resolve(got);
    });
  });
}
