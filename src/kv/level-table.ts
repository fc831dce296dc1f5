/** LevelDB beneath the journal: what the checkpoints have written. */
import { existsSync } from 'node:fs';
import { ClassicLevel } from 'classic-level';
import type { Awaitable } from '../base/awaitable.ts';
import type { Change } from './change.ts';
import { syncDirectory } from './journal.ts';
import { levelError } from './level-error.ts';
import { levelScan } from './level-scan.ts';
import type { Entry, Key, Range } from './types.ts';
import { Zones } from './zones.ts';

type Level = ClassicLevel<Buffer, Uint8Array>;

/** A batch is built on the loop, at about a microsecond an entry. */
const sliceEntries = 256;
const sliceBytes = 256 * 1024;
/** Sorts after every key: a compaction "from here" touches no table, but writes LevelDB's own memory out first. */
const beyond = Buffer.alloc(1025, 255);

export class LevelTable implements AsyncDisposable {
  readonly #directory: string;
  readonly #scans = new Set<Promise<unknown>>();
  #zones: Zones;
  #level: Level;
  #ready: Promise<void> | undefined;
  #refused = false;

  private constructor(directory: string, level: Level, zones: Zones) {
    this.#directory = directory;
    this.#level = level;
    this.#zones = zones;
  }

  static async open(directory: string, { repair }: { repair: boolean }): Promise<LevelTable> {
    if (repair) await repairLevel(directory);
    const level = await openLevel(directory);
    try {
      return new LevelTable(directory, level, await findZones(level));
    } catch (error) {
      await level.close();
      throw levelError(error, directory);
    }
  }

  get(key: Key): Awaitable<Uint8Array | undefined> {
    if (!this.#zones.covers(key)) return undefined;
    if (this.#ready !== undefined) return this.#ready.then(() => this.get(key));
    try {
      return this.#level.getSync(Buffer.from(key, 'latin1'));
    } catch (error) {
      throw levelError(error, this.#directory);
    }
  }

  /** Could it hold a key of this range? Never says no where what a checkpoint is writing is not also in memory. */
  overlaps(from: Key, to: Key): boolean {
    return this.#zones.overlaps(from, to);
  }

  /** The range as of now, `newer` (in scan order, deletions too) laid over it. */
  async scan(range: Range, newer: readonly Change[]): Promise<Entry[]> {
    if (this.#ready !== undefined) await this.#ready;
    const running = levelScan(this.#level, range, newer);
    this.#scans.add(running);
    try {
      return await running;
    } catch (error) {
      throw levelError(error, this.#directory);
    } finally {
      this.#scans.delete(running);
    }
  }

  /**
   * Writes changes given in key order; when it resolves true they are on the disk. A signal ends it early: false.
   * Not atomic: may be run again from the beginning after it failed or was ended.
   */
  async apply(changes: Iterable<Change>, signal: AbortSignal): Promise<boolean> {
    if (this.#refused) await this.#reopen();
    const zones = new Zones();
    try {
      let batch = this.#level.batch();
      let bytes = 0;
      for (const [key, value] of changes) {
        const name = Buffer.from(key, 'latin1');
        if (value === null) batch.del(name);
        else batch.put(name, value);
        if (value !== null) zones.add(key);
        bytes += key.length + (value?.length ?? 0);
        if (batch.length < sliceEntries && bytes < sliceBytes) continue;
        await batch.write();
        if (signal.aborted) return false;
        batch = this.#level.batch();
        bytes = 0;
      }
      // LevelDB syncs only its newest log, not an older one whose entries it still has in memory: those are made tables.
      await this.#level.compactRange(beyond, beyond);
      // This also reports what went wrong in LevelDB's background. A batch without entries would not be written at all.
      await batch.del(beyond).write({ sync: true });
      await syncDirectory(this.#directory);
    } catch (error) {
      this.#refused = true;
      throw levelError(error, this.#directory);
    }
    this.#zones.addAll(zones);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#scans, this.#ready]);
    await this.#level.close();
  }

  /** After an error in its background LevelDB refuses every write until it is opened anew. Reads wait meanwhile. */
  async #reopen(): Promise<void> {
    const scans = [...this.#scans];
    const opening = (async () => {
      await Promise.allSettled(scans);
      await this.#level.close();
      this.#level = await openLevel(this.#directory);
      this.#zones = await findZones(this.#level);
    })();
    this.#ready = opening;
    await opening;
    this.#ready = undefined;
    this.#refused = false;
  }
}

async function openLevel(directory: string): Promise<Level> {
  const level: Level = new ClassicLevel(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'view',
    cacheSize: 8 * 1024 * 1024,
    writeBufferSize: 4 * 1024 * 1024,
    compression: true,
  });
  try {
    await level.open();
  } catch (error) {
    throw levelError(error, directory);
  }
  return level;
}

async function repairLevel(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  try {
    await ClassicLevel.repair(directory);
  } catch (error) {
    throw levelError(error, directory);
  }
}

/** Two seeks for each first byte in use. */
async function findZones(level: Level): Promise<Zones> {
  const zones = new Zones();
  for (let first = 0; first < 256; ) {
    const [low] = await level.keys({ gte: Buffer.from([first]), limit: 1 }).all();
    if (low === undefined) break;
    first = (low[0] ?? 255) + 1;
    const below = first > 255 ? {} : { lt: Buffer.from([first]) };
    const [high] = await level.keys({ ...below, reverse: true, limit: 1 }).all();
    zones.add(low.toString('latin1'));
    if (high !== undefined) zones.add(high.toString('latin1'));
  }
  return zones;
}
