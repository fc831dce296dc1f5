/** Disk space kept aside for the moment the disk is full: even deleting needs a few bytes of journal. */
import { statSync, truncateSync } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

const whole = 8 * 1024 * 1024;
const step = 1024 * 1024;

export class Reserve {
  readonly #path: string;
  #held: number;

  private constructor(path: string, held: number) {
    this.#path = path;
    this.#held = held;
  }

  /** Takes over the reserve at this path, or makes one where there is room for it. */
  static async open(path: string): Promise<Reserve> {
    const reserve = new Reserve(path, sizeOf(path));
    await reserve.refill();
    return reserve;
  }

  /** Bytes kept aside. */
  get held(): number {
    return this.#held;
  }

  /** Gives up a part; false when nothing is left. */
  release(): boolean {
    if (this.#held === 0) return false;
    try {
      truncateSync(this.#path, Math.max(0, this.#held - step));
      this.#held = sizeOf(this.#path);
      return true;
    } catch {
      return false;
    }
  }

  /** Takes back what was given up, once there is plenty of room. Never fails: a reserve is a convenience. */
  async refill(): Promise<void> {
    if (this.#held >= whole) return;
    try {
      const { bavail, bsize } = await statfs(dirname(this.#path));
      if (bavail * bsize < 2 * whole) return;
      await using file = await open(this.#path, 'a', 0o600);
      const zeros = Buffer.alloc(step);
      for (let missing = whole - this.#held; missing > 0; missing -= step) {
        await file.appendFile(zeros.subarray(0, Math.min(step, missing)));
      }
    } catch {
      // Less than a whole reserve will do.
    }
    this.#held = sizeOf(this.#path);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
