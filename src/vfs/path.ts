/** Paths as text: `/workspace/notes/a.txt`, and `…@3` for a version. */
import { FsError } from '../base/errors.ts';
import { nameFromText } from '../base/names.ts';
import type { Name } from '../base/names.ts';

/** PATH_MAX without its NUL. */
const longestPath = 4095;
const longestName = 255;

/** Makes one component a name. ENAMETOOLONG, EINVAL. */
export function nameOf(component: string): Name {
  const name = nameFromText(component);
  if (name.length > longestName)
    throw new FsError('ENAMETOOLONG', `a name has at most 255 bytes: ${component}`);
  if (name.length === 0 || name.includes('\0') || name.includes('/')) {
    throw new FsError('EINVAL', `not a file name: ${JSON.stringify(component)}`);
  }
  return name;
}

/** The components of an absolute path without `.` and empty ones; `..` is kept, it depends on symlinks. EINVAL, ENAMETOOLONG. */
export function splitPath(path: string): readonly string[] {
  if (!path.startsWith('/')) {
    throw new FsError(
      'EINVAL',
      `${path === '' ? 'an empty path' : path}: a path begins with /, as in /workspace/notes.txt`,
    );
  }
  if (Buffer.byteLength(path) > longestPath)
    throw new FsError('ENAMETOOLONG', 'a path has at most 4,095 bytes');
  return path.split('/').filter((component) => component !== '' && component !== '.');
}

/** The names of a path without `..`. */
export function parsePath(path: string): readonly Name[] {
  return splitPath(path).map((component) => {
    if (component === '..') throw new FsError('EINVAL', `${path}: no .. here`);
    return nameOf(component);
  });
}

/** `path@N` as path and version; a path without `@N` at its end has none. */
export function splitVersion(text: string): { readonly path: string; readonly version: number | undefined } {
  const found = /^(.+)@([1-9][0-9]{0,9})$/s.exec(text);
  if (!found) return { path: text, version: undefined };
  return { path: found[1] ?? text, version: Number(found[2]) };
}
