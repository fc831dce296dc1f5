/** Moves what memory holds into LevelDB, in the background, and bounds how much memory that can be. */
import { codeOf, FsError, isFsError } from '../base/errors.ts';
import { isFull, type Journal } from './journal.ts';
import type { Layers } from './layers.ts';
import type { Reserve } from './reserve.ts';

export interface CheckpointOptions {
  readonly layers: Layers;
  readonly journal: Journal;
  readonly reserve: Reserve;
  /** Everything written so far, and the content it names, is on the disk when it resolves. */
  readonly sync: () => Promise<void>;
  /** Size of memtable or journal at which a checkpoint begins; writers wait at twice that. */
  readonly limit: number;
}

const pauseAfterFailure = 1000;

export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #failure: { error: FsError; retryAt: number } | undefined;
  #done = 0;
  #failures = 0;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  stats(): { checkpoints: number; checkpointFailures: number } {
    return { checkpoints: this.#done, checkpointFailures: this.#failures };
  }

  /** Begins one if it is time; called after every transaction. */
  consider(): void {
    if (this.#running !== undefined) return;
    if (this.#options.layers.frozen === undefined && this.#size() < this.#options.limit) return;
    if (this.#failure !== undefined && performance.now() < this.#failure.retryAt) return;
    void this.#begin();
  }

  /** Nothing while there is room for a transaction; else a promise of room, rejected where there will be none. */
  admit(): Promise<void> | undefined {
    return this.#size() < 2 * this.#options.limit ? undefined : this.#room();
  }

  /** One from beginning to end, however little there is to write. */
  async run(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.#begin();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Ends the one that runs at its next step. The journal keeps what it was writing. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #size(): number {
    return Math.max(this.#options.layers.active.bytes, this.#options.journal.currentBytes);
  }

  async #room(): Promise<void> {
    while (this.#size() >= 2 * this.#options.limit) {
      this.consider();
      if (this.#running !== undefined) await this.#running;
      else throw this.#failure?.error ?? new FsError('EIO', 'the store is being closed');
    }
  }

  async #begin(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    try {
      this.#freeze();
    } catch (error) {
      this.#ended(error);
      return;
    }
    // Not within this call: what `sync` runs may itself write, and must find this checkpoint running.
    this.#running = Promise.resolve()
      .then(() => this.#moveFrozen())
      .then(
        () => this.#ended(undefined),
        (error: unknown) => this.#ended(error),
      );
    await this.#running;
  }

  #ended(error: unknown): void {
    this.#running = undefined;
    if (error === undefined) {
      this.#failure = undefined;
      this.consider();
      return;
    }
    this.#failures++;
    const known = isFsError(error)
      ? error
      : new FsError(codeOf(error), 'a checkpoint failed', { cause: error });
    if (isFull(known.code)) while (this.#options.reserve.release());
    this.#failure = { error: known, retryAt: performance.now() + pauseAfterFailure };
  }

  /** One memtable at most is frozen: that of a checkpoint which failed is written by the next. */
  #freeze(): void {
    const { layers, journal } = this.#options;
    if (layers.frozen !== undefined) return;
    journal.rotate();
    layers.freeze();
  }

  async #moveFrozen(): Promise<void> {
    const { layers, journal, reserve, sync } = this.#options;
    const frozen = layers.frozen;
    if (frozen === undefined) return;
    // The journal first: LevelDB must not come to hold a part of what a power cut could still take from the journal.
    await sync();
    if (this.#stop.signal.aborted) return;
    if (!(await layers.table.apply(frozen.changes(), this.#stop.signal))) return;
    await journal.drop();
    layers.thaw();
    this.#done++;
    await reserve.refill();
  }
}
