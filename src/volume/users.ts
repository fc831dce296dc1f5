/** Who has a file open: how many handles, through which mounts, and what the kernel of each mount does by itself. */
import type { FileHandle } from '../fs/types.ts';

type Io = FileHandle['io'];

/** The handles of one mount. */
interface Opens {
  readonly via: number;
  cached: number;
  direct: number;
  backing: number;
  writers: number;
  /** Of the writers, those whose writes the kernel does by itself. */
  unseen: number;
}

export class Users {
  /** Handles, and operations that hold the file for a moment. */
  count = 0;
  /** Of these, released handles that wait for what they wrote to become a version. */
  leaving = 0;
  /** Handles that can write. */
  writers = 0;
  #opens: Opens[] = [];

  /** Counts one handle in, or out with `change` = -1. */
  tally(via: number, io: Io, write: boolean, change: 1 | -1): void {
    let opens = this.#opens.find((candidate) => candidate.via === via);
    if (opens === undefined) {
      opens = { via, cached: 0, direct: 0, backing: 0, writers: 0, unseen: 0 };
      this.#opens.push(opens);
    }
    opens[io] += change;
    this.count += change;
    if (write) {
      this.writers += change;
      opens.writers += change;
      if (io === 'backing') opens.unseen += change;
    }
    if (opens.cached + opens.direct + opens.backing === 0) {
      this.#opens = this.#opens.filter((candidate) => candidate !== opens);
    }
  }

  /**
   * How the kernel of a mount should do I/O on one more handle. All handles of one mount either are backing or none is (the
   * kernel refuses a mixture), and while someone writes through another mount pages must not be cached. Mounts that all do
   * their I/O on the host file see each other's writes and mappings in it (a write-ahead log of SQLite shares memory so).
   * `mayBack`: asked for, and the file can be staged whole. `mapped`: it changes without anybody having it open.
   */
  choose(via: number, write: boolean, mayBack: boolean, mapped: boolean): Io {
    const own = this.#opens.find((opens) => opens.via === via);
    if (own !== undefined && own.backing > 0) return 'backing';
    const others = this.#opens.some((opens) => opens.via !== via);
    const othersWrite = this.#opens.some((opens) => opens.via !== via && opens.writers > 0);
    if (own !== undefined && own.cached > 0) return othersWrite ? 'direct' : 'cached';
    if (mayBack && this.#opens.every((opens) => opens.backing > 0)) return 'backing';
    return mapped || othersWrite || (others && write) ? 'direct' : 'cached';
  }

  /** Does another mount write into it by itself? */
  unseenElsewhere(via: number): boolean {
    return this.#opens.some((opens) => opens.via !== via && opens.unseen > 0);
  }
}
