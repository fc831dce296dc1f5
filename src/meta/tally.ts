/** What the entries say of a range of inodes: how often each is named, where, and how many directories are in it. */
import { isDirectory } from './update.ts';
import { type Entry, decodeEntry } from './entry-codec.ts';
import { readId6 } from './keys.ts';
import { records } from './records.ts';
import type { Store, Watch } from './store.ts';
import type { Inode } from './types.ts';

/** Inodes looked at in one pass over all entries: bounds the memory of a check at 21 MiB. */
export const SPAN = 1 << 20;

/** An entry that seems wrong. */
export interface Suspect {
  readonly key: string;
  readonly entry: Entry;
}

export class Tally implements Watch {
  readonly from: number;
  readonly #named = new Uint32Array(SPAN);
  readonly #subdirectories = new Uint32Array(SPAN);
  readonly #above = new Float64Array(SPAN);
  readonly #places = new Uint32Array(SPAN);
  readonly #written = new Uint8Array(SPAN);

  constructor(from: number) {
    this.from = from;
  }

  has(ino: number): boolean {
    return ino >= this.from && ino < this.from + SPAN;
  }

  /** Somebody writes the inode: what was counted for it may not be so any more. */
  written(ino: number): void {
    if (this.has(ino)) this.#written[ino - this.from] = 1;
  }

  wasWritten(ino: number): boolean {
    return this.#written[ino - this.from] === 1;
  }

  named(ino: number): number {
    return this.#named[ino - this.from] ?? 0;
  }

  subdirectories(ino: number): number {
    return this.#subdirectories[ino - this.from] ?? 0;
  }

  /** The last directory that names the inode. */
  above(ino: number): number {
    return this.#above[ino - this.from] ?? 0;
  }

  /** The sum of `scatter(directory)` over the names of the inode, modulo 2**32: which directories they are in, in little room. */
  places(ino: number): number {
    return this.#places[ino - this.from] ?? 0;
  }

  /** Counts all entries; yields those that name nothing, lie in nothing, or have another type than their inode. */
  async *count(store: Store): AsyncGenerator<Suspect, void, undefined> {
    let parent: Inode | undefined;
    let parentIno = 0;
    for await (const [key, bytes] of records(store.kv, 'e')) {
      const ino = readId6(key, 1);
      const entry = decodeEntry(bytes);
      if (ino !== parentIno) {
        parentIno = ino;
        parent = await store.inode(ino);
      }
      if (!this.has(entry.ino) && !this.has(ino)) continue;
      const child = await store.inode(entry.ino);
      const holds = parent !== undefined && isDirectory(parent);
      if (this.has(entry.ino) && (!holds || child === undefined || !hasType(child, entry)))
        yield { key, entry };
      if (holds && child !== undefined) this.#add(ino, child);
    }
  }

  #add(parent: number, child: Inode): void {
    if (this.has(child.ino)) {
      this.#named[child.ino - this.from] = this.named(child.ino) + 1;
      this.#above[child.ino - this.from] = parent;
      this.#places[child.ino - this.from] = this.places(child.ino) + scatter(parent);
    }
    if (this.has(parent) && isDirectory(child)) {
      this.#subdirectories[parent - this.from] = this.subdirectories(parent) + 1;
    }
  }
}

/** 32 bits that depend on all bits of an inode number, so that different lists of numbers hardly ever have the same sum. */
export function scatter(ino: number): number {
  const high = Math.floor(ino / 0x100000000);
  let bits = Math.imul(ino ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

export function hasType(inode: Inode, entry: Entry): boolean {
  return inode.mode >>> 12 === entry.type >>> 12;
}
