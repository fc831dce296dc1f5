/** The change log of a zone: what changed after a revision, waiting for more, forgetting the oldest. */
import { FsError } from '../base/errors.ts';
import type { KvReader } from '../kv/types.ts';
import { decodeChange, type Head } from './store-codec.ts';
import type { StoreKeys } from './store-keys.ts';
import type { TupleChange } from './types.ts';

/** Above every revision. */
const END = 2 ** 48 - 1;
const ALL = Number.MAX_SAFE_INTEGER;
/** Changes a watcher reads at a time. */
const PAGE = 256;

export interface ChangeLogOptions {
  readonly kv: KvReader;
  readonly keys: StoreKeys;
  readonly head: () => Head;
}

export class ChangeLog {
  readonly #options: ChangeLogOptions;
  readonly #waiting = new Set<() => void>();

  constructor(options: ChangeLogOptions) {
    this.#options = options;
  }

  /** A revision has been made: wakes who waits. */
  moved(): void {
    for (const wake of this.#waiting) wake();
  }

  /**
   * Changes after a revision, in order: whole revisions only, and so a few more than `limit` where the last one is large.
   * ESTALE when some of them are forgotten, EINVAL for a revision that is still to come.
   */
  async changes(after: number, limit: number): Promise<readonly TupleChange[]> {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new FsError('EINVAL', `cannot read ${limit} changes: the limit is a whole number from 1 on`);
    }
    this.#check(after);
    const { kv, keys } = this.#options;
    const range = keys.changes(after + 1, END);
    const entries = [...(await kv.scan({ ...range, limit }))];
    const last = entries.length < limit ? undefined : entries.at(-1);
    if (last !== undefined) {
      const { to } = keys.changes(0, keys.revisionOf(last[0]) + 1);
      entries.push(...(await kv.scan({ from: `${last[0]}\0`, to, limit: ALL })));
    }
    // Trimming says so before it begins: if it did not while we read, everything was there.
    this.#check(after);
    return entries.map(([key, value]) => decodeChange(keys, key, value));
  }

  /** Every change after a revision, once and in order, and those still to come, until the signal is aborted. */
  async *watch(after: number, signal: AbortSignal): AsyncGenerator<TupleChange, void, undefined> {
    const over = (): boolean => signal.aborted;
    let at = after;
    while (!over()) {
      // Everything up to here is stored before it is read below.
      const { revision } = this.#options.head();
      const page = await this.changes(at, PAGE);
      for (const change of page) {
        if (over()) return;
        yield change;
      }
      at = page.at(-1)?.revision ?? Math.max(at, revision);
      if (page.length === 0) await this.#past(at, signal);
    }
  }

  async #past(revision: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#options.head().revision > revision) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  #check(after: number): void {
    const { revision, trimmed } = this.#options.head();
    if (!Number.isInteger(after) || after < 0 || after > revision) {
      throw new FsError(
        'EINVAL',
        `there is no revision ${after}: the permissions are at revision ${revision}`,
      );
    }
    if (after >= trimmed) return;
    const text = `changes up to revision ${trimmed} are forgotten, those after ${after} were asked for: read the tuples anew`;
    throw new FsError('ESTALE', text);
  }
}
