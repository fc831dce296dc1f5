/** The store on a disk: a journal for every transaction, memory for what is recent, LevelDB for the rest. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Awaitable } from '../base/awaitable.ts';
import { codeOf, FsError, isFsError } from '../base/errors.ts';
import { thisBoot } from './boot.ts';
import type { Changes } from './change.ts';
import { Checkpoints } from './checkpoints.ts';
import { Journal, syncDirectory } from './journal.ts';
import { JournalFile, listJournals } from './journal-file.ts';
import { Layers } from './layers.ts';
import { LevelTable } from './level-table.ts';
import { Memtable } from './memtable.ts';
import { replay } from './replay.ts';
import { Reserve } from './reserve.ts';
import { Rounds } from './rounds.ts';
import type { Entry, Key, KvStore, KvTransaction, Range } from './types.ts';
import { Writers } from './writers.ts';

export interface LevelKvOptions {
  /** Runs before anything becomes durable, so that what the values refer to can be made durable first. */
  readonly beforeSync?: () => Promise<void>;
  /** Size of journal or memtable at which a checkpoint begins (8 MiB); twice that is the most that is kept. */
  readonly checkpointBytes?: number;
  /** Accept damage: keep what is readable, give up the rest. */
  readonly repair?: boolean;
}

interface Parts {
  readonly layers: Layers;
  readonly journal: Journal;
  readonly reserve: Reserve;
}

export class LevelKv implements KvStore {
  readonly #parts: Parts;
  readonly #writers: Writers;
  readonly #checkpoints: Checkpoints;
  readonly #rounds: Rounds;
  #transactions = 0;
  #syncs = 0;
  #closing: Promise<void> | undefined;
  #closed = false;

  /** Use `openLevelKv`. */
  constructor(parts: Parts, options: LevelKvOptions) {
    const { layers, journal } = parts;
    this.#parts = parts;
    this.#rounds = new Rounds(async () => {
      await options.beforeSync?.();
      await journal.sync();
      this.#syncs++;
    });
    this.#checkpoints = new Checkpoints({
      ...parts,
      sync: () => this.#rounds.join(),
      limit: options.checkpointBytes ?? 8 * 1024 * 1024,
    });
    this.#writers = new Writers({
      stored: layers,
      commit: (changes) => this.#commit(changes),
      admit: () => this.#checkpoints.admit(),
    });
    this.#checkpoints.consider();
  }

  get(key: Key): Awaitable<Uint8Array | undefined> {
    if (this.#closed) throw closed();
    return this.#parts.layers.get(key);
  }

  scan(range: Range): Awaitable<readonly Entry[]> {
    if (this.#closed) throw closed();
    return this.#parts.layers.scan(range, []);
  }

  write<T>(fn: (tx: KvTransaction) => Awaitable<T>): Promise<T> {
    return this.#writers.write(fn);
  }

  sync(): Promise<void> {
    return this.#closed ? Promise.reject(closed()) : this.#rounds.join();
  }

  /** Moves everything written so far into LevelDB and empties the journal. */
  checkpoint(): Promise<void> {
    return this.#closing === undefined ? this.#checkpoints.run() : Promise.reject(closed());
  }

  stats(): Readonly<Record<string, number>> {
    const { layers, journal, reserve } = this.#parts;
    return {
      transactions: this.#transactions,
      syncs: this.#syncs,
      ...this.#checkpoints.stats(),
      journalBytes: journal.bytes,
      memtableBytes: layers.active.bytes + (layers.frozen?.bytes ?? 0),
      memtableEntries: layers.active.entries + (layers.frozen?.entries ?? 0),
      reserveBytes: reserve.held,
    };
  }

  /** Lets writers that have come finish, makes everything durable and leaves the journal for the next opening. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writers.close(closed());
    await this.#checkpoints.stop();
    try {
      await this.#rounds.join();
    } finally {
      this.#closed = true;
      this.#parts.journal.close();
      await this.#parts.layers.table[Symbol.asyncDispose]();
    }
  }

  #commit(changes: Changes): void {
    this.#parts.journal.append(changes);
    this.#parts.layers.active.apply(changes);
    this.#transactions++;
    this.#checkpoints.consider();
  }
}

/** Opens the store in this directory, or makes one. One process at a time: EBUSY. Damage it finds: EIO. */
export async function openLevelKv(directory: string, options: LevelKvOptions = {}): Promise<LevelKv> {
  const { repair = false } = options;
  const boot = thisBoot();
  const levelDirectory = join(directory, 'leveldb');
  let table: LevelTable | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    prepare(directory, levelDirectory, repair);
    const active = new Memtable();
    table = await LevelTable.open(levelDirectory, { repair });
    const { files, cut } = replay({ names: listJournals(directory), into: active, boot, repair });
    const [first = JournalFile.create(directory, 0), ...more] = files;
    const reserve = await Reserve.open(join(directory, 'reserve'));
    const journal = new Journal({ directory, files: [first, ...more], boot, reserve });
    if (cut) await journal.sync();
    await syncDirectory(directory);
    return new LevelKv({ layers: new Layers(table, active), journal, reserve }, options);
  } catch (error) {
    await table?.[Symbol.asyncDispose]();
    if (isFsError(error)) throw error;
    throw new FsError(codeOf(error), `cannot open the store in ${directory}`, { cause: error });
  }
}

/** Journal and LevelDB belong together: without the one the other tells half of the truth. The journal is made first. */
function prepare(directory: string, levelDirectory: string, repair: boolean): void {
  const [first] = listJournals(directory);
  const level = existsSync(join(levelDirectory, 'CURRENT'));
  if (first === undefined && (repair || !level)) JournalFile.create(directory, 0).close();
  if (repair || (first === undefined && !level)) return;
  const missing = first === undefined ? level && 'its journal' : first.start > 0 && !level && levelDirectory;
  if (missing === false) return;
  const text = `${directory} is incomplete: ${missing} is missing; restore it, or run \`nexus fsck --repair\``;
  throw new FsError('EIO', text);
}

const closed = (): FsError => new FsError('EBADF', 'this store has been closed');
