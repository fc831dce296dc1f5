/** What both sides can: computed from the kernel's INIT, nothing else. */
import { init, init2, MAX_PAGES, MAX_WRITE, MINOR, PAGE } from './protocol.ts';

export interface Offer {
  readonly minor: number;
  readonly maxReadahead: number;
  readonly flags: number;
  readonly flags2: number;
}

export interface Protocol {
  readonly minor: number;
  readonly maxReadahead: number;
  readonly flags: number;
  readonly flags2: number;
  readonly maxWrite: number;
  readonly maxPages: number;
  /** SETXATTR has the longer header. */
  readonly longSetxattr: boolean;
  /** ENOSYS for OPENDIR makes the kernel open and close directories by itself. */
  readonly noOpendir: boolean;
  readonly passthrough: boolean;
}

/** Background requests (read-ahead, RELEASE) at once, and how many make the kernel think us congested. */
export const MAX_BACKGROUND = 64;
export const CONGESTION_THRESHOLD = 48;

const wanted =
  init.ASYNC_READ |
  init.POSIX_LOCKS |
  init.ATOMIC_O_TRUNC |
  init.EXPORT_SUPPORT |
  init.BIG_WRITES |
  init.FLOCK_LOCKS |
  init.DO_READDIRPLUS |
  init.READDIRPLUS_AUTO |
  init.ASYNC_DIO |
  init.PARALLEL_DIROPS |
  init.MAX_PAGES |
  init.CACHE_SYMLINKS |
  // Pages stay until they are said to be wrong: whoever changes content notifies.
  init.EXPLICIT_INVAL_DATA |
  // Without it every write(2) asks for security.capability first.
  init.HANDLE_KILLPRIV_V2 |
  init.SETXATTR_EXT |
  init.INIT_EXT;

/**
 * Not DIRECT_IO_ALLOW_MMAP: a file that another mount writes is opened with DIRECT_IO, and a shared mapping of it would hold pages that the
 * other mount neither sees nor changes. mmap(2) says ENODEV instead (SQLite then refuses a write-ahead log rather than lose rows).
 */
const wanted2 = init2.CREATE_SUPP_GROUP | init2.HAS_EXPIRE_ONLY;

/** `symlinks`: the kernel may keep what they lead to. */
export function negotiate(offer: Offer, passthrough: boolean, symlinks = true): Protocol {
  const flags = (symlinks ? wanted : wanted & ~init.CACHE_SYMLINKS) & offer.flags;
  const extended = (flags & init.INIT_EXT) !== 0;
  const flags2 = extended ? offer.flags2 & (passthrough ? wanted2 | init2.PASSTHROUGH : wanted2) : 0;
  const pages = (flags & init.MAX_PAGES) !== 0;
  return {
    minor: Math.min(offer.minor, MINOR),
    maxReadahead: offer.maxReadahead,
    flags,
    flags2,
    // 32 pages are the most an older kernel sends.
    maxWrite: pages ? MAX_WRITE : 32 * PAGE,
    maxPages: pages ? MAX_PAGES : 0,
    longSetxattr: (flags & init.SETXATTR_EXT) !== 0,
    noOpendir: (offer.flags & init.NO_OPENDIR_SUPPORT) !== 0,
    passthrough: (flags2 & init2.PASSTHROUGH) !== 0,
  };
}
