/** The shapes in which operations show files. */
import { z } from 'zod';
import { nameToBytes, nameToText } from '../base/names.ts';
import type { Name } from '../base/names.ts';
import { timeToMs } from '../base/time.ts';
import type { Time } from '../base/time.ts';
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from '../fs/types.ts';
import type { Attr, DirEntry, Version } from '../fs/types.ts';

const types = ['file', 'directory', 'symlink', 'fifo', 'socket', 'block', 'character'] as const;

const byMode = new Map<number, (typeof types)[number]>([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFIFO, 'fifo'],
  [S_IFSOCK, 'socket'],
  [S_IFBLK, 'block'],
  [S_IFCHR, 'character'],
]);

/** An absolute path in the tree. */
export const pathShape = z
  .string()
  .min(1)
  .startsWith('/', 'a path begins with /, as in /workspace/notes.txt');

export const attrShape = z.object({
  inode: z.number(),
  type: z.enum(types),
  /** Permission bits, as chmod takes them. */
  mode: z.string(),
  nlink: z.number(),
  uid: z.number(),
  gid: z.number(),
  size: z.number(),
  /** ISO 8601 with milliseconds. */
  modified: z.string(),
  changed: z.string(),
  accessed: z.string(),
  created: z.string(),
  /** Number of the newest version; files only. */
  version: z.number().optional(),
  hash: z.string().optional(),
  /** Symlinks only. */
  target: z.string().optional(),
});

export type AttrView = z.infer<typeof attrShape>;

export const entryShape = attrShape.extend({
  name: z.string(),
  /** The bytes of the name in hex, where they are no UTF-8. */
  nameBytes: z.string().optional(),
  cookie: z.number(),
});

export const versionShape = z.object({
  number: z.number(),
  size: z.number(),
  time: z.string(),
  author: z.string(),
  hash: z.string(),
});

/** Times beyond what a Date holds (the year 275,760) show as the greatest one. */
function timeText(time: Time): string {
  return new Date(Math.max(-8.64e15, Math.min(8.64e15, timeToMs(time)))).toISOString();
}

export function viewAttr(attr: Attr): AttrView {
  const type = byMode.get(attr.mode & S_IFMT) ?? 'file';
  return {
    inode: attr.node,
    type,
    mode: (attr.mode & 0o7777).toString(8).padStart(4, '0'),
    nlink: attr.nlink,
    uid: attr.uid,
    gid: attr.gid,
    size: attr.size,
    modified: timeText(attr.mtime),
    changed: timeText(attr.ctime),
    accessed: timeText(attr.atime),
    created: timeText(attr.btime),
    ...(type === 'file' ? { version: attr.version } : {}),
  };
}

function isText(name: Name): boolean {
  return nameToBytes(name).equals(Buffer.from(nameToText(name), 'utf8'));
}

export function viewEntry(entry: DirEntry): z.infer<typeof entryShape> {
  return {
    name: nameToText(entry.name),
    ...(isText(entry.name) ? {} : { nameBytes: nameToBytes(entry.name).toString('hex') }),
    ...viewAttr(entry.attr),
    cookie: entry.cookie,
  };
}

export function viewVersion(version: Version): z.infer<typeof versionShape> {
  const { number, size, author, hash } = version;
  return { number, size, time: timeText(version.time), author, hash };
}
