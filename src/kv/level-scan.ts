/** One pass over a range of LevelDB with newer changes laid over it. */
import type { ClassicLevel } from 'classic-level';
import type { Change } from './change.ts';
import { precedes } from './merge.ts';
import type { Entry, Range } from './types.ts';

/** Entries and bytes fetched at a time from LevelDB's thread. */
const pageEntries = 1000;
const pageBytes = 256 * 1024;

/** The range as LevelDB has it at the moment of the call; `newer` is in scan order and wins where keys are equal. */
export async function levelScan(
  level: ClassicLevel<Buffer, Uint8Array>,
  { from, to, limit, reverse = false }: Range,
  newer: readonly Change[],
): Promise<Entry[]> {
  const iterator = level.iterator({
    gte: Buffer.from(from, 'latin1'),
    lt: Buffer.from(to, 'latin1'),
    reverse,
    highWaterMarkBytes: pageBytes,
  });
  const found: Entry[] = [];
  let at = 0;
  const takeNewer = (): void => {
    const change = newer[at++];
    if (change !== undefined && change[1] !== null) found.push(change as Entry);
  };
  try {
    while (found.length < limit) {
      const page = await iterator.nextv(Math.min(limit - found.length + newer.length - at, pageEntries));
      for (const [bytes, value] of page) {
        const key = bytes.toString('latin1');
        while (found.length < limit && precedesKey(newer[at], key, reverse)) takeNewer();
        if (found.length === limit) break;
        if (newer[at]?.[0] === key) takeNewer();
        else found.push([key, value]);
      }
      if (page.length > 0) continue;
      while (found.length < limit && at < newer.length) takeNewer();
      break;
    }
  } finally {
    await iterator.close();
  }
  return found;
}

function precedesKey(change: Change | undefined, key: string, reverse: boolean): boolean {
  return change !== undefined && precedes(change[0], key, reverse);
}
