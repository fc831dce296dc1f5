/** What the operations of one namespace share: the store, the counters, the seed of the directory order, inodes in memory. */
import { randomBytes } from 'node:crypto';
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import type { Time } from '../base/time.ts';
import { S_IFDIR, root } from '../fs/types.ts';
import type { Key, KvStore, KvTransaction } from '../kv/types.ts';
import { andThen } from './and-then.ts';
import { EMPTY, decodeU48, encodeU48, viewOf } from './bytes.ts';
import { decodeInode, encodeInode } from './inode-codec.ts';
import { InodeCache } from './inode-cache.ts';
import {
  entryKey,
  formatKey,
  inodeCountKey,
  inodeKey,
  nextInoKey,
  nextRevisionKey,
  readId6,
  secondKey,
} from './keys.ts';
import { type HashSeed, nameHash } from './name-hash.ts';
import { Subjects } from './subjects.ts';
import type { Counts, Inode, NamespaceOptions } from './types.ts';

/** The format of every record here; a store with another one is refused. */
const FORMAT = 2;
/** How many removed inodes stay known (an O_PATH descriptor, a current directory that was removed). */
const REMOVED = 4_096;
const CACHED = 20_000;

/** Notices who is written while somebody looks: `check` must not judge from facts that changed meanwhile. */
export interface Watch {
  written(ino: number): void;
}

export class Store {
  readonly kv: KvStore;
  readonly now: () => Time;
  readonly cache: InodeCache;
  /** Removed inodes, with nlink 0, the latest ones. */
  readonly removed = new Map<number, Inode>();
  readonly watches = new Set<Watch>();
  readonly subjects: Subjects;
  /** The directories of inodes that have names in several. Whoever writes link records writes the inode, which is another value then. */
  readonly spread = new WeakMap<Inode, readonly number[]>();
  readonly #seed: HashSeed;

  /** The next number to give, and the first one that is not reserved in the store. */
  nextIno: number;
  inoLimit: number;
  nextRevision: number;
  revisionLimit: number;
  /** The newest second in which something was written, and the first revision in it. */
  second: { readonly sec: number; readonly revision: number };
  /** The newest second that the store has a record of. */
  indexedSecond: number;
  inodes: number;

  private constructor(options: NamespaceOptions, seed: HashSeed, counters: Counters, subjects: Subjects) {
    this.kv = options.kv;
    this.subjects = subjects;
    this.now = options.now;
    this.cache = new InodeCache(options.cachedInodes ?? CACHED);
    this.#seed = seed;
    this.nextIno = this.inoLimit = counters.nextIno;
    this.nextRevision = this.revisionLimit = counters.nextRevision;
    this.second = { sec: counters.second, revision: counters.nextRevision };
    this.indexedSecond = counters.second;
    this.inodes = counters.inodes;
  }

  static async open(options: NamespaceOptions): Promise<Store> {
    const { kv } = options;
    const format =
      (await kv.get(formatKey)) ??
      (await kv.write(async (tx) => (await tx.get(formatKey)) ?? begin(tx, options.now())));
    const view = viewOf(format);
    if (format.length !== 9 || view.getUint8(0) !== FORMAT) {
      throw new FsError(
        'EIO',
        'this data directory has another format; open it with the version of nexus that made it',
      );
    }
    const seed = { a: view.getUint32(1), b: view.getUint32(5) };
    return new Store(options, seed, await readCounters(kv), await Subjects.load(kv));
  }

  /** The committed inode; those that are removed are not known here. */
  inode(ino: number): Awaitable<Inode | undefined> {
    const cached = this.cache.get(ino);
    if (cached !== undefined) return cached;
    const { epoch } = this.cache;
    return andThen(this.kv.get(inodeKey(ino)), (bytes) => {
      if (bytes === undefined) return undefined;
      const inode = decodeInode(ino, bytes, this.subjects);
      this.cache.fill(inode, epoch);
      return inode;
    });
  }

  /** The committed inode, removed ones included; ESTALE for what was never there or is forgotten. */
  need(ino: number): Awaitable<Inode> {
    return andThen(this.inode(ino), (found) => {
      const inode = found ?? this.removed.get(ino);
      if (inode === undefined) throw stale(ino);
      return inode;
    });
  }

  entryKey(parent: number, name: Name): Key {
    return entryKey(parent, nameHash(this.#seed, name), name);
  }

  /** Remembers a removed inode, and forgets the one removed longest ago. */
  remember(inode: Inode): void {
    this.removed.delete(inode.ino);
    this.removed.set(inode.ino, inode);
    if (this.removed.size <= REMOVED) return;
    for (const oldest of this.removed.keys()) {
      this.removed.delete(oldest);
      return;
    }
  }

  counts(): Counts {
    return { inodes: this.inodes, revision: this.nextRevision - 1 };
  }

  stats(): Readonly<Record<string, number>> {
    const { cache, removed, subjects } = this;
    return {
      ...this.counts(),
      cachedInodes: cache.size,
      removedInodes: removed.size,
      subjects: subjects.size,
    };
  }
}

export function stale(ino: number): FsError {
  return new FsError('ESTALE', `inode ${ino} does not exist any more; look its path up again`);
}

interface Counters {
  readonly nextIno: number;
  readonly nextRevision: number;
  readonly second: number;
  readonly inodes: number;
}

async function readCounters(kv: KvStore): Promise<Counters> {
  const [ino, revision, count, seconds] = await Promise.all([
    kv.get(nextInoKey),
    kv.get(nextRevisionKey),
    kv.get(inodeCountKey),
    kv.scan({ from: secondKey(0), to: 'u', limit: 1, reverse: true }),
  ]);
  const newest = seconds[0];
  if (ino === undefined || revision === undefined || count === undefined || newest === undefined) {
    throw new FsError(
      'EIO',
      'the counters of the namespace are missing; restore the data directory from a backup',
    );
  }
  return {
    nextIno: decodeU48(ino),
    nextRevision: decodeU48(revision),
    inodes: decodeU48(count),
    second: readId6(newest[0], 1),
  };
}

/** First use: the format, the counters, the root directory as revision 1. */
function begin(tx: KvTransaction, now: Time): Uint8Array {
  const format = new Uint8Array(9);
  format.set(randomBytes(8), 1);
  format[0] = FORMAT;
  tx.put(formatKey, format);
  tx.put(nextInoKey, encodeU48(root + 1));
  tx.put(nextRevisionKey, encodeU48(2));
  tx.put(inodeCountKey, encodeU48(1));
  tx.put(secondKey(Math.max(0, now.sec)), encodeU48(1));
  tx.put(
    inodeKey(root),
    encodeInode(
      {
        ino: root,
        mode: S_IFDIR | 0o755,
        nlink: 2,
        uid: process.getuid?.() ?? 0,
        gid: process.getgid?.() ?? 0,
        rdev: 0,
        size: 0,
        content: EMPTY,
        target: EMPTY,
        atime: now,
        mtime: now,
        ctime: now,
        btime: now,
        version: 0,
        parent: root,
        owner: '',
        revision: 1,
        xattrs: false,
        nameless: false,
      },
      0,
    ),
  );
  return format;
}
