import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JournalFile, listJournals } from '../../src/kv/journal-file.ts';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { Memtable } from '../../src/kv/memtable.ts';
import { RecordEncoder } from '../../src/kv/record.ts';
import { replay } from '../../src/kv/replay.ts';
import { contentOf, copyOf, put, reopened } from './snapshot.ts';
import { temporaryDirectory } from './temporary.ts';

const journalOf = (directory: string): string =>
  join(directory, readdirSync(directory).find((name) => name.startsWith('journal-'))!);

function flip(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 0x40;
  writeFileSync(path, bytes);
}

/** A store killed after ten transactions; `ends[n]` is the journal's length after n of them. */
async function killed(): Promise<{ directory: string; ends: number[]; states: Record<string, string>[] }> {
  const directory = temporaryDirectory();
  await using kv = await openLevelKv(directory);
  const ends = [0];
  const states: Record<string, string>[] = [{}];
  for (let n = 1; n <= 10; n++) {
    await put(kv, { [`k${n}`]: `v${n}`, last: String(n), [`k${n - 3}`]: null });
    ends.push(kv.stats()['journalBytes']!);
    states.push(await contentOf(kv));
  }
  return { directory: copyOf(directory), ends, states };
}

describe('a journal that ends in the middle of a record', () => {
  it('gives everything before it, wherever the last record is torn, and goes on', async () => {
    const { directory, ends, states } = await killed();
    const path = journalOf(directory);
    const whole = readFileSync(path);
    expect(whole.length).toBe(ends[10]);
    for (let length = ends[10]! - 1; length >= ends[9]!; length--) {
      truncateSync(path, length);
      expect(await reopened(copyOf(directory))).toEqual(states[9]);
    }
    writeFileSync(path, whole.subarray(0, ends[9]! + 5));
    {
      await using kv = await openLevelKv(directory);
      await put(kv, { after: 'tear' });
    }
    expect(await reopened(directory)).toEqual({ ...states[9], after: 'tear' });
  });

  it('takes zeros or noise at the end for a tear too', async () => {
    const { directory, ends, states } = await killed();
    const whole = readFileSync(journalOf(directory));
    for (const rest of [Buffer.alloc(5000), Buffer.alloc(5000, 0xff), Buffer.from('torn'.repeat(100))]) {
      const copy = copyOf(directory);
      writeFileSync(journalOf(copy), Buffer.concat([whole.subarray(0, ends[7]), rest]));
      expect(await reopened(copy)).toEqual(states[7]);
    }
  });
});

describe('a journal damaged in the middle', () => {
  it('is refused with file, place and remedy, and repaired to what comes before', async () => {
    const { directory, ends, states } = await killed();
    for (const [n, offset] of [
      [0, 0],
      [0, 30],
      [4, ends[4]! + 1],
      [4, ends[4]! + 6],
      [4, ends[4]! + 9],
      [8, ends[9]! - 1],
    ] as const) {
      const copy = copyOf(directory);
      flip(journalOf(copy), offset);
      await expect(openLevelKv(copy)).rejects.toThrow(
        new RegExp(
          `^EIO: the journal ${journalOf(copy)} is damaged at byte ${ends[n]!}\\b.*nexus fsck --repair`,
        ),
      );
      expect(await reopened(copy, { repair: true })).toEqual(states[n]);
      expect(await reopened(copy)).toEqual(states[n]);
    }
  });

  it('is refused where even the last transaction is, once it was closed', async () => {
    const directory = temporaryDirectory();
    {
      await using kv = await openLevelKv(directory);
      await put(kv, { a: '1' });
      await put(kv, { b: '2' });
    }
    flip(journalOf(directory), 60);
    await expect(openLevelKv(directory)).rejects.toThrow(/EIO/);
  });

  it('is refused where a file before the last is empty or short', async () => {
    const directory = temporaryDirectory();
    const salvage: string[] = [];
    {
      await using kv = await openLevelKv(directory, {
        beforeSync: async () => {
          if (listJournals(directory).length === 2 && salvage.length === 0) {
            await put(kv, { later: '2' });
            salvage.push(copyOf(directory), copyOf(directory));
          }
        },
      });
      await put(kv, { before: '1' });
      await put(kv, { before: '2' });
      await kv.checkpoint();
    }
    const [middle, short] = salvage as [string, string];
    expect(listJournals(middle)).toHaveLength(2);
    truncateSync(listJournals(middle)[0]!.path, 0);
    await expect(openLevelKv(middle)).rejects.toThrow(/EIO/);
    const [first] = listJournals(short);
    truncateSync(first!.path, readFileSync(first!.path).length - 3);
    await expect(openLevelKv(short)).rejects.toThrow(/EIO/);
    expect(await reopened(short, { repair: true })).toEqual({ before: '1' });
  });
});

describe('what a power cut may do to the journal', () => {
  const boots = { before: 1, after: 2 };

  /** Files of a journal written in an earlier boot: each record is [key, how much was known to be on the disk]. */
  function written(...files: [key: string, durable: number][][]): { directory: string; ends: number[] } {
    const directory = temporaryDirectory();
    const encoder = new RecordEncoder();
    const ends: number[] = [];
    let start = 0;
    for (const records of files) {
      const file = JournalFile.create(directory, start);
      for (const [key, durable] of records) {
        const changes = new Map([[key, Buffer.from(key)]]);
        const { bytes, length } = encoder.encode(changes, { salt: file.salt, boot: boots.before, durable });
        expect(file.append(bytes, length)).toBeUndefined();
        ends.push(file.end);
      }
      start = file.end;
      file.close();
    }
    return { directory, ends };
  }

  function replayed(directory: string, boot: number): string[] {
    const into = new Memtable();
    const { files } = replay({ names: listJournals(directory), into, boot, repair: false });
    for (const file of files) file.close();
    return [...into.changes()].map(([key]) => key);
  }

  it('a hole where nothing was synced is a tear; it would be damage without a reboot', () => {
    const { directory, ends } = written([
      ['a', 0],
      ['b', 0],
      ['c', 0],
    ]);
    flip(listJournals(directory)[0]!.path, ends[0]! + 2);
    expect(() => replayed(directory, boots.before)).toThrow(/EIO/);
    expect(replayed(directory, boots.after)).toEqual(['a']);
    expect(replayed(directory, boots.before)).toEqual(['a']);
  });

  it('a hole in what a later record knew to be synced is damage', () => {
    const { directory, ends } = written([
      ['a', 0],
      ['b', 0],
      ['c', 0],
    ]);
    const synced = written([
      ['a', 0],
      ['b', 0],
      ['c', ends[1]!],
    ]);
    flip(listJournals(synced.directory)[0]!.path, ends[0]! + 2);
    expect(() => replayed(synced.directory, boots.after)).toThrow(/EIO.*byte/);
    const before = written([
      ['a', 0],
      ['b', 0],
      ['c', ends[0]!],
    ]);
    flip(listJournals(before.directory)[0]!.path, ends[0]! + 2);
    expect(replayed(before.directory, boots.after)).toEqual(['a']);
    expect(replayed(directory, boots.after)).toEqual(['a', 'b', 'c']);
  });

  it('a later file does not count without the end of the earlier one', () => {
    const torn = written(
      [
        ['a', 0],
        ['b', 0],
      ],
      [['c', 0]],
    );
    truncateSync(listJournals(torn.directory)[0]!.path, torn.ends[1]! - 1);
    expect(replayed(torn.directory, boots.after)).toEqual(['a']);
    expect(listJournals(torn.directory)).toHaveLength(1);

    const short = written(
      [
        ['a', 0],
        ['b', 0],
      ],
      [['c', 0]],
      [['d', 0]],
    );
    truncateSync(listJournals(short.directory)[0]!.path, short.ends[0]);
    expect(replayed(short.directory, boots.after)).toEqual(['a']);
    expect(listJournals(short.directory)).toHaveLength(1);

    const empty = written([['a', 0]], [['b', 0]]);
    truncateSync(listJournals(empty.directory)[0]!.path, 0);
    expect(replayed(empty.directory, boots.after)).toEqual([]);

    const known = written(
      [
        ['a', 0],
        ['b', 0],
      ],
      [['c', short.ends[1]!]],
    );
    truncateSync(listJournals(known.directory)[0]!.path, short.ends[0]);
    expect(() => replayed(known.directory, boots.after)).toThrow(/EIO.*lacks/);
  });

  it('files nothing was written to are no gap', () => {
    const { directory, ends } = written([['a', 0]], [['b', 0]]);
    JournalFile.create(directory, ends[1]!).close();
    JournalFile.create(directory, 0).close();
    expect(replayed(directory, boots.after)).toEqual(['a', 'b']);
    expect(listJournals(directory)).toHaveLength(2);
  });

  it('bytes that look like a record of another file are none', () => {
    const { directory } = written([['a', 0]]);
    const other = written([['x', 0]]);
    const path = listJournals(directory)[0]!.path;
    writeFileSync(
      path,
      Buffer.concat([readFileSync(path), readFileSync(listJournals(other.directory)[0]!.path)]),
    );
    expect(replayed(directory, boots.before)).toEqual(['a']);
  });
});
