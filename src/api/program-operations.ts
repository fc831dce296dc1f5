/** Operations on the running program: its state, mounts, maintenance, end. */
import { z } from 'zod';
import { subjectShape, zoneName } from './names.ts';
import { operation } from './operation.ts';

const absolute = z.string().startsWith('/', 'an absolute path is needed');

const mountShape = z.object({
  dir: absolute,
  as: subjectShape,
  /** By user id: whom the processes of a user act as. */
  users: z
    .record(z.string(), subjectShape)
    .refine((users) => Object.keys(users).every((uid) => /^\d{1,10}$/.test(uid)), 'a user id is a number')
    .optional(),
  zone: zoneName,
  readOnly: z.boolean(),
  passthrough: z.boolean(),
});

const mountInfoShape = mountShape.extend({ since: z.string() });

const counters = z.record(z.string(), z.number());

const mountStatusShape = mountInfoShape.extend({
  openFiles: z.number(),
  operations: z.record(
    z.string(),
    z.object({ count: z.number(), errors: z.number(), p50us: z.number(), p99us: z.number() }),
  ),
  device: counters,
});

const statusShape = z.object({
  pid: z.number(),
  version: z.string(),
  data: z.string(),
  startedAt: z.string(),
  uptimeSeconds: z.number(),
  keep: z.boolean(),
  mounts: z.array(mountStatusShape).readonly(),
  caches: z.record(z.string(), counters),
  memory: z.object({ rss: z.number(), heapUsed: z.number(), external: z.number() }),
});

export const status = operation({
  name: 'status',
  summary: 'The daemon: process, mounts, counters, caches, memory',
  effect: 'read',
  input: z.object({}),
  output: statusShape,
  run: ({ program }) => program.status(),
});

export const mountsAdd = operation({
  name: 'mounts.add',
  summary: 'Mounts the tree on a directory of this machine',
  effect: 'admin',
  // Without `as` it is the caller's.
  input: mountShape.partial({ as: true }),
  output: mountInfoShape,
  run: ({ program, caller }, { as = caller.subject, ...rest }) => program.mount(caller, { ...rest, as }),
});

export const mountsList = operation({
  name: 'mounts.list',
  summary: 'The directories on which the tree is mounted',
  effect: 'read',
  input: z.object({}),
  output: z.array(mountInfoShape),
  run: async ({ program }) => [...program.mounts()],
});

export const mountsRemove = operation({
  name: 'mounts.remove',
  summary: 'Unmounts a directory; with lazy also while something is open in it',
  effect: 'admin',
  input: z.object({ dir: absolute, lazy: z.boolean().default(false) }),
  output: z.object({}),
  async run({ program }, { dir, lazy }) {
    await program.unmount(dir, lazy);
    return {};
  },
});

export const mountsEnded = operation({
  name: 'mounts.ended',
  summary: 'Answers when a mount has ended',
  effect: 'read',
  input: z.object({ dir: absolute }),
  output: z.object({}),
  async run({ program, signal }, { dir }) {
    await program.ended(dir, signal);
    return {};
  },
});

export const fsck = operation({
  name: 'fsck',
  summary:
    'Checks directory tree, versions and stored content; with deep every stored byte; with repair mends',
  effect: 'admin',
  input: z.object({ repair: z.boolean().default(false), deep: z.boolean().default(false) }),
  output: z.object({
    problems: z.array(z.object({ kind: z.string(), text: z.string(), repaired: z.boolean() })).readonly(),
    more: z.number(),
    checked: counters,
  }),
  run: ({ program, report }, options) => program.check(options, report),
});

export const gc = operation({
  name: 'gc',
  summary: 'Frees the space of content that no file and no version has any more',
  effect: 'admin',
  input: z.object({}),
  output: z.object({ blocks: z.number(), bytes: z.number() }),
  run: ({ program, report }) => program.collect(report),
});

export const stop = operation({
  name: 'stop',
  summary: 'Unmounts everything and ends the daemon',
  effect: 'admin',
  input: z.object({}),
  output: z.object({}),
  async run({ program }) {
    await program.stop();
    return {};
  },
});
