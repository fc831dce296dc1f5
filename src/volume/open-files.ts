/** The files anybody has open, and those whose slots are about to be given up: one object a file. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../fs/types.ts';
import type { Inode, Removed } from '../meta/types.ts';
import { Commits } from './commits.ts';
import { OpenFile } from './open-file.ts';
import { Retirement } from './retirement.ts';
import type { Parts } from './types.ts';

/** How many files without a name can still be opened. */
const REPLACED = 1024;

export class OpenFiles {
  readonly #parts: Parts;
  readonly #files = new Map<number, OpenFile>();
  /** Files whose inode is being read. */
  readonly #opening = new Map<number, Promise<OpenFile>>();
  /**
   * The latest files that lost their last name while nobody had them open, nor bytes of them to commit. They can be opened still: a program may
   * be between looking a name up and opening what it found, and on a local file system nothing comes between the two.
   */
  readonly #replaced = new Set<number>();
  readonly #retirement: Retirement;
  readonly commits: Commits;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.commits = new Commits(parts);
    this.#retirement = new Retirement(parts, (file) => {
      this.#forget(file);
    });
  }

  /** For `Namespace`: must the inode outlive its last name? */
  readonly isOpen = (ino: number): boolean => {
    const file = this.#files.get(ino);
    return file === undefined ? this.#opening.has(ino) : file.users.count > 0;
  };

  get(ino: number): OpenFile | undefined {
    return this.#files.get(ino);
  }

  all(): Iterable<OpenFile> {
    return this.#files.values();
  }

  get size(): number {
    return this.#files.size;
  }

  /** The file, counted as in use until `letGo`. ESTALE; EISDIR, EINVAL for what is no regular file. */
  hold(ino: number): Awaitable<OpenFile> {
    const file = this.#files.get(ino);
    if (file !== undefined) {
      if (file.gone && !this.#replaced.has(ino)) throw stale(ino);
      file.users.count++;
      return file;
    }
    const opening = this.#opening.get(ino);
    if (opening !== undefined) return this.#join(opening);
    // From here to the entry in the map nothing may wait: a commit in between would make the inode stale.
    const inode = this.#parts.namespace.inode(ino);
    if (!(inode instanceof Promise)) return this.#addExisting(this.#regular(ino, inode));
    const made = inode.then((read) => {
      this.#opening.delete(ino);
      const file = this.#addExisting(this.#regular(ino, read));
      file.users.count--;
      return file;
    });
    made.catch(() => this.#opening.delete(ino));
    this.#opening.set(ino, made);
    return this.#join(made);
  }

  async #join(opening: Promise<OpenFile>): Promise<OpenFile> {
    const file = await opening;
    file.users.count++;
    // Whoever came first may have let go of it already.
    this.#files.set(file.ino, file);
    return file;
  }

  #addExisting(inode: Inode): OpenFile {
    const file = this.add(inode);
    file.gone = inode.nlink === 0;
    return file;
  }

  /** The object of a file that has none, held. */
  add(inode: Inode): OpenFile {
    const file = new OpenFile(this.#parts, inode);
    file.nameless = inode.nlink === 0;
    file.users.count = 1;
    this.#files.set(inode.ino, file);
    return file;
  }

  /** The end of a use. After the last one the slot is retired, and an inode without a name is reaped. */
  letGo(file: OpenFile, caller: Caller): Awaitable<void> {
    file.users.count--;
    if (file.users.count > 0) return undefined;
    if (file.nameless && !file.gone) return this.#reap(file, caller);
    this.#rest(file, caller);
    return undefined;
  }

  async #reap(file: OpenFile, caller: Caller): Promise<void> {
    const inode = await this.#parts.namespace.inode(file.ino);
    if (file.users.count > 0) return;
    if (inode !== undefined && inode.nlink > 0) file.nameless = false;
    else {
      file.gone = true;
      await this.#parts.namespace.reap(file.ino);
    }
    this.#rest(file, caller);
  }

  #rest(file: OpenFile, caller: Caller): void {
    if (file.users.count > 0) return;
    if (file.staging === undefined) this.#forget(file);
    else this.#retirement.add(file, caller);
  }

  #forget(file: OpenFile): void {
    if (this.#files.get(file.ino) === file) this.#files.delete(file.ino);
  }

  /** An inode lost a name. */
  removed(removed: Removed | undefined): void {
    if (removed === undefined || removed.inode.nlink > 0) return;
    const { ino } = removed.inode;
    const file = this.#files.get(ino);
    if (removed.gone && file?.changed !== true) this.#remember(ino);
    if (file === undefined) return;
    if (removed.gone) file.gone = true;
    else file.nameless = true;
  }

  #remember(ino: number): void {
    this.#replaced.add(ino);
    if (this.#replaced.size <= REPLACED) return;
    for (const oldest of this.#replaced) {
      this.#replaced.delete(oldest);
      return;
    }
  }

  /** Without a name and not open a file is gone, although the namespace remembers it for a while. */
  #regular(ino: number, inode: Inode | undefined): Inode {
    if (inode === undefined || (inode.nlink === 0 && !this.#replaced.has(ino))) throw stale(ino);
    const type = inode.mode & S_IFMT;
    if (type === S_IFREG) return inode;
    throw type === S_IFDIR
      ? new FsError('EISDIR', `inode ${String(ino)} is a directory`)
      : new FsError('EINVAL', `inode ${String(ino)} is no regular file`);
  }

  /** What a close left to be committed is, unless somebody still maps the file. */
  async finish(file: OpenFile): Promise<void> {
    this.commits.hurry(file);
    await file.committing?.catch(() => undefined);
    if (file.users.count === 0 && file.changed) await this.#retirement.finish(file);
  }

  /** Where everybody has closed the file and its version is still to be made: resolves when that was tried. */
  closing(ino: number): Promise<void> | undefined {
    const file = this.#files.get(ino);
    if (file?.committing === undefined || file.users.count > file.users.leaving) return undefined;
    const committed = file.committing.catch(() => undefined);
    this.commits.hurry(file);
    return committed;
  }

  /** Resolves when what was closed by now is committed, as far as it can be. */
  async settled(): Promise<void> {
    const commits = [...this.#files.values()].flatMap((file) => file.committing ?? []);
    for (const file of this.#files.values()) this.commits.hurry(file);
    await Promise.allSettled(commits);
  }

  /** Resolves when every slot that can be given up is. */
  async drain(): Promise<void> {
    await this.settled();
    await this.#retirement.drain();
  }

  /** Commits everything and gives up every slot; files still open are as if closed. */
  async close(): Promise<void> {
    await this.#retirement.close(this.#files.values());
    this.#files.clear();
  }
}

function stale(ino: number): FsError {
  return new FsError('ESTALE', `there is no inode ${String(ino)} any more`);
}
