/** Operations on files by path. */
import { z } from 'zod';
import { isFsError } from '../base/errors.ts';
import { splitVersion } from '../vfs/path.ts';
import { operation } from './operation.ts';
import type { Context } from './operation.ts';
import {
  attrShape,
  entryShape,
  pathShape,
  versionShape,
  viewAttr,
  viewEntry,
  viewVersion,
} from './shapes.ts';

/** Larger content is hashed only when asked for: it may take seconds. */
const hashedUnasked = 16 * 1024 * 1024;

const bits = z.number().int().min(0).max(0o7777);
const count = z.number().int().min(0);

/** Runs a piece of work for all pages of something. */
async function inPages<T>(
  page: (after: number) => Promise<readonly T[]>,
  next: (item: T) => number,
  each: (item: T) => void,
): Promise<void> {
  for (let after = 0; ; ) {
    const items = await page(after);
    const last = items.at(-1);
    if (last === undefined) return;
    items.forEach(each);
    after = next(last);
  }
}

export const filesList = operation({
  name: 'files.list',
  summary: 'The entries of a directory, a page at a time; of a file, the file itself',
  effect: 'read',
  input: z.object({
    path: pathShape,
    after: count.default(0),
    limit: z.number().int().min(1).max(10_000).default(1000),
  }),
  output: z.object({ entries: z.array(entryShape) }),
  async run({ files, caller }, { path, after, limit }) {
    try {
      return { entries: (await files.list(caller, path, after, limit)).map(viewEntry) };
    } catch (error) {
      if (!isFsError(error, 'ENOTDIR') || after !== 0) throw error;
      const attr = await files.stat(caller, path);
      return { entries: [{ name: path, ...viewAttr(attr), cookie: 0 }] };
    }
  },
});

export const filesStat = operation({
  name: 'files.stat',
  summary: 'The attributes of a file, a directory or a symlink',
  effect: 'read',
  input: z.object({ path: pathShape, follow: z.boolean().default(false), hash: z.boolean().optional() }),
  output: attrShape,
  async run({ files, caller }, { path, follow, hash }) {
    const attr = await files.stat(caller, path, { follow });
    const view = viewAttr(attr);
    if (view.type === 'symlink') {
      const target = Buffer.from(await files.readlink(caller, path)).toString('utf8');
      return { ...view, target };
    }
    if (view.type !== 'file' || !(hash ?? attr.size <= hashedUnasked)) return view;
    return { ...view, hash: await files.hash(caller, path) };
  },
});

/** `path@3` is version 3 of `path`, unless there is a file of that very name. */
async function versionOf(context: Context, path: string): Promise<{ path: string; version?: number }> {
  const split = splitVersion(path);
  if (split.version === undefined) return { path };
  try {
    await context.files.stat(context.caller, path);
    return { path };
  } catch (error) {
    if (!isFsError(error, 'ENOENT')) throw error;
    return { path: split.path, version: split.version };
  }
}

export const filesRead = operation({
  name: 'files.read',
  summary: 'The content of a file, or with path@N of one of its versions',
  effect: 'read',
  stream: 'out',
  input: z.object({ path: pathShape, offset: count.optional(), length: count.optional() }),
  output: z.object({ bytes: z.number() }),
  async run(context, { path, offset, length }) {
    const range = {
      ...(offset === undefined ? {} : { offset }),
      ...(length === undefined ? {} : { length }),
    };
    const from = await versionOf(context, path);
    return send(
      context,
      from.version === undefined
        ? context.files.read(context.caller, from.path, range)
        : context.files.readVersion(context.caller, from.path, from.version, range),
    );
  },
});

async function send(context: Context, pieces: AsyncIterable<Uint8Array>): Promise<{ bytes: number }> {
  let bytes = 0;
  for await (const piece of pieces) {
    context.signal.throwIfAborted();
    await context.send(piece);
    bytes += piece.length;
  }
  return { bytes };
}

export const filesReadVersion = operation({
  name: 'files.readVersion',
  summary: 'The content of one version of a file',
  effect: 'read',
  stream: 'out',
  input: z.object({
    path: pathShape,
    version: z.number().int().min(1),
    offset: count.optional(),
    length: count.optional(),
  }),
  output: z.object({ bytes: z.number() }),
  async run(context, { path, version, offset, length }) {
    const range = {
      ...(offset === undefined ? {} : { offset }),
      ...(length === undefined ? {} : { length }),
    };
    return send(context, context.files.readVersion(context.caller, path, version, range));
  },
});

export const filesWrite = operation({
  name: 'files.write',
  summary: 'Replaces the content of a file, or makes it; one version',
  effect: 'write',
  stream: 'in',
  input: z.object({ path: pathShape, append: z.boolean().default(false), mode: bits.default(0o644) }),
  output: z.object({ bytes: z.number(), version: z.number() }),
  async run({ files, caller, body }, { path, append, mode }) {
    const bytes = await files.write(caller, path, body, { append, mode });
    const { version } = await files.stat(caller, path);
    return { bytes, version };
  },
});

export const filesMkdir = operation({
  name: 'files.mkdir',
  summary: 'Makes a directory, with parents those above it too',
  effect: 'write',
  input: z.object({ path: pathShape, parents: z.boolean().default(false), mode: bits.default(0o755) }),
  output: attrShape,
  run: async ({ files, caller }, { path, parents, mode }) =>
    viewAttr(await files.mkdir(caller, path, { parents, mode })),
});

export const filesRemove = operation({
  name: 'files.remove',
  summary: 'Removes a file or an empty directory, with recursive all that is below',
  effect: 'write',
  input: z.object({ path: pathShape, recursive: z.boolean().default(false) }),
  output: z.object({ removed: z.number() }),
  async run({ files, caller, report }, { path, recursive }) {
    const removed = (done: number): void => report({ step: 'removing', done });
    return { removed: await files.remove(caller, path, { recursive, removed }) };
  },
});

export const filesRename = operation({
  name: 'files.rename',
  summary: 'Renames or moves; what is at the target is replaced unless noreplace is set',
  effect: 'write',
  input: z.object({ from: pathShape, to: pathShape, noreplace: z.boolean().default(false) }),
  output: z.object({}),
  async run({ files, caller }, { from, to, noreplace }) {
    await files.rename(caller, from, to, noreplace ? 'noreplace' : 'replace');
    return {};
  },
});

export const filesVersions = operation({
  name: 'files.versions',
  summary: 'The versions of a file, oldest first',
  effect: 'read',
  input: z.object({ path: pathShape }),
  output: z.array(versionShape),
  async run({ files, caller }, { path }) {
    const all: z.infer<typeof versionShape>[] = [];
    await inPages(
      (after) => files.versions(caller, path, after, 1000),
      (version) => version.number,
      (version) => all.push(viewVersion(version)),
    );
    return all;
  },
});
