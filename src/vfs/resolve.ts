/** From a path to a node: components, `..` and symbolic links, as path_resolution(7) has them. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import { nameFromBytes } from '../base/names.ts';
import { root, S_IFLNK, S_IFMT } from '../fs/types.ts';
import type { Attr, FileSystem, Place } from '../fs/types.ts';
import { nameOf, splitPath } from './path.ts';

/** Links followed before ELOOP, as Linux does. */
const mostLinks = 40;

/** What a path led to: the node, or the place where it would be. */
export interface Resolved {
  /** Undefined for the root of the tree and for paths that end in `..`. */
  readonly place: Place | undefined;
  /** Undefined when only the last component is missing. */
  readonly attr: Attr | undefined;
}

function isLink(attr: Attr): boolean {
  return (attr.mode & S_IFMT) === S_IFLNK;
}

/** Components of a symlink's target, which is bytes like any name. */
function targetNames(target: Uint8Array): readonly Name[] {
  const parts: Name[] = [];
  for (let start = 0; start <= target.length; ) {
    const slash = target.indexOf(0x2f, start);
    const end = slash === -1 ? target.length : slash;
    if (end > start) parts.push(nameFromBytes(target, start, end));
    start = end + 1;
  }
  return parts.filter((part) => part !== '.');
}

/** The lookup of the last component of a path: absence there is an answer, anywhere before it is an error. */
async function lookupLast(fs: FileSystem, caller: Caller, place: Place): Promise<Attr | undefined> {
  try {
    return await fs.lookup(caller, place);
  } catch (error) {
    if (error instanceof FsError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Follows a path from the root. A symlink at its end is followed with `follow`. ENOENT and ENOTDIR for what comes before the last component. */
export async function resolve(
  fs: FileSystem,
  caller: Caller,
  path: string,
  follow: boolean,
): Promise<Resolved> {
  const directoryWanted = path.endsWith('/');
  const names: Name[] = splitPath(path).map((part) => (part === '..' ? ('..' as Name) : nameOf(part)));
  let attr = await fs.getattr(caller, root);
  let place: Place | undefined;
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (attr.parent === undefined) throw new FsError('ENOTDIR');
    if (name === '..') {
      attr = await fs.getattr(caller, attr.parent);
      place = undefined;
      continue;
    }
    const here: Place = { parent: attr.node, name };
    const last = names.length === 0;
    const found: Attr | undefined = last ? await lookupLast(fs, caller, here) : await fs.lookup(caller, here);
    if (!found) return { place: here, attr: undefined };
    if (isLink(found) && (!last || follow || directoryWanted)) {
      if (++links > mostLinks) throw new FsError('ELOOP');
      const target = await fs.readlink(caller, found.node);
      names.unshift(...targetNames(target));
      if (target[0] === 0x2f) attr = await fs.getattr(caller, root);
      continue;
    }
    attr = found;
    place = here;
  }
  if (directoryWanted && attr.parent === undefined) throw new FsError('ENOTDIR');
  return { place, attr };
}
