/** A device without a kernel: takes frames from the test and keeps what is sent. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Device } from '../../src/host/native.ts';

export class FakeDevice implements Device {
  /** Replies and notifications, in the order they left. */
  readonly sent: Buffer[] = [];
  readonly notifications: Buffer[] = [];
  readonly backings = new Map<number, number>();
  /** What `send` and `backingOpen` answer: negative errno, or undefined for success. */
  sendError: number | undefined;
  backingError: number | undefined;
  /** Held back `notified` calls wait for it. */
  delivered: Promise<void> = Promise.resolve();
  closed = false;
  kept = new Set<Buffer>();
  #lent: Buffer | undefined;
  #nextBacking = 0;
  #onMessage: (message: Buffer, length: number) => void = () => undefined;
  #onEnd: (error: string | undefined) => void = () => undefined;

  start(
    onMessage: (message: Buffer, length: number) => void,
    onEnd: (error: string | undefined) => void,
  ): void {
    this.#onMessage = onMessage;
    this.#onEnd = onEnd;
  }

  /** Hands a message over in a buffer that is overwritten as soon as it is no longer lent, as the device would. */
  deliver(message: Uint8Array): void {
    const buffer = Buffer.alloc(message.length + 64, 0xee);
    buffer.set(message);
    this.#lent = buffer;
    this.#onMessage(buffer, message.length);
    this.#lent = undefined;
    if (!this.kept.has(buffer)) buffer.fill(0xdd);
  }

  /** The replies to a message, once nothing happens any more. */
  async exchange(message: Uint8Array): Promise<Buffer[]> {
    const before = this.sent.length;
    this.deliver(message);
    await turn();
    return this.sent.slice(before);
  }

  end(error?: string): void {
    this.#onEnd(error);
  }

  keep(): void {
    if (this.#lent) this.kept.add(this.#lent);
  }

  giveBack(message: Buffer): void {
    if (this.kept.delete(message)) message.fill(0xdd);
  }

  send(...parts: (Uint8Array | number | undefined)[]): number {
    if (this.closed) return -9;
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < parts.length; i += 2) {
      pieces.push((parts[i] as Uint8Array).subarray(0, parts[i + 1] as number));
    }
    this.sent.push(Buffer.concat(pieces));
    return this.sendError ?? 0;
  }

  notify(message: Uint8Array): void {
    this.notifications.push(Buffer.from(message));
  }

  notified(): Promise<void> {
    return this.delivered;
  }

  backingOpen(fd: number): number {
    if (this.backingError !== undefined) return this.backingError;
    this.backings.set(++this.#nextBacking, fd);
    return this.#nextBacking;
  }

  backingClose(id: number): number {
    return this.backings.delete(id) ? 0 : -2;
  }

  spin(): void {
    // There is nothing to poll.
  }

  stats(): Record<string, number> {
    return { kept: this.kept.size };
  }

  close(): void {
    this.closed = true;
  }
}
