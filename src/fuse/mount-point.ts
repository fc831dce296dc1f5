/** Looks at a directory before it is mounted on: absent, busy, or the remains of a server that died. */
import { realpath, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FsError } from '../base/errors.ts';
import { mountAround, mountAt } from './mount-info.ts';

/** `fuse.nexus` in mountinfo and in the output of mount(8). */
export const SUBTYPE = 'nexus';

/** A server that does not answer is not dead: its mount is not touched. */
const PATIENCE = 2000;

export interface MountPoint {
  /** Absolute, without symlinks. */
  readonly path: string;
  /** A mount is there whose server is gone. */
  readonly stale: boolean;
}

/** ENOENT, ENOTDIR, EBUSY where a live one is mounted already, EINVAL inside another one. */
export async function examine(dir: string): Promise<MountPoint> {
  const path = await withoutLinks(resolve(dir));
  if ((await mountAround(path))?.fsType === `fuse.${SUBTYPE}`) {
    // mount(2) would look the path up in a file system that this process may have to answer for meanwhile.
    throw new FsError('EINVAL', `${path} is inside another mount of Nexus: mount outside of it`);
  }
  const mount = await mountAt(path);
  if (mount?.fsType.startsWith('fuse') === true) {
    if (await isDead(path)) return { path, stale: true };
    if (mount.fsType === `fuse.${SUBTYPE}`)
      throw new FsError('EBUSY', `${path} is mounted already; unmount it first`);
  }
  const found = await stat(path);
  if (!found.isDirectory()) throw new FsError('ENOTDIR', `${path} is no directory: mount on a directory`);
  return { path, stale: false };
}

async function withoutLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new FsError('ENOENT', `${path} does not exist: make the directory first`);
    // A dead mount point cannot be looked at itself, the directory above it can.
    if (code === 'ENOTCONN' || code === 'ECONNABORTED')
      return join(await realpath(dirname(path)), basename(path));
    throw error;
  }
}

/** By statfs(2), which is always passed on: attributes of the root may still be cached in the kernel when nobody serves it any more. */
async function isDead(path: string): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<boolean>((settle) => {
    timer = setTimeout(settle, PATIENCE, false);
  });
  const answer = statfs(path).then(
    () => false,
    (error: unknown) => ['ENOTCONN', 'ECONNABORTED'].includes((error as NodeJS.ErrnoException).code ?? ''),
  );
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}
