/**
 * The contract of everything that is a tree: the volume, the mount table, the guard, the observer, and whatever else is stacked.
 * Every method takes the caller first and throws only FsError. Names have been checked by whoever calls (1 to 255 bytes, no `/`,
 * no NUL, neither `.` nor `..`). POSIX mode bits are checked by the edge (the kernel does for a mount); ownership rules that depend on
 * them (setgid inheritance, clearing of set-id bits) belong to the FileSystem.
 */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import type { Name } from '../base/names.ts';
import type { Time } from '../base/time.ts';

/** A safe integer, never reused; the root of a FileSystem is `root`. The mount table owns the part above 2**40. */
export type NodeId = number;

/** The root of every FileSystem. */
export const root: NodeId = 1;

/** File types in `Attr.mode`, as POSIX's S_IFMT. */
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

export interface Attr {
  readonly node: NodeId;
  /** Type and permission bits together, as in `struct stat`. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Device number of character and block devices (Linux's 32-bit encoding), else 0. */
  readonly rdev: number;
  /** Bytes. */
  readonly size: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
  readonly btime: Time;
  /** Number of the newest version of a regular file: 0 before the first close after a change. */
  readonly version: number;
  /** Directories: the directory above; the root's is the root itself. Undefined for everything else. */
  readonly parent?: NodeId;
}

/** What permissions on a node derive from. */
export interface Lineage {
  /** The directories it has names in, each once: none for the root of the whole tree, and for a node without a name. */
  readonly parents: readonly NodeId[];
  readonly directory: boolean;
  /** The subject who made it (`type:id`); undefined for what nobody made. */
  readonly owner: string | undefined;
}

/** 'now' stamps with the FileSystem's clock. */
export type TimeChange = Time | 'now';

/** What is absent stays. `mode` has no type bits. */
export interface AttrChange {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: TimeChange;
  readonly mtime?: TimeChange;
  readonly ctime?: TimeChange;
  /** Clear setuid, and setgid where group execution is allowed (write(2) and truncate(2) by an unprivileged caller). */
  readonly killPriv?: boolean;
}

/** A place for a name: a directory and the name in it. */
export interface Place {
  readonly parent: NodeId;
  readonly name: Name;
}

/** A node to be made. `mode` has the type bits; `target` is for symlinks only, `rdev` for devices only. */
export interface NewNode {
  readonly mode: number;
  readonly rdev?: number;
  /** The bytes of a symlink, 1 to 4,095. */
  readonly target?: Uint8Array;
}

export type RenameMode = 'replace' | 'noreplace' | 'exchange';

export interface OpenFlags {
  readonly read: boolean;
  readonly write: boolean;
  readonly append?: boolean;
  readonly truncate?: boolean;
  /** O_SYNC or O_DSYNC: every write is durable when it returns. */
  readonly sync?: boolean;
  /** The edge could let the kernel do the I/O on a host descriptor (`FileHandle.backing`). */
  readonly passthrough?: boolean;
  /** Clear set-id bits when opening truncates. */
  readonly killPriv?: boolean;
}

export interface DirEntry {
  readonly name: Name;
  readonly attr: Attr;
  /** Where to go on after this entry: a safe integer > 0, stable while the directory changes. */
  readonly cookie: number;
}

export interface StatFs {
  readonly blockSize: number;
  readonly blocks: number;
  readonly free: number;
  readonly available: number;
  readonly files: number;
  readonly filesFree: number;
  readonly nameMax: number;
}

export type XattrMode = 'set' | 'create' | 'replace';

/** One version of a regular file. */
export interface Version {
  /** From 1, without gaps. */
  readonly number: number;
  readonly size: number;
  /** When it was closed. */
  readonly time: Time;
  /** Subject of who made it. */
  readonly author: string;
  /** BLAKE3-256 of the content, 64 hex digits. */
  readonly hash: string;
}

/** An open file. Authorised when it was opened: I/O needs no path and no metadata. */
export interface FileHandle {
  readonly node: NodeId;
  readonly flags: OpenFlags;
  /**
   * How the kernel should do I/O on it: `cached` (page cache), `direct` (every read and write comes here),
   * `backing` (the kernel reads and writes the host file `backing` by itself).
   */
  readonly io: 'cached' | 'direct' | 'backing';
  /**
   * With io = 'backing': a host descriptor, the same for all opens of the node; valid until release. With 'direct' as well, where the mount
   * has the node open with io = 'backing' already: the kernel asks that all opens agree.
   */
  readonly backing: number | undefined;
  /** Bytes in the file now. */
  readonly size: number;
  /** Changes whenever the content did: equal stamps mean cached pages are still right. */
  readonly stamp: number;
  /** Fills `into` from `offset`; resolves to the bytes read, less than asked only at the end of the file. */
  read(caller: Caller, into: Uint8Array, offset: number): Promise<number>;
  /** Writes all of `data` at `offset` (at the end with `append`); resolves to its length. The bytes may be reused afterwards. */
  write(caller: Caller, data: Uint8Array, offset: number): Promise<number>;
  /** close(2) of one descriptor: changed content becomes a version. Repeatable. */
  flush(caller: Caller): Promise<void>;
  /**
   * `flush` for who cannot wait: the version is made a little later, but before anybody can change the content or ask for its versions.
   * Rejects while versions cannot be made, for want of space say.
   */
  flushSoon(caller: Caller): Promise<void>;
  /** Content and metadata survive a power cut when it resolves. */
  fsync(caller: Caller, dataOnly: boolean): Promise<void>;
  /** The last descriptor is gone. Idempotent; nothing else may be called afterwards. */
  release(caller: Caller): Promise<void>;
  /** fallocate(2); `mode` is Linux's flag word (KEEP_SIZE 1, PUNCH_HOLE 2, ZERO_RANGE 16). */
  allocate(caller: Caller, mode: number, offset: number, length: number): Promise<void>;
  /** lseek(2) SEEK_DATA and SEEK_HOLE; ENXIO past the end. */
  seek(caller: Caller, offset: number, whence: 'data' | 'hole'): Promise<number>;
  /** copy_file_range(2): resolves to the bytes copied; EXDEV where `to` belongs to another FileSystem. */
  copyRange(
    caller: Caller,
    offset: number,
    to: FileHandle,
    toOffset: number,
    length: number,
  ): Promise<number>;
}

export interface Created {
  readonly attr: Attr;
  readonly handle: FileHandle;
}

export interface FileSystem {
  /** The entry of a name. ENOENT, ENOTDIR. */
  lookup(caller: Caller, at: Place): Promise<Attr>;
  /** What permissions on the node derive from; undefined where there is no such node. At once where it is in memory. */
  lineage(node: NodeId): Awaitable<Lineage | undefined>;
  /** ESTALE for a node that is gone. Unlinked nodes answer while they are open. */
  getattr(caller: Caller, node: NodeId): Promise<Attr>;
  setattr(caller: Caller, node: NodeId, change: AttrChange): Promise<Attr>;
  readlink(caller: Caller, node: NodeId): Promise<Uint8Array>;
  /** The one way to make a node: file, directory, symlink, fifo, socket, device. EEXIST. */
  mknod(caller: Caller, at: Place, what: NewNode): Promise<Attr>;
  /** Makes a regular file and opens it. EEXIST. */
  create(caller: Caller, at: Place, mode: number, flags: OpenFlags): Promise<Created>;
  /** O_TMPFILE: a regular file without a name, which `link` may name. */
  tmpfile(caller: Caller, parent: NodeId, mode: number, flags: OpenFlags): Promise<Created>;
  /** EPERM for directories, EMLINK, EEXIST, ENOENT for a file already unlinked (O_TMPFILE excepted). */
  link(caller: Caller, node: NodeId, to: Place): Promise<Attr>;
  unlink(caller: Caller, at: Place): Promise<void>;
  rmdir(caller: Caller, at: Place): Promise<void>;
  rename(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<void>;
  open(caller: Caller, node: NodeId, flags: OpenFlags): Promise<FileHandle>;
  /** At most `limit` entries after the cookie (0: from the start), without `.` and `..`. */
  readdir(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly DirEntry[]>;
  /** ENODATA where there is none. */
  getxattr(caller: Caller, node: NodeId, name: Name): Promise<Uint8Array>;
  /** EEXIST with 'create', ENODATA with 'replace', E2BIG, ENOSPC, EOPNOTSUPP for namespaces that are not kept. */
  setxattr(caller: Caller, node: NodeId, name: Name, value: Uint8Array, mode: XattrMode): Promise<void>;
  removexattr(caller: Caller, node: NodeId, name: Name): Promise<void>;
  listxattr(caller: Caller, node: NodeId): Promise<readonly Name[]>;
  statfs(caller: Caller, node: NodeId): Promise<StatFs>;
  /** fsync(2) of a directory, syncfs(2): everything acknowledged before survives a power cut. */
  sync(caller: Caller, node: NodeId): Promise<void>;
  /** Newest last; the page after version `after` (0: from the first). EINVAL for what is no regular file. */
  versions(caller: Caller, node: NodeId, after: number, limit: number): Promise<readonly Version[]>;
  /** A copy of the content of one version into `into`; resolves to the bytes read. ENOENT for a number that is not there. */
  readVersion(
    caller: Caller,
    node: NodeId,
    version: number,
    into: Uint8Array,
    offset: number,
  ): Promise<number>;
}
