/** Looks at a directory before it is mounted on: each thing that stands in the way has an answer of its own. */
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { isWithin } from '../api/data-directory.ts';
import { Failure } from '../api/failure.ts';
import { mountAbove, mountAt, mountLines } from '../host/mount-info.ts';
import { detach } from '../host/detach.ts';
import { probe } from './probe.ts';
import { note } from './terminal.ts';

/** What fstype the mounts of this program have. */
export const mountType = 'fuse.nexus';

export interface Wanted {
  /** Absolute, free of symlinks. */
  readonly dir: string;
  readonly data: string;
  readonly allowNonEmpty: boolean;
  /** The directories the daemon of `data` has mounted, none where it does not run. */
  readonly mine: readonly string[];
}

/** Resolves when the directory can be mounted on; a dead mount of an earlier daemon is taken away. */
export async function preflight(wanted: Wanted): Promise<void> {
  const { dir, data } = wanted;
  await clearMountPoint(wanted);
  checkDirectory(wanted);
  if (isWithin(dir, data) || isWithin(data, dir)) {
    const which = isWithin(dir, data) ? 'lies inside the data directory' : 'contains the data directory';
    throw new Failure(
      'dir-overlaps-data',
      `${dir} ${which} ${data}: mount somewhere else, or choose another --data`,
    );
  }
  for (const path of [dirname(dir), data]) {
    if (mountAbove(path)?.type !== mountType) continue;
    throw new Failure(
      'dir-inside-mount',
      `${path} lies inside a Nexus mount: choose a directory outside of it`,
    );
  }
  checkFuse();
}

async function clearMountPoint({ dir, mine, allowNonEmpty }: Wanted): Promise<void> {
  for (let left = 16; left > 0; left--) {
    const line = mountAt(dir, mountLines());
    if (!line) return;
    if (line.type !== mountType) {
      if (allowNonEmpty) return;
      throw new Failure(
        'dir-mounted-otherwise',
        `${dir} is a mount point of ${line.source} (${line.type}) already: choose another directory, or mount over it with --allow-non-empty`,
      );
    }
    const state = await probe(join(dir, '.'), 5000);
    if (state !== 'dead') {
      if (mine.includes(dir)) throw new Failure('dir-mounted-here', `${dir} is mounted already`);
      throw new Failure(
        'dir-mounted-otherwise',
        `${dir} is a Nexus mount of another daemon${state === 'silent' ? ', which does not answer' : ''}: \`nexus umount ${dir}\` takes it away`,
      );
    }
    note(`nexus mount: ${dir} was left by a daemon that is gone: recovering it`);
    const trouble = await detach(dir, true);
    if (trouble !== undefined)
      throw new Failure('mount-refused', `the dead mount on ${dir} cannot be taken away: ${trouble}`);
  }
}

function checkDirectory({ dir, allowNonEmpty }: Wanted): void {
  try {
    if (!statSync(dir).isDirectory()) throw new Failure('dir-not-directory', `${dir} is not a directory`);
    if (allowNonEmpty || readdirSync(dir).length === 0) return;
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new Failure('dir-missing', `${dir} does not exist: \`mkdir -p ${dir}\` makes it`);
    if (code === 'ENOTDIR')
      throw new Failure('dir-not-directory', `${dir}: a part of the path is not a directory`);
    throw new Failure('mount-refused', `${dir} cannot be looked at (${code ?? 'unknown error'})`, {
      cause: error,
    });
  }
  throw new Failure(
    'dir-not-empty',
    `${dir} is not empty, and a mount would hide what is in it: choose an empty directory, or say --allow-non-empty`,
  );
}

/** The first of the programs that is in PATH. */
export function inPath(programs: readonly string[]): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  for (const program of programs) {
    const found = directories.map((directory) => join(directory, program)).find((path) => existsSync(path));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Can this user make FUSE mounts here at all? */
export function checkFuse(): void {
  const root = process.getuid?.() === 0;
  if (!existsSync('/dev/fuse')) {
    throw new Failure(
      'fuse-unavailable',
      '/dev/fuse does not exist: load the module with `modprobe fuse`; in a container, start it with --device /dev/fuse --cap-add SYS_ADMIN',
    );
  }
  if (!root && inPath(['fusermount3', 'fusermount']) === undefined) {
    throw new Failure(
      'fusermount-missing',
      'fusermount3 is not installed, and users other than root need it: `apt-get install fuse3`',
    );
  }
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new Failure(
      'fuse-unavailable',
      '/dev/fuse may not be opened: `chmod 666 /dev/fuse` as root lets users mount',
      {
        cause: error,
      },
    );
  }
}
