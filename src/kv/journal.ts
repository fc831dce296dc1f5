/** The journal: every transaction since the last checkpoint, one write(2) each, in one file or, during a checkpoint, more. */
import { open } from 'node:fs/promises';
import { codeOf, FsError } from '../base/errors.ts';
import type { Changes } from './change.ts';
import { JournalFile } from './journal-file.ts';
import { RecordEncoder } from './record.ts';
import type { Reserve } from './reserve.ts';

export interface JournalOptions {
  readonly directory: string;
  /** Oldest first; the last is the one to go on with. */
  readonly files: readonly [JournalFile, ...JournalFile[]];
  readonly boot: number;
  readonly reserve: Reserve;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #encoder = new RecordEncoder();
  #older: JournalFile[];
  #current: JournalFile;
  #durable = 0;
  #unmarked = false;
  #directoryDirty = false;
  #failed: FsError | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#older = options.files.slice(0, -1);
    this.#current = options.files.at(-1) ?? options.files[0];
  }

  /** Bytes in all files. */
  get bytes(): number {
    return this.#older.reduce((sum, file) => sum + file.length, this.#current.length);
  }

  /** Bytes in the file being written. */
  get currentBytes(): number {
    return this.#current.length;
  }

  /**
   * Appends a transaction: it is in the kernel's hands when this returns, and nothing of it is left when this throws.
   * On a full disk one that deletes something may use the reserve, so that there is a way out.
   */
  append(changes: Changes): void {
    if (this.#failed !== undefined) throw this.#failed;
    const { salt } = this.#current;
    const marks = { salt, boot: this.#options.boot, durable: this.#durable };
    const { bytes, length } = this.#encoder.encode(changes, marks);
    for (;;) {
      const failure = this.#current.append(bytes, length);
      if (failure === undefined) break;
      const code = codeOf(failure.error);
      if (failure.broken) this.#fail(failure.error);
      else if (isFull(code) && deletes(changes) && this.#options.reserve.release()) continue;
      const advice = isFull(code)
        ? 'the disk is full: delete something or give it more room'
        : 'see the disk';
      throw new FsError(code, `cannot append to ${this.#current.path}: ${advice}`, { cause: failure.error });
    }
    this.#unmarked = true;
  }

  /** Goes on in a new file (an empty one is as good). Throws, having changed nothing, if it cannot be made. */
  rotate(): void {
    if (this.#current.length === 0) return;
    const next = JournalFile.create(this.#options.directory, this.#current.end);
    this.#older.push(this.#current);
    this.#current = next;
    this.#directoryDirty = true;
  }

  /** Deletes every file but the current one, the oldest first: what is left is always the journal's end. */
  async drop(): Promise<void> {
    for (let file = this.#older[0]; file !== undefined; file = this.#older[0]) {
      await file.delete();
      this.#older.shift();
      this.#directoryDirty = true;
    }
  }

  /** Everything appended before the call is on the disk when it resolves. Not to be called while it runs. */
  async sync(): Promise<void> {
    if (this.#failed !== undefined) throw this.#failed;
    const end = this.#current.end;
    const files = [...this.#older, this.#current];
    try {
      if (this.#directoryDirty) await this.#syncDirectory();
      for (const file of files) await file.sync();
    } catch (error) {
      // The kernel reports lost pages once and then calls them clean: a later fdatasync that succeeds proves nothing.
      throw this.#fail(error);
    }
    this.#durable = Math.max(this.#durable, end);
  }

  /** After a last `sync`: leaves a record that says so, and closes the files. */
  close(): void {
    try {
      if (this.#unmarked && this.#failed === undefined) this.append(new Map());
    } catch {
      // Everything is durable already; the mark only helps to tell damage from a torn end.
    }
    for (const file of [...this.#older, this.#current]) file.close();
  }

  async #syncDirectory(): Promise<void> {
    this.#directoryDirty = false;
    await syncDirectory(this.#options.directory);
  }

  #fail(cause: unknown): FsError {
    const { path } = this.#current;
    const text = `the journal ${path} can no longer be written safely: restart when the disk is well`;
    this.#failed ??= new FsError('EIO', text, { cause });
    return this.#failed;
  }
}

/** Makes the names in a directory survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, 'r');
  await handle.sync();
}

/** Is this what a full disk, or a used-up quota, answers? */
export function isFull(code: string): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function deletes(changes: Changes): boolean {
  for (const value of changes.values()) if (value === null) return true;
  return false;
}
