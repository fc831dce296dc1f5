/** What LevelDB may hold: for each first byte of a key the least and the greatest key; outside of them it has nothing. */
import type { Key } from './types.ts';

/**
 * Numbers in keys only grow, so most questions about something new (a directory just made, a slot just bound) lie
 * beyond what the last checkpoint wrote, and are answered without asking LevelDB.
 */
export class Zones {
  readonly #zones = new Map<string, { low: Key; high: Key }>();

  get empty(): boolean {
    return this.#zones.size === 0;
  }

  add(key: Key): void {
    const zone = this.#zones.get(key.charAt(0));
    if (zone === undefined) this.#zones.set(key.charAt(0), { low: key, high: key });
    else if (key < zone.low) zone.low = key;
    else if (key > zone.high) zone.high = key;
  }

  addAll(other: Zones): void {
    for (const { low, high } of other.#zones.values()) {
      this.add(low);
      this.add(high);
    }
  }

  /** Could there be this key? */
  covers(key: Key): boolean {
    const zone = this.#zones.get(key.charAt(0));
    return zone !== undefined && key >= zone.low && key <= zone.high;
  }

  /** Could there be a key in `from <= key < to`? */
  overlaps(from: Key, to: Key): boolean {
    for (const { low, high } of this.#zones.values()) if (low < to && high >= from) return true;
    return false;
  }
}
