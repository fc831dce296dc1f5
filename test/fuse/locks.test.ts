/** The lock table by itself. */
import { describe, expect, it } from 'vitest';
import type { Lock, LockKind } from '../../src/fuse/locks.ts';
import { Locks } from '../../src/fuse/locks.ts';

const READ = 0;
const WRITE = 1;
const NONE = 2;
const NODE = 5;

function lock(owner: string, type: number, start: number, end: number, fh = 1): Lock {
  return { owner, via: 1, fh, type, start: BigInt(start), end: BigInt(end), pid: owner.charCodeAt(0) };
}

function shown(locks: Locks, kind: LockKind = 'posix'): string {
  // Seen by somebody else, byte by byte.
  let text = '';
  for (let i = 0; i < 12; i++) {
    const found = locks.conflict(NODE, kind, lock('?', WRITE, i, i));
    text += found ? (found.type === READ ? found.owner.toLowerCase() : found.owner.toUpperCase()) : '.';
  }
  return text;
}

describe('fcntl locks', () => {
  it.each<[string, [number, number, number][], string]>([
    [
      'joins neighbours',
      [
        [WRITE, 0, 3],
        [WRITE, 4, 6],
      ],
      'AAAAAAA.....',
    ],
    [
      'joins what overlaps',
      [
        [WRITE, 0, 5],
        [WRITE, 3, 8],
      ],
      'AAAAAAAAA...',
    ],
    [
      'splits by unlocking the middle',
      [
        [WRITE, 0, 9],
        [NONE, 3, 5],
      ],
      'AAA...AAAA..',
    ],
    [
      'downgrades a part',
      [
        [WRITE, 0, 9],
        [READ, 3, 5],
      ],
      'AAAaaaAAAA..',
    ],
    [
      'upgrades a part',
      [
        [READ, 2, 9],
        [WRITE, 0, 4],
      ],
      'AAAAAaaaaa..',
    ],
    [
      'unlocks more than is locked',
      [
        [WRITE, 2, 4],
        [NONE, 0, 11],
      ],
      '............',
    ],
    [
      'covers several',
      [
        [WRITE, 0, 1],
        [WRITE, 4, 5],
        [READ, 0, 8],
      ],
      'aaaaaaaaa...',
    ],
  ])('%s (FS-2)', (_, steps, expected) => {
    const locks = new Locks();
    for (const [type, start, end] of steps)
      expect(locks.set(NODE, 'posix', lock('a', type, start, end))).toBe(true);
    expect(shown(locks)).toBe(expected);
  });

  it('shares for reading and excludes for writing (FS-2)', () => {
    const locks = new Locks();
    expect(locks.set(NODE, 'posix', lock('a', READ, 0, 9))).toBe(true);
    expect(locks.set(NODE, 'posix', lock('b', READ, 5, 11))).toBe(true);
    expect(locks.set(NODE, 'posix', lock('b', WRITE, 8, 11))).toBe(false);
    expect(locks.set(NODE, 'posix', lock('b', WRITE, 10, 11))).toBe(true);
    expect(locks.set(NODE, 'flock', lock('c', WRITE, 0, 9))).toBe(true);
    expect(locks.set(6, 'posix', lock('c', WRITE, 0, 9))).toBe(true);
  });

  it('grants the longest waiting first, and all that fit (FS-2)', async () => {
    const locks = new Locks();
    const order: string[] = [];
    const never = new AbortController().signal;
    locks.set(NODE, 'posix', lock('a', WRITE, 0, 9));
    const waits = [
      locks.wait(NODE, 'posix', lock('b', READ, 0, 3), never).then(() => order.push('b')),
      locks.wait(NODE, 'posix', lock('c', READ, 2, 9), never).then(() => order.push('c')),
    ];
    const last = locks.wait(NODE, 'posix', lock('d', WRITE, 9, 9), never).then(() => order.push('d'));
    locks.dropOwner(NODE, 'posix', 'a');
    await Promise.all(waits);
    expect(order).toEqual(['b', 'c']);
    expect(shown(locks)).toBe('bbbbcccccc..');
    locks.dropOwner(NODE, 'posix', 'c');
    await last;
    expect(shown(locks)).toBe('bbbb.....D..');
  });

  it('finds a deadlock over three owners and two files (FS-2)', async () => {
    const locks = new Locks();
    const stop = new AbortController();
    locks.set(NODE, 'posix', lock('a', WRITE, 0, 0));
    locks.set(NODE, 'posix', lock('b', WRITE, 1, 1));
    locks.set(6, 'posix', lock('c', WRITE, 0, 0));
    const waiting = [
      locks.wait(NODE, 'posix', lock('a', WRITE, 1, 1), stop.signal),
      locks.wait(6, 'posix', lock('b', WRITE, 0, 0), stop.signal),
    ];
    await expect(locks.wait(NODE, 'posix', lock('c', READ, 0, 0), stop.signal)).rejects.toMatchObject({
      code: 'EDEADLK',
    });
    stop.abort();
    for (const wait of waiting) await expect(wait).rejects.toMatchObject({ code: 'EINTR' });
  });

  it('forgets who was interrupted (FS-2)', async () => {
    const locks = new Locks();
    const stop = new AbortController();
    locks.set(NODE, 'posix', lock('a', WRITE, 0, 9));
    const waiting = locks.wait(NODE, 'posix', lock('b', WRITE, 0, 9), stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'EINTR' });
    locks.dropOwner(NODE, 'posix', 'a');
    expect(shown(locks)).toBe('............');
    expect(locks.held(NODE)).toBe(false);
    expect(locks.everHeld(NODE)).toBe(true);
  });

  it('drops all locks of whoever locked through a file that is gone, and of a mount (FS-2)', () => {
    const locks = new Locks();
    locks.set(NODE, 'posix', lock('a', WRITE, 0, 1, 1));
    locks.set(NODE, 'posix', lock('a', WRITE, 4, 5, 2));
    locks.set(NODE, 'posix', lock('b', WRITE, 8, 9, 2));
    locks.dropFile(NODE, 2, 1);
    expect(shown(locks)).toBe('AA..AA..BB..');
    locks.dropFile(NODE, 1, 1);
    expect(shown(locks)).toBe('........BB..');
    locks.dropMount(1);
    expect(shown(locks)).toBe('............');
  });
});

describe('flock', () => {
  it('gives the old lock up to convert it, whatever comes of it (FS-2)', () => {
    const locks = new Locks();
    locks.set(NODE, 'flock', lock('a', READ, 0, 9));
    locks.set(NODE, 'flock', lock('b', READ, 0, 9));
    expect(locks.set(NODE, 'flock', lock('a', WRITE, 0, 9))).toBe(false);
    expect(locks.set(NODE, 'flock', lock('b', WRITE, 0, 9))).toBe(true);
    expect(shown(locks, 'flock')).toBe('BBBBBBBBBB..');
    expect(shown(locks)).toBe('............');
  });
});
