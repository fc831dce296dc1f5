/** What a volume does while something fails under it. Steps go one system call each, so that one fails whole or happens whole. */
import type { Data } from '../model/noise.ts';
import type { FileOperation, SpaceOperation, Step } from '../model/steps.ts';
import type { OpenHow, Operation } from '../model/tree.ts';

export type Action = Step | 'drain' | 'settle' | 'collect' | 'sync';

export interface Scenario {
  readonly name: string;
  readonly actions: readonly Action[];
  /** Without a clean stop in between: the volume is abandoned after these, and recovers when it opens. */
  readonly abandoned?: readonly Action[];
}

const via = (step: Operation | FileOperation | SpaceOperation, mount = 0): Step => ({ ...step, via: mount });
const open = (path: string, how: OpenHow, handle = 0, mount = 0): Step =>
  via({ op: 'open', path, how, handle }, mount);
const close = (handle = 0): Step => via({ op: 'close', handle });
const write = (offset: number, data: Data, handle = 0): Step => via({ op: 'pwrite', handle, offset, data });
const fsync = (handle = 0): Step => via({ op: 'fsync', handle });
const cut = (size: number, handle = 0): Step => via({ op: 'ftruncate', handle, size });
const read = (path: string): Step => via({ op: 'read', path });
const pread = (offset: number, length: number, handle = 0): Step =>
  via({ op: 'pread', handle, offset, length });
const unlink = (path: string): Step => via({ op: 'unlink', path });
const rename = (path: string, to: string): Step => via({ op: 'rename', path, to, mode: 'replace' });
const data = (length: number, seed: number): Data => ({ length, seed });

/** A tree with a file of every kind of content. */
export const preparation: readonly Step[] = [
  via({ op: 'mkdir', path: '/d', mode: 0o755 }),
  ...(
    [
      ['/small', 100, 1],
      ['/block', 100_000, 2],
      ['/large', 700_000, 3],
      ['/d/x', 5000, 4],
    ] as const
  ).flatMap(([path, length, seed]) => [open(path, 'exclusive'), write(0, data(length, seed)), close()]),
];

/** Shows that the volume works: whatever failed before. */
export const proof: readonly Step[] = [
  open('/proof', 'exclusive', 9),
  write(0, data(300_000, 9), 9),
  write(10, data(100, 8), 9),
  fsync(9),
  pread(0, 300_000, 9),
  close(9),
  read('/proof'),
  rename('/proof', '/proved'),
  unlink('/proved'),
];

const openFiles: readonly Action[] = [
  open('/n', 'exclusive'),
  write(0, data(50, 5)),
  open('/block', 'write', 1),
  write(50_000, data(9000, 6), 1),
  open('/large', 'write', 2),
  write(100_001, data(5000, 7), 2),
  open('/m', 'exclusive', 3),
  write(0, data(300_000, 8), 3),
  open('/d/x', 'write', 4),
  unlink('/d/x'),
  write(0, data(10, 9), 4),
];

export const scenarios: readonly Scenario[] = [
  {
    name: 'names',
    actions: [
      via({ op: 'mkdir', path: '/e', mode: 0o755 }),
      via({ op: 'create', path: '/e/f', mode: 0o644 }),
      via({ op: 'symlink', path: '/e/s', target: 'no-such-name' }),
      via({ op: 'link', path: '/small', to: '/e/l' }),
      rename('/d/x', '/small'),
      via({ op: 'rename', path: '/large', to: '/block', mode: 'exchange' }),
      via({ op: 'chmod', path: '/e/f', mode: 0o600 }),
      via({ op: 'chown', path: '/block', uid: 1, gid: 2 }),
      via({ op: 'rmdir', path: '/e' }),
      unlink('/e/f'),
      unlink('/block'),
      via({ op: 'rmdir', path: '/d' }),
      via({ op: 'list', path: '/e' }),
      'sync',
    ],
  },
  {
    name: 'small files',
    actions: [
      open('/n', 'exclusive'),
      write(0, data(50, 5)),
      fsync(),
      write(50, data(20, 6)),
      close(),
      open('/small', 'write', 1),
      write(60, data(100, 7), 1),
      open('/small', 'append', 2, 1),
      write(0, data(30, 8), 2),
      pread(0, 500, 1),
      cut(170, 2),
      close(1),
      close(2),
      open('/block', 'truncate'),
      write(0, data(200_000, 9)),
      fsync(),
      close(),
      'drain',
      read('/block'),
      via({ op: 'resize', path: '/d/x', size: 100 }),
      read('/d/x'),
    ],
  },
  {
    name: 'large files',
    actions: [
      open('/large', 'write'),
      write(300_000, data(100, 5)),
      write(690_001, data(100_000, 6)),
      fsync(),
      pread(299_000, 5000),
      cut(400_001),
      cut(500_000),
      via({ op: 'punch', handle: 0, offset: 10_000, length: 300_000 }),
      close(),
      'drain',
      open('/large', 'truncate'),
      write(0, data(600_000, 7)),
      open('/block', 'write', 1),
      via({ op: 'copy', handle: 0, offset: 1000, to: 1, toOffset: 5000, length: 400_000 }),
      close(1),
      close(),
      'drain',
      'settle',
      read('/large'),
      read('/block'),
      via({ op: 'resize', path: '/large', size: 300_000 }),
      read('/large'),
    ],
  },
  {
    name: 'files without a name',
    actions: [
      open('/large', 'write'),
      open('/small', 'read', 1),
      unlink('/large'),
      write(10, data(1000, 5)),
      rename('/block', '/small'),
      pread(0, 100, 1),
      pread(0, 2000),
      close(),
      close(1),
      open('/t', 'exclusive', 2),
      unlink('/t'),
      write(0, data(9000, 6), 2),
      fsync(2),
      close(2),
      'drain',
    ],
  },
  {
    name: 'a collection',
    actions: [
      open('/large', 'truncate'),
      write(0, data(400_000, 5)),
      close(),
      unlink('/d/x'),
      'collect',
      read('/block'),
      'collect',
    ],
  },
  { name: 'recovery', abandoned: openFiles, actions: [read('/n'), read('/m'), read('/large')] },
];
