/** The log pack: blocks too large for the index are appended to it one by one. */
import { ftruncateSync, writeSync } from 'node:fs';
import type { KvStore, KvTransaction } from '../kv/types.ts';
import type { Files } from './files.ts';
import { hostError } from './host-error.ts';
import { LOG_LIMIT, logKey, PAGE, packKey } from './layout.ts';
import type { Packs } from './packs.ts';
import { encodePack, type Location } from './records.ts';
import type { SlotPool } from './slot-pool.ts';

interface Log {
  readonly id: number;
  readonly fd: number;
  end: number;
}

export class PackLog {
  readonly #files: Files;
  readonly #slots: SlotPool;
  readonly #packs: Packs;
  #log: Log | undefined;
  /** Logs whose record no committed transaction has put yet. */
  readonly #unrecorded = new Set<number>();

  private constructor(files: Files, slots: SlotPool, packs: Packs) {
    this.#files = files;
    this.#slots = slots;
    this.#packs = packs;
  }

  /** Goes on with the log of the last run. Bytes past its last indexed block are garbage, which nothing names. */
  static async open(kv: KvStore, files: Files, slots: SlotPool, packs: Packs): Promise<PackLog> {
    const log = new PackLog(files, slots, packs);
    const record = await kv.get(logKey);
    if (!record) return log;
    const id = Buffer.from(record).readUInt32BE(0);
    if (!(await kv.get(packKey(id)))) return log;
    const fd = files.open(id, 'write');
    if (fd === undefined) return log;
    const [size] = packs.extentOf(id);
    log.#log = { id, fd, end: Math.ceil(size / PAGE) * PAGE };
    return log;
  }

  /** The pack that is being written, 0 for none. */
  get current(): number {
    return this.#log?.id ?? 0;
  }

  /** Writes the bytes of a block. After a failure (ENOSPC) the log is as it was before. */
  append(bytes: Uint8Array): Location {
    const log = this.#room(bytes.length);
    const { id, end: offset } = log;
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(log.fd, bytes, done, bytes.length - done, offset + done);
      }
    } catch (error) {
      this.#cut(log, offset);
      throw hostError(error, `cannot write a block to ${this.#files.label(id)}`);
    }
    log.end = Math.ceil((offset + bytes.length) / PAGE) * PAGE;
    this.#packs.written(id);
    return { pack: id, offset, length: bytes.length };
  }

  /** Puts the record of a pack that `append` wrote to, with the first transaction that names a block in it. */
  apply(tx: KvTransaction, id: number): void {
    if (!this.#unrecorded.has(id)) return;
    tx.put(packKey(id), encodePack({ state: 'log', bytes: 0 }));
    if (id !== this.current) return;
    const current = Buffer.alloc(4);
    current.writeUInt32BE(id);
    tx.put(logKey, current);
  }

  /** That transaction is committed. */
  applied(id: number): void {
    this.#unrecorded.delete(id);
  }

  /** The next block begins another log: a sweep punches holes into this one. */
  close(): void {
    if (this.#log) this.#files.close(this.#log.fd);
    this.#log = undefined;
  }

  #room(length: number): Log {
    if (this.#log && this.#log.end + length <= LOG_LIMIT) return this.#log;
    const slot = this.#slots.take();
    this.#slots.forget(slot);
    this.close();
    this.#log = { ...slot, end: 0 };
    this.#unrecorded.add(slot.id);
    return this.#log;
  }

  #cut(log: Log, end: number): void {
    try {
      ftruncateSync(log.fd, end);
    } catch {
      // What is left of the block is garbage that nothing names; this log is not written again.
      this.close();
    }
  }
}
