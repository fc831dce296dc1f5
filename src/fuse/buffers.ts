/** Buffers that READ answers are made in: reused by size class, so that a stream of reads allocates nothing. */
import { MAX_WRITE, PAGE } from './protocol.ts';

const CLASSES = Math.log2(MAX_WRITE / PAGE) + 1;
/** What lies unused is bounded: half a dozen of the largest, or as many bytes of smaller ones. */
const KEPT_BYTES = 6 * MAX_WRITE;

export class Buffers {
  readonly #free: Buffer[][] = Array.from({ length: CLASSES }, () => []);
  #freeBytes = 0;

  /** At least `size` bytes, `size` at most MAX_WRITE. */
  take(size: number): Buffer {
    const index = size <= PAGE ? 0 : 32 - Math.clz32((size - 1) >> 12);
    const buffer = this.#free[index]?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(PAGE << index);
    this.#freeBytes -= buffer.length;
    return buffer;
  }

  give(buffer: Buffer): void {
    if (this.#freeBytes + buffer.length > KEPT_BYTES) return;
    this.#free[31 - Math.clz32(buffer.length >> 12)]?.push(buffer);
    this.#freeBytes += buffer.length;
  }
}
