/** Takes a mount away by a program of its own: umount(2) may wait for answers of the very process that would call it. */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { FsError } from '../base/errors.ts';
import type { Native } from '../host/native.ts';
import { mountAt } from './mount-info.ts';

/** The first of the programs that PATH has. */
export async function onPath(...names: readonly string[]): Promise<string | undefined> {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  for (const name of names) {
    for (const directory of directories) {
      const path = join(directory, name);
      try {
        await access(path, constants.X_OK);
        return path;
      } catch {
        continue;
      }
    }
  }
  return undefined;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Runs it outside every mount; resolves to what it complained of, or undefined. */
function run(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: '/', timeout: 30_000 }, (error, _, stderr) => {
      resolve(error ? stderr.trim() || error.message : undefined);
    });
  });
}

/**
 * Unmounts what is mounted at `path` (absolute, without symlinks). A busy mount is detached: it vanishes from the tree now, and whoever
 * still uses it keeps it until then.
 */
export async function unmount(native: Native, path: string): Promise<void> {
  const root = isRoot();
  const program = root ? await onPath('umount') : await onPath('fusermount3', 'fusermount');
  if (program === undefined) {
    if (!root) throw new FsError('ENOENT', `fusermount3 is not on PATH: install fuse3 to unmount ${path}`);
    // A detached mount is cleaned up when its last user is gone, so this call waits for nobody in most cases.
    native.unmount(path, true);
    return;
  }
  const how = root ? [] : ['-u'];
  const complaint = await run(program, [...how, '--', path]);
  if (complaint === undefined || (await mountAt(path)) === undefined) return;
  // What programs have changed in shared mappings is still theirs: a detached mount writes it back only when they end.
  const sync = await onPath('sync');
  if (sync !== undefined) await run(sync, ['-f', path]);
  const second = await run(program, [...how, root ? '-l' : '-z', '--', path]);
  if (second !== undefined) throw new FsError('EBUSY', `cannot unmount ${path}: ${second}`);
}
