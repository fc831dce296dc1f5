/** A slot that holds all bytes of a file: the host file is the file. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Slot } from '../cas/types.ts';
import type { Native } from '../host/native.ts';
import { hostError, readSlot, resizeSlot, writeSlot } from './slot-io.ts';
import { KEEP_SIZE, PUNCH_HOLE } from './staging.ts';
import type { Staging } from './staging.ts';

export class CompleteStaging implements Staging {
  readonly kind = 'complete';
  readonly baseLimit = 0;
  readonly slot: Slot;
  readonly #native: Native;

  constructor(native: Native, slot: Slot) {
    this.#native = native;
    this.slot = slot;
  }

  /** The host knows the end of the file best: the kernel may be writing into it by itself. */
  read(into: Uint8Array, offset: number): Awaitable<number> {
    return readSlot(this.#native, this.slot.fd, into, offset);
  }

  write(data: Uint8Array, offset: number): Awaitable<number> {
    return writeSlot(this.slot.fd, data, offset);
  }

  truncate(from: number, to: number): Awaitable<void> {
    return resizeSlot(this.slot.fd, from, to);
  }

  zero(from: number, to: number): void {
    this.#fallocate(PUNCH_HOLE | KEEP_SIZE, from, to);
  }

  reserve(from: number, to: number): void {
    this.#fallocate(KEEP_SIZE, from, to);
  }

  seek(offset: number, size: number, whence: 'data' | 'hole'): number {
    const found = this.#native.seek(this.slot.fd, offset, whence);
    return found >= size && whence === 'data' ? -1 : Math.min(found, size);
  }

  #fallocate(mode: number, from: number, to: number): void {
    try {
      this.#native.fallocate(this.slot.fd, mode, from, to - from);
    } catch (error) {
      throw hostError(error, 'room in the staging file cannot be reserved or given up');
    }
  }
}
