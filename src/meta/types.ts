/** What the namespace speaks of: inodes, versions, what an operation did, what a check found. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Name } from '../base/names.ts';
import type { Time } from '../base/time.ts';
import type { AttrChange } from '../fs/types.ts';
import type { KvStore, KvTransaction } from '../kv/types.ts';

/** One node as of one revision. A value: never changed, a change makes another. */
export interface Inode {
  /** 1 (the root) and up, never given twice. Below 2**40. */
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  /** Names of a file; of a directory 2 + its subdirectories. 0: removed but kept while open, or not yet named. */
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  /** Bytes; of a symlink the length of its target; 0 for the other types. */
  readonly size: number;
  /** Regular files: what their bytes are, encoded by the content store; empty means all zero. Empty for the other types. */
  readonly content: Uint8Array;
  /** Symlinks: the target. Empty for the other types. */
  readonly target: Uint8Array;
  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
  readonly btime: Time;
  /** Number of the newest version; 0 before the first commit. */
  readonly version: number;
  /**
   * The directory above; the root's is the root itself. Of files: the directory that holds all their names, 0 where there is none or
   * they are spread over several, which link records tell then. The past knows it of files to the second only.
   */
  readonly parent: number;
  /** The subject who made it; empty for what nobody made. */
  readonly owner: string;
  /** The revision at which this value began (attribute changes of the same second are counted to the value before them). */
  readonly revision: number;
  /** Has extended attributes; false promises that there are none. */
  readonly xattrs: boolean;
  /** Made without a name (O_TMPFILE) and not linked yet. */
  readonly nameless: boolean;
}

/**
 * Runs inside the transaction of an operation with the inode as the operation leaves it: what it writes and the operation
 * happen together or not at all. May run more than once; what it throws undoes the operation.
 */
export type Also = (tx: KvTransaction, inode: Inode) => Awaitable<void>;

/** Is the inode open, so that it must outlive its last name? Asked inside the transaction. */
export type IsOpen = (ino: number) => boolean;

/** What became of an inode that lost a name. */
export interface Removed {
  /** As it is after the operation: with nlink 0 when this was the last name. */
  readonly inode: Inode;
  /** True: its record is gone too. False with nlink 0: an orphan, to be reaped at the last close. */
  readonly gone: boolean;
}

export interface Renamed {
  readonly moved: Inode;
  /** With 'exchange': the inode that came the other way. */
  readonly exchanged?: Inode;
  /** With 'replace': what had the name before. Absent where nothing had it, and where both names were one inode's. */
  readonly replaced?: Removed;
}

/** `content` replaces what the bytes are without making a version (with `size`, or the size stays). */
export interface InodeChange extends AttrChange {
  readonly content?: Uint8Array;
}

/** Changed content that becomes a version. */
export interface Commit {
  readonly content: Uint8Array;
  readonly size: number;
  readonly mtime: Time;
  /** Absent: the later of the ctime there is and `mtime` (closing a file is no change of its own). */
  readonly ctime?: Time;
}

/** One version of a regular file, as it was committed. */
export interface VersionRecord {
  readonly number: number;
  readonly size: number;
  readonly content: Uint8Array;
  readonly mtime: Time;
  /** When it was committed. */
  readonly time: Time;
  /** Subject of who committed it. */
  readonly author: string;
  /** The revision that made it. */
  readonly revision: number;
}

/** One entry of a directory listing. */
export interface Listed {
  readonly name: Name;
  readonly inode: Inode;
  /** Where the listing goes on after this entry: 1 < cookie < 2**52. See `Namespace.list` for names of one hash. */
  readonly cookie: number;
}

export interface Counts {
  /** Inodes that exist, orphans included. */
  readonly inodes: number;
  /** The newest revision. */
  readonly revision: number;
}

export type ProblemKind =
  /** nlink is not what the names say. */
  | 'link-count'
  /** The `parent` of an inode, or the link records of a file, are not the directories that name it. */
  | 'parent'
  /** A link record of what has no names in several directories. */
  | 'link-record'
  /** The number of an owner stands for nobody. */
  | 'owner'
  /** A directory has more than one name. */
  | 'directory-links'
  /** An entry names an inode that does not exist, or lies in something that is no directory. */
  | 'dangling-entry'
  /** The type in an entry is not its inode's. */
  | 'entry-type'
  /** An inode that no path leads to and that is no orphan. */
  | 'unreachable'
  /** An orphan mark on an inode that does not exist or has a name. */
  | 'orphan'
  /** A number between 1 and the newest has no version record. */
  | 'version-gap'
  /** The version an inode speaks of is not the newest that is recorded. */
  | 'version-newest'
  /** Extended attributes that the inode does not know of, or whose inode does not exist. */
  | 'xattr'
  /** The count of inodes is wrong. */
  | 'count';

/** What `check` found. */
export interface Problem {
  readonly kind: ProblemKind;
  /** For people: on what, and what was expected. */
  readonly detail: string;
  readonly repaired: boolean;
}

export interface NamespaceOptions {
  readonly kv: KvStore;
  /** The clock of all stamps; never goes back within the life of the namespace. */
  readonly now: () => Time;
  /** Decoded inodes kept in memory; 20,000 unless set. */
  readonly cachedInodes?: number;
}
