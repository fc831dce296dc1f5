/** One file of the journal, open for appending. */
import { closeSync, fdatasync, ftruncateSync, openSync, readdirSync, writeSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const datasync = promisify(fdatasync);
const pattern = /^journal-([0-9a-f]{12})-([0-9a-f]{8})$/;

/** What the name of a file tells: it needs no header that could be torn. */
export interface JournalName {
  readonly path: string;
  /** How many bytes of the journal came before this file, since the store was made. */
  readonly start: number;
  readonly salt: number;
}

/** The journal's files of a directory, the oldest first. */
export function listJournals(directory: string): JournalName[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const parts = pattern.exec(name);
      if (parts === null) return [];
      const [, start = '', salt = ''] = parts;
      return [{ path: join(directory, name), start: parseInt(start, 16), salt: parseInt(salt, 16) }];
    })
    .sort((a, b) => a.start - b.start);
}

export class JournalFile implements JournalName {
  readonly path: string;
  readonly start: number;
  readonly salt: number;
  readonly #fd: number;
  #length: number;
  #synced = 0;

  private constructor(name: JournalName, fd: number, length: number) {
    this.path = name.path;
    this.start = name.start;
    this.salt = name.salt;
    this.#fd = fd;
    this.#length = length;
  }

  static create(directory: string, start: number): JournalFile {
    const salt = Math.floor(Math.random() * 0x1_0000_0000);
    const name = `journal-${start.toString(16).padStart(12, '0')}-${salt.toString(16).padStart(8, '0')}`;
    const path = join(directory, name);
    return new JournalFile({ path, start, salt }, openSync(path, 'ax', 0o600), 0);
  }

  /** An existing file of which `length` bytes are good. */
  static reopen(name: JournalName, length: number): JournalFile {
    return new JournalFile(name, openSync(name.path, 'a'), length);
  }

  /** Bytes in the file. */
  get length(): number {
    return this.#length;
  }

  /** The place in the whole journal where the next record will begin. */
  get end(): number {
    return this.start + this.#length;
  }

  /** All bytes or none: what a failed write left behind is cut off again. `broken` if even that fails. */
  append(bytes: Buffer, length: number): { error: unknown; broken: boolean } | undefined {
    try {
      let written = writeSync(this.#fd, bytes, 0, length);
      while (written < length) written += writeSync(this.#fd, bytes, written, length - written);
      this.#length += length;
      return undefined;
    } catch (error) {
      return { error, broken: !this.#cut() };
    }
  }

  async sync(): Promise<void> {
    const length = this.#length;
    if (this.#synced === length) return;
    await datasync(this.#fd);
    this.#synced = length;
  }

  async delete(): Promise<void> {
    await unlink(this.path);
    this.close();
  }

  close(): void {
    closeSync(this.#fd);
  }

  #cut(): boolean {
    try {
      ftruncateSync(this.#fd, this.#length);
      return true;
    } catch {
      return false;
    }
  }
}
