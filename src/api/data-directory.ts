/** Where a data directory is, and how its daemon is reached: agreed on by the daemon and everything that talks to it. */
import { closeSync, openSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

/** The directory asked for, else NEXUS_DATA, else the user's data home. Absolute; symlinks resolved as far as it exists. */
export function dataDirectory(asked: string | undefined, env: NodeJS.ProcessEnv): string {
  const home = env['XDG_DATA_HOME'];
  const base = home !== undefined && home !== '' ? home : join(homedir(), '.local', 'share');
  const chosen = [asked, env['NEXUS_DATA']].find((path) => path !== undefined && path !== '');
  return realPathOf(chosen ?? join(base, 'nexus'));
}

/** The absolute path with symlinks resolved, of what exists of it. */
export function realPathOf(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const above = dirname(absolute);
    return above === absolute ? absolute : join(realPathOf(above), basename(absolute));
  }
}

/** Is `path` the directory `above` itself or something below it? */
export function isWithin(path: string, above: string): boolean {
  return path === above || path.startsWith(above === '/' ? '/' : `${above}/`);
}

/** sun_path holds 108 bytes with its NUL. */
const longestSocketPath = 107;

/** A path to the control socket that fits into a socket address; dispose it once bound or connected. */
export function controlSocket(data: string): { readonly path: string } & Disposable {
  const plain = join(data, 'control.sock');
  if (Buffer.byteLength(plain) <= longestSocketPath)
    return { path: plain, [Symbol.dispose]: () => undefined };
  const fd = openSync(data, 'r');
  return { path: `/proc/self/fd/${fd}/control.sock`, [Symbol.dispose]: () => closeSync(fd) };
}
