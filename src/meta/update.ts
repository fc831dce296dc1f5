/** One change of the namespace: what a transaction reads and writes, with history, counters and the cache kept in step. */
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import { nameToText } from '../base/names.ts';
import type { Time } from '../base/time.ts';
import { type Place, S_IFDIR, S_IFMT } from '../fs/types.ts';
import type { Key, KvTransaction } from '../kv/types.ts';
import { andThen } from './and-then.ts';
import { encodeU48, sameBytes } from './bytes.ts';
import { type Entry, decodeEntry, encodeEntry } from './entry-codec.ts';
import type { Slot } from './inode-cache.ts';
import { decodeInode, encodeInode } from './inode-codec.ts';
import {
  inodeCountKey,
  inodeKey,
  nextInoKey,
  nextRevisionKey,
  pastInodeKey,
  pastKey,
  secondKey,
} from './keys.ts';
import { type Store, stale } from './store.ts';
import type { Inode } from './types.ts';

/** Numbers reserved with one record. After a crash the rest of the range is skipped. */
const RANGE = 1_024;

/** An inode being changed: `put` makes it a value. */
export type Draft = { -readonly [K in keyof Inode]: Inode[K] };

/** What this change leaves of an inode; undefined where it is gone. */
interface Written {
  readonly ino: number;
  readonly slot: Slot;
  inode: Inode | undefined;
}

/** A name and what it names. */
export interface Found {
  readonly key: Key;
  readonly entry: Entry;
  readonly inode: Inode;
}

export class Update {
  readonly store: Store;
  readonly tx: KvTransaction;
  readonly now: Time;
  readonly #written: Written[] = [];
  #removed: Inode | undefined;
  /** New subjects: hardly ever any. */
  #recorded: string[] | undefined;
  #revision = 0;
  #inoLimit = 0;
  #revisionLimit = 0;
  #indexedSecond = 0;
  #counted = 0;

  constructor(store: Store, tx: KvTransaction) {
    this.store = store;
    this.tx = tx;
    this.now = store.now();
  }

  /** This change's revision. Changes that write nothing take none. */
  get revision(): number {
    return this.#revision === 0 ? this.#begin() : this.#revision;
  }

  /** The inode as this transaction sees it. The cache may answer: nobody else writes this store. */
  inode(ino: number): Awaitable<Inode | undefined> {
    const written = this.#find(ino);
    if (written !== undefined) return written.inode;
    return (
      this.store.cache.get(ino) ??
      andThen(this.tx.get(inodeKey(ino)), (bytes) =>
        bytes === undefined ? undefined : decodeInode(ino, bytes, this.store.subjects),
      )
    );
  }

  /** ESTALE where there is none. */
  need(ino: number): Awaitable<Inode> {
    return andThen(this.inode(ino), (inode) => {
      if (inode === undefined) throw stale(ino);
      return inode;
    });
  }

  /** A directory that can hold names: ENOENT when it is gone, ENOTDIR when it is none. */
  directory(ino: number): Awaitable<Inode> {
    return andThen(this.inode(ino), (inode) => {
      if (inode === undefined || inode.nlink === 0) {
        throw new FsError('ENOENT', `directory ${ino} was removed; look its path up again`);
      }
      if (!isDirectory(inode)) throw new FsError('ENOTDIR', `inode ${ino} is no directory; name one`);
      return inode;
    });
  }

  entry(key: Key): Awaitable<Entry | undefined> {
    return andThen(this.tx.get(key), (bytes) => (bytes === undefined ? undefined : decodeEntry(bytes)));
  }

  /** An entry and its inode, undefined where there is none; EIO for a dangling one. */
  async find(key: Key, place: Place): Promise<Found | undefined> {
    const entry = await this.entry(key);
    if (entry === undefined) return undefined;
    const inode = await this.inode(entry.ino);
    if (inode === undefined) {
      throw new FsError('EIO', `${nameOf(place)} names inode ${entry.ino}, which is missing; run nexus fsck`);
    }
    return { key, entry, inode };
  }

  /** ENOENT where there is no such entry. */
  async expect(key: Key, place: Place): Promise<Found> {
    const found = await this.find(key, place);
    if (found === undefined) throw new FsError('ENOENT', `there is no ${nameOf(place)}`);
    return found;
  }

  takeIno(): number {
    const { store } = this;
    const ino = store.nextIno++;
    if (ino >= store.inoLimit) {
      this.#inoLimit = ino + RANGE;
      this.tx.put(nextInoKey, encodeU48(this.#inoLimit));
    }
    this.count(1);
    return ino;
  }

  /** Inodes that came (1) or went (-1). */
  count(by: number): void {
    this.#counted += by;
    this.store.inodes += by;
    this.tx.put(inodeCountKey, encodeU48(this.store.inodes));
  }

  /**
   * Writes an inode; `before` is its value until now (undefined: it is new). The value before goes to the past unless
   * nobody could tell: it was written by this very change, it had no name, or only attributes change within one second.
   */
  put(before: Inode | undefined, next: Draft): Inode {
    const { revision } = this;
    if (before === undefined || before.nlink === 0 || before.revision === revision) next.revision = revision;
    else if (this.#coalesces(before, next)) next.revision = before.revision;
    else {
      this.tx.put(pastInodeKey(before.ino, revision), this.#encode(before));
      next.revision = revision;
    }
    this.tx.put(inodeKey(next.ino), this.#encode(next));
    this.#write(next.ino, next);
    return next;
  }

  /** Deletes an inode's record. What had a name lives on in the past; `after` is what a descriptor still sees of it. */
  drop(before: Inode, after: Inode): void {
    const { revision } = this;
    if (before.nlink > 0 && before.revision !== revision) {
      this.tx.put(pastInodeKey(before.ino, revision), this.#encode(before));
    }
    this.tx.delete(inodeKey(before.ino));
    this.#write(before.ino, undefined);
    this.count(-1);
    this.#removed = after;
  }

  #encode(inode: Inode): Uint8Array {
    const { owner } = inode;
    return encodeInode(inode, this.store.subjects.numberOf(owner) ?? this.#record(owner));
  }

  #record(owner: string): number {
    (this.#recorded ??= []).push(owner);
    return this.store.subjects.record(this.tx, owner);
  }

  putEntry(key: Key, ino: number, mode: number): void {
    this.tx.put(key, encodeEntry({ ino, type: mode & S_IFMT, revision: this.revision }));
  }

  /** A name that had an inode has it no more; what it had goes to the past. */
  deleteEntry(key: Key, entry: Entry): void {
    this.tx.put(pastKey(key, this.revision), encodeEntry(entry));
    this.tx.delete(key);
  }

  /** Did what began with `revision` begin within the second of this change? */
  sameSecond(revision: number): boolean {
    return revision <= this.revision && revision >= this.store.second.revision;
  }

  /** The transaction is applied. */
  finish(): void {
    const { store } = this;
    if (this.#inoLimit > store.inoLimit) store.inoLimit = this.#inoLimit;
    if (this.#revisionLimit > store.revisionLimit) store.revisionLimit = this.#revisionLimit;
    if (this.#indexedSecond > store.indexedSecond) store.indexedSecond = this.#indexedSecond;
    this.#recorded?.forEach((owner) => {
      store.subjects.recorded(owner);
    });
    for (const { slot, inode } of this.#written) store.cache.release(slot, this.#revision, inode);
    if (this.#removed !== undefined) store.remember(this.#removed);
  }

  /** The transaction came to nothing. */
  abandon(): void {
    this.store.inodes -= this.#counted;
    for (const { slot } of this.#written) this.store.cache.release(slot, 0, undefined);
  }

  /**
   * The size and content of a version stay visible for ever; what was there before the first version was the
   * emptiness of a file just made.
   */
  #coalesces(before: Inode, next: Inode): boolean {
    return (
      this.sameSecond(before.revision) &&
      next.nlink > 0 &&
      (next.parent === before.parent || !isDirectory(next)) &&
      (before.version === 0 ||
        (next.version === before.version &&
          next.size === before.size &&
          (next.content === before.content || sameBytes(next.content, before.content))))
    );
  }

  #write(ino: number, inode: Inode | undefined): void {
    const written = this.#find(ino);
    if (written !== undefined) {
      written.inode = inode;
      return;
    }
    this.#written.push({ ino, inode, slot: this.store.cache.hold(ino) });
    for (const watch of this.store.watches) watch.written(ino);
  }

  /** A change writes a handful of inodes: a search is quicker than a map. */
  #find(ino: number): Written | undefined {
    for (const written of this.#written) if (written.ino === ino) return written;
    return undefined;
  }

  #begin(): number {
    const { store, now } = this;
    const revision = store.nextRevision++;
    this.#revision = revision;
    if (revision >= store.revisionLimit) {
      this.#revisionLimit = revision + RANGE;
      this.tx.put(nextRevisionKey, encodeU48(this.#revisionLimit));
    }
    if (now.sec > store.second.sec) store.second = { sec: now.sec, revision };
    if (store.second.sec > store.indexedSecond) {
      this.#indexedSecond = store.second.sec;
      this.tx.put(secondKey(store.second.sec), encodeU48(store.second.revision));
    }
    return revision;
  }
}

/** Runs `fn` as one transaction; memory follows when it is applied, and stays as it was when it is not. */
export async function update<T>(store: Store, fn: (u: Update) => Awaitable<T>): Promise<T> {
  let u: Update | undefined;
  try {
    const result = await store.kv.write((tx) => {
      u?.abandon();
      u = new Update(store, tx);
      return fn(u);
    });
    u?.finish();
    return result;
  } catch (error) {
    u?.abandon();
    throw error;
  }
}

export function isDirectory(inode: Inode): boolean {
  return (inode.mode & S_IFMT) === S_IFDIR;
}

/** A directory whose names changed: by `subdirectories` more or less among them. */
export function touch(u: Update, directory: Inode, subdirectories: number): Inode {
  return u.put(directory, {
    ...directory,
    mtime: u.now,
    ctime: u.now,
    nlink: directory.nlink + subdirectories,
  });
}

/** A place for messages: the path is not known here. */
export function nameOf(place: Place): string {
  return `"${nameToText(place.name)}" in directory ${place.parent}`;
}
