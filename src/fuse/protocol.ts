/** The numbers of the FUSE protocol, version 7.45, as the kernel's `fuse.h` has them. Integers are little-endian here: x64 and arm64. */

export const MAJOR = 7;
/** The newest minor version known here, and the oldest one served. */
export const MINOR = 45;
export const OLDEST_MINOR = 31;

/** The kernel's number for the root of a mount, whatever node that is in the FileSystem. */
export const ROOT_ID = 1;

export const IN_HEADER = 40;
export const OUT_HEADER = 16;

export const opcode = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  getlk: 31,
  setlk: 32,
  setlkw: 33,
  access: 34,
  create: 35,
  interrupt: 36,
  bmap: 37,
  destroy: 38,
  ioctl: 39,
  poll: 40,
  notifyReply: 41,
  batchForget: 42,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  copyFileRange: 47,
  setupMapping: 48,
  removeMapping: 49,
  syncfs: 50,
  tmpfile: 51,
  statx: 52,
  copyFileRange64: 53,
} as const;

/** INIT flags of the first word. */
export const init = {
  ASYNC_READ: 1 << 0,
  POSIX_LOCKS: 1 << 1,
  ATOMIC_O_TRUNC: 1 << 3,
  EXPORT_SUPPORT: 1 << 4,
  BIG_WRITES: 1 << 5,
  DONT_MASK: 1 << 6,
  FLOCK_LOCKS: 1 << 10,
  AUTO_INVAL_DATA: 1 << 12,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  ASYNC_DIO: 1 << 15,
  WRITEBACK_CACHE: 1 << 16,
  PARALLEL_DIROPS: 1 << 18,
  MAX_PAGES: 1 << 22,
  CACHE_SYMLINKS: 1 << 23,
  NO_OPENDIR_SUPPORT: 1 << 24,
  EXPLICIT_INVAL_DATA: 1 << 25,
  HANDLE_KILLPRIV_V2: 1 << 28,
  SETXATTR_EXT: 1 << 29,
  INIT_EXT: 1 << 30,
} as const;

/** INIT flags of the second word, honoured by the kernel only together with INIT_EXT. */
export const init2 = {
  CREATE_SUPP_GROUP: 1 << 2,
  HAS_EXPIRE_ONLY: 1 << 3,
  PASSTHROUGH: 1 << 5,
} as const;

/** Flags of the reply to OPEN and CREATE. */
export const fopen = { DIRECT_IO: 1, KEEP_CACHE: 2, NOFLUSH: 32, PASSTHROUGH: 128 } as const;

/** open(2) flags as Linux numbers them. */
export const O_ACCMODE = 3;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_DSYNC = 0o10000;
/** FUSE_OPEN_KILL_SUIDGID in `open_flags` of OPEN and CREATE. */
export const OPEN_KILL_SUIDGID = 1;
/** FUSE_WRITE_KILL_SUIDGID in `write_flags`. */
export const WRITE_KILL_SUIDGID = 4;
/** FUSE_RELEASE_FLOCK_UNLOCK in `release_flags`. */
export const RELEASE_FLOCK_UNLOCK = 2;
/** FUSE_FSYNC_FDATASYNC in `fsync_flags`. */
export const FSYNC_FDATASYNC = 1;
/** FUSE_LK_FLOCK in `lk_flags`: flock(2), not fcntl(2). */
export const LK_FLOCK = 1;

/** What SETATTR changes. */
export const fattr = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  LOCKOWNER: 1 << 9,
  CTIME: 1 << 10,
  KILL_SUIDGID: 1 << 11,
} as const;

/** fcntl(2) lock types. */
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;
/** The last byte a lock may cover. */
export const OFFSET_MAX = 0x7fff_ffff_ffff_ffffn;

/** renameat2(2) flags. */
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

/** setxattr(2) flags. */
export const XATTR_CREATE = 1;
export const XATTR_REPLACE = 2;

/** lseek(2). */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** fallocate(2) modes the kernel lets through to FUSE. */
export const FALLOC_KEEP_SIZE = 1;
export const FALLOC_PUNCH_HOLE = 2;
export const FALLOC_ZERO_RANGE = 16;

/** The extension of a request that carries supplementary groups. */
export const EXT_GROUPS = 32;

export const notify = { INVAL_INODE: 2, INVAL_ENTRY: 3, INC_EPOCH: 8 } as const;
/** The first minor version that knows INC_EPOCH. */
export const EPOCH_MINOR = 44;

/** STATX_BASIC_STATS and STATX_BTIME: what STATX answers. */
export const STATX_MASK = 0x7ff | 0x800;

/** Sizes of reply structures. */
export const ENTRY_SIZE = 128;
export const ATTR_OUT_SIZE = 104;
export const OPEN_OUT_SIZE = 16;
export const STATX_OUT_SIZE = 288;
export const STATFS_OUT_SIZE = 80;
export const INIT_OUT_SIZE = 64;
export const LK_OUT_SIZE = 24;
/** `struct fuse_dirent` before its name. */
export const DIRENT_SIZE = 24;

/** The longest name of an entry or an extended attribute, in bytes. */
export const NAME_MAX = 255;
export const PAGE = 4096;
export const MAX_PAGES = 256;
/** The longest WRITE, and the longest READ the kernel asks for with MAX_PAGES pages. */
export const MAX_WRITE = MAX_PAGES * PAGE;
/** A request buffer holds the longest WRITE with its headers; the kernel refuses to be read into less. */
export const REQUEST_BUFFER = MAX_WRITE + PAGE;
