/** The tree: inodes, names, attributes, versions and their history, kept in a KvStore. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import type { Name } from '../base/names.ts';
import type { Time } from '../base/time.ts';
import type { Lineage, NewNode, Place, RenameMode, XattrMode } from '../fs/types.ts';
import { andThen } from './and-then.ts';
import { change } from './attributes.ts';
import { check } from './check.ts';
import { commit } from './commit.ts';
import { contents } from './contents.ts';
import { list, lookup } from './directory.ts';
import { disown, lineage } from './lineage.ts';
import { link } from './link.ts';
import { make, makeNameless } from './make.ts';
import { inodeAt, listAt, lookupAt, revisionAt, secondOf } from './past.ts';
import { orphans, reap } from './orphans.ts';
import { rename } from './rename.ts';
import { Store } from './store.ts';
import type {
  Also,
  Commit,
  Counts,
  Inode,
  InodeChange,
  IsOpen,
  Listed,
  NamespaceOptions,
  Problem,
  Removed,
  Renamed,
  VersionRecord,
} from './types.ts';
import { rmdir, unlink } from './unlink.ts';
import { version, versions } from './versions.ts';
import { getxattr, listxattr, removexattr, setxattr } from './xattrs.ts';

/**
 * Every change is one transaction of the store, all or nothing, and is seen by every reader when its promise resolves.
 * Methods that answer an Awaitable answer at once where the store does, and may throw at once as well.
 *
 * An `ino` that never was or is forgotten is ESTALE, except as the directory of a name: there it is ENOENT, as is a directory
 * that was removed. Permission is not checked here; the rules of ownership and mode that depend on the caller are.
 */
export class Namespace {
  readonly #store: Store;

  private constructor(store: Store) {
    this.#store = store;
  }

  /** Opens what the store holds; makes the root directory (mode 0755, owned by this process) on first use. */
  static async open(options: NamespaceOptions): Promise<Namespace> {
    return new Namespace(await Store.open(options));
  }

  /**
   * The inode as it is now. Removed inodes: orphans answer until they are reaped; the last few thousand of the others
   * answer with nlink 0. Undefined for everything else.
   */
  inode(ino: number): Awaitable<Inode | undefined> {
    return andThen(this.#store.inode(ino), (inode) => inode ?? this.#store.removed.get(ino));
  }

  /** ENOENT, ENOTDIR. */
  lookup(parent: number, name: Name): Awaitable<Inode> {
    return lookup(this.#store, parent, name);
  }

  /**
   * Makes a node and its name. EEXIST; ENOENT, ENOTDIR for the directory; EMLINK for a directory too many; EINVAL for a type
   * that is none; ENAMETOOLONG for a name over 255 bytes or a target over 4,095.
   */
  make(caller: Caller, place: Place, what: NewNode, also?: Also): Promise<Inode> {
    return make(this.#store, caller, place, what, also);
  }

  /** A regular file without a name, an orphan until it is linked; `parent` only lends its group (setgid). ENOENT, ENOTDIR. */
  makeNameless(caller: Caller, parent: number, mode: number, also?: Also): Promise<Inode> {
    return makeNameless(this.#store, caller, parent, mode, also);
  }

  /** EPERM for directories, EMLINK over 65,000 names, EEXIST, ENOENT for a file without a name (a nameless one excepted). */
  link(caller: Caller, ino: number, place: Place): Promise<Inode> {
    return link(this.#store, caller, ino, place);
  }

  /** Removes a name of anything but a directory. ENOENT, ENOTDIR (the parent), EISDIR. */
  unlink(caller: Caller, place: Place, isOpen: IsOpen): Promise<Removed> {
    return unlink(this.#store, caller, place, isOpen);
  }

  /** ENOENT, ENOTDIR, ENOTEMPTY. */
  rmdir(caller: Caller, place: Place, isOpen: IsOpen): Promise<Removed> {
    return rmdir(this.#store, caller, place, isOpen);
  }

  /**
   * rename(2) and renameat2(2). ENOENT; EEXIST ('noreplace'); EINVAL into the own subtree; ENOTDIR, EISDIR, ENOTEMPTY for what
   * cannot be replaced; EMLINK. Two names of one inode: nothing happens.
   */
  rename(caller: Caller, from: Place, to: Place, mode: RenameMode, isOpen: IsOpen): Promise<Renamed> {
    return rename(this.#store, caller, from, to, mode, isOpen);
  }

  /**
   * chmod, chown, utimens, truncate with their rules: ctime moves; mtime too when the size changes; chown clears set-id bits;
   * setgid is refused to strangers of the group. Makes no version. What changes nothing (the size there is, no set-id bits to
   * clear) moves no times. A removed inode that is still remembered changes in memory only, and `also` does not run. EISDIR, EINVAL for the size of what is no regular file.
   */
  change(caller: Caller, ino: number, what: InodeChange, also?: Also): Promise<Inode> {
    return change(this.#store, caller, ino, what, also);
  }

  /**
   * Makes changed content the newest version of a regular file, by `caller.subject`. Content equal to the newest version's
   * makes no version, only size and times are kept. EINVAL for what is no regular file.
   */
  commit(caller: Caller, ino: number, what: Commit, also?: Also): Promise<Inode> {
    return commit(this.#store, caller, ino, what, also);
  }

  /** The last close of an orphan: its record goes. Harmless for an inode that is gone or has a name (again). */
  reap(ino: number): Promise<void> {
    return reap(this.#store, ino);
  }

  /** Inodes without a name that are kept because they are, or were before a crash, open. */
  orphans(): Awaitable<readonly number[]> {
    return orphans(this.#store);
  }

  /**
   * About `limit` entries (at least 1) after the cookie (0: from the start); none means the end. In hash order, so that an
   * entry that stays appears exactly once while others come and go. Names of one hash are never split over two pages: such a
   * page may be shorter or longer than `limit`. All but the last of the names of one hash carry the cookie *before* them: who
   * takes only part of a page and goes on at the cookie of the last entry taken loses none, though such names come again.
   */
  list(parent: number, after: number, limit: number): Awaitable<readonly Listed[]> {
    return list(this.#store, parent, after, limit);
  }

  /**
   * The directories an inode has names in (none while it has no name), its kind, its owner. Undefined for what is gone; directories
   * that were removed answer as long as `inode` does, for nobody tells whether they are open. At once where the inode is in memory.
   */
  lineage(ino: number): Awaitable<Lineage | undefined> {
    return lineage(this.#store, ino);
  }

  /** What the subject made is nobody's from here on, and so is what it still makes, until it is welcome. */
  disown(subject: string): Promise<void> {
    return disown(this.#store, subject);
  }

  /** Somebody has the subject's name again: with nothing that the one before made. */
  welcome(subject: string): void {
    this.#store.subjects.begin(subject);
  }

  /** ENODATA. */
  getxattr(ino: number, name: Name): Awaitable<Uint8Array> {
    return getxattr(this.#store, ino, name);
  }

  /**
   * EEXIST with 'create', ENODATA with 'replace', E2BIG over 64 KiB, ERANGE for a name over 255 bytes, ENOSPC when the names
   * of the inode exceed 64 KiB.
   */
  setxattr(ino: number, name: Name, value: Uint8Array, mode: XattrMode): Promise<Inode> {
    return setxattr(this.#store, ino, name, value, mode);
  }

  /** ENODATA. */
  removexattr(ino: number, name: Name): Promise<Inode> {
    return removexattr(this.#store, ino, name);
  }

  listxattr(ino: number): Awaitable<readonly Name[]> {
    return listxattr(this.#store, ino);
  }

  /** Versions numbered above `after`, oldest first, at most `limit`. Those of a removed file stay. */
  versions(ino: number, after: number, limit: number): Awaitable<readonly VersionRecord[]> {
    return versions(this.#store, ino, after, limit);
  }

  version(ino: number, number: number): Awaitable<VersionRecord | undefined> {
    return version(this.#store, ino, number);
  }

  /** The inode as of the end of a revision; undefined where it did not exist. */
  inodeAt(ino: number, revision: number): Awaitable<Inode | undefined> {
    return inodeAt(this.#store, ino, revision);
  }

  /** The inode a name had as of the end of a revision; undefined where there was none. */
  lookupAt(parent: number, name: Name, revision: number): Awaitable<Inode | undefined> {
    return lookupAt(this.#store, parent, name, revision);
  }

  /** `list` as of the end of a revision. */
  listAt(parent: number, revision: number, after: number, limit: number): Promise<readonly Listed[]> {
    return listAt(this.#store, parent, revision, after, limit);
  }

  /** The last revision made within the second of `time` or before; 0 before the first. */
  revisionAt(time: Time): Awaitable<number> {
    return revisionAt(this.#store, time);
  }

  /** The second within which a revision was made; undefined before the first. */
  secondOf(revision: number): Promise<number | undefined> {
    return secondOf(this.#store, revision);
  }

  /**
   * Every content that an inode, present or past, or a version names; repeatedly, if it is named repeatedly. Content that is
   * committed while this runs may be missing.
   */
  contents(): AsyncIterable<Uint8Array> {
    return contents(this.#store);
  }

  /**
   * Looks for what cannot be, while the system runs, in slices that leave the loop free; mends it with `repair`.
   * Inodes no path leads to are put into `lost+found` in the root.
   */
  check(repair: boolean): AsyncIterable<Problem> {
    return check(this.#store, repair);
  }

  counts(): Counts {
    return this.#store.counts();
  }

  /** Sizes of what is held in memory. */
  stats(): Readonly<Record<string, number>> {
    return this.#store.stats();
  }
}
