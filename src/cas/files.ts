/** The numbered files below `content/`: names, creation, deletion, and which directories have names that are not on the disk yet. */
import { close, closeSync, constants, fsync, mkdirSync, openSync } from 'node:fs';
import { mkdir, opendir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codeOf } from '../base/errors.ts';
import { hostError } from './host-error.ts';

const hex = (id: number, digits: number): string => id.toString(16).padStart(digits, '0');

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

export class Files {
  readonly #directory: string;
  /** Names of directories to sync; '' is `content/` itself. */
  readonly #unsynced = new Set<string>();
  readonly #closing = new Set<Promise<void>>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(directory: string): Promise<Files> {
    await mkdir(directory, { recursive: true });
    return new Files(directory);
  }

  /** 256 files with consecutive numbers share a directory, so that what was written together lies together. */
  #folder(id: number): string {
    return hex((id >>> 8) & 255, 2);
  }

  path(id: number): string {
    return join(this.#directory, this.#folder(id), hex(id, 8));
  }

  /** For messages: the file as people find it on the disk. */
  label(id: number): string {
    return `content/${this.#folder(id)}/${hex(id, 8)}`;
  }

  /** A new empty file; the descriptor is O_RDWR. */
  create(id: number): number {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
    const folder = this.#folder(id);
    try {
      const fd = this.#createIn(folder, id, flags);
      this.#unsynced.add(folder);
      return fd;
    } catch (error) {
      throw hostError(error, `cannot create ${this.label(id)}`);
    }
  }

  #createIn(folder: string, id: number, flags: number): number {
    try {
      return openSync(this.path(id), flags, 0o600);
    } catch (error) {
      if (!isMissing(error)) throw error;
      mkdirSync(join(this.#directory, folder), { recursive: true });
      this.#unsynced.add('');
      return openSync(this.path(id), flags, 0o600);
    }
  }

  /** undefined when the file is missing. */
  open(id: number, access: 'read' | 'write'): number | undefined {
    try {
      return openSync(this.path(id), access === 'read' ? constants.O_RDONLY : constants.O_RDWR);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw hostError(error, `cannot open ${this.label(id)}`);
    }
  }

  /**
   * ext4 remembers that a file was truncated to nothing and then starts writing it out at the next close(2) of any of its
   * descriptors (auto_da_alloc). A close while it is empty has nothing to write, and ends that.
   */
  forgetTruncation(id: number): void {
    const fd = this.open(id, 'read');
    if (fd !== undefined) closeSync(fd);
  }

  /** Off the loop: the last close of a deleted file frees its blocks, and a close may write out what is dirty. */
  close(fd: number): void {
    const closed = new Promise<void>((resolve) => {
      close(fd, () => {
        this.#closing.delete(closed);
        resolve();
      });
    });
    this.#closing.add(closed);
  }

  /** Resolves when every `close` so far is done. */
  async closed(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** A missing file is fine. */
  async remove(id: number): Promise<void> {
    try {
      await unlink(this.path(id));
    } catch (error) {
      if (!isMissing(error)) throw hostError(error, `cannot delete ${this.label(id)}`);
    }
  }

  /** Numbers of the files there are, in no order. Names that are none of ours are passed over. */
  async *list(): AsyncGenerator<number, void> {
    for await (const folder of await opendir(this.#directory)) {
      if (!folder.isDirectory() || !/^[0-9a-f]{2}$/.test(folder.name)) continue;
      for await (const file of await opendir(join(this.#directory, folder.name))) {
        if (/^[0-9a-f]{8}$/.test(file.name)) yield Number.parseInt(file.name, 16);
      }
    }
  }

  /** Makes the names of the files created so far durable. */
  async syncNames(): Promise<void> {
    const names = [...this.#unsynced];
    this.#unsynced.clear();
    // `content/` comes last: when it names a folder, the folder names its files.
    names.sort((a, b) => b.localeCompare(a));
    for (const name of names) {
      try {
        await syncDirectory(join(this.#directory, name));
      } catch (error) {
        for (const left of names) this.#unsynced.add(left);
        throw hostError(error, `cannot sync content/${name}`);
      }
    }
  }
}

async function syncDirectory(path: string): Promise<void> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await promisify(fsync)(fd);
  } finally {
    closeSync(fd);
  }
}
