/** The data directory while a daemon has it: its format, its lock, and the marker that tells a crash from a power cut. */
import { constants } from 'node:fs';
import { access, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../api/failure.ts';
import { mountAbove } from '../host/mount-info.ts';
import { loadNative } from '../host/native.ts';

/** The format this program reads and writes; a change that older programs would misread takes the next number. */
const format = 1;

/** What a data directory may hold before its `format` file is there: what is left when its first start was cut short. */
const beginnings = new Set(['lock', 'daemon.log', 'daemon.log.old', 'format.new', 'lost+found']);

export interface DataDirectory {
  readonly path: string;
  readonly meta: string;
  readonly content: string;
  /** The machine went down while a daemon had the directory: what was not synced may be lost. */
  readonly powerCut: boolean;
  /** Call when everything is recovered: until then a crash leaves the marker as it was found, so that recovery starts anew. */
  recovered(): Promise<void>;
  /** Gives the directory back; `clean` says that everything in it was closed, so that the next start has nothing to recover. */
  close(clean: boolean): Promise<void>;
}

/**
 * Takes a data directory, made where it does not exist. Failure data-locked, data-read-only, data-full, data-newer, data-foreign.
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const lock = await takeLock(path);
    try {
      await checkFormat(path);
      const now = await incarnation(path);
      const before = await readFile(join(path, 'running'), 'utf8').catch(() => undefined);
      if (before === undefined) await mark(path, now);
      const powerCut = before !== undefined && before !== now;
      return {
        path,
        meta: await made(join(path, 'meta')),
        content: await made(join(path, 'content')),
        powerCut,
        recovered: async () => {
          if (powerCut) await mark(path, now);
        },
        close: async (clean) => {
          if (clean) await rm(join(path, 'running'), { force: true });
          await lock.close();
        },
      };
    } catch (error) {
      await lock.close();
      throw error;
    }
  } catch (error) {
    throw dataFailure(path, error) ?? error;
  }
}

async function made(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Holds flock(2) on `lock` as long as it is open; the kernel drops it with the process. */
async function takeLock(path: string): Promise<FileHandle> {
  const lock = await open(join(path, 'lock'), constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    if (!loadNative().lockFile(lock.fd)) {
      const holder = (await lock.readFile('utf8')).trim();
      const who = holder === '' ? 'another daemon' : `the daemon with pid ${holder}`;
      throw new Failure(
        'data-locked',
        `${path} is in use by ${who}: stop it with \`nexus stop --data ${path}\`, or choose another directory with --data`,
      );
    }
    await lock.truncate(0);
    await lock.write(`${process.pid}\n`, 0);
    return lock;
  } catch (error) {
    await lock.close();
    throw error;
  }
}

async function checkFormat(path: string): Promise<void> {
  const file = join(path, 'format');
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) {
    const strangers = (await readdir(path)).filter((name) => !beginnings.has(name));
    if (strangers.length > 0) {
      throw new Failure(
        'data-foreign',
        `${path} holds other files (${strangers.slice(0, 3).join(', ')}) and no Nexus data: choose an empty or a new directory with --data`,
      );
    }
    // Written aside and renamed: a directory either has the whole file or none.
    await writeFile(`${file}.new`, `nexus ${format}\n`, { flush: true });
    await rename(`${file}.new`, file);
    return;
  }
  const found = /^nexus (\d+)\n$/.exec(text)?.[1];
  if (found === undefined) {
    throw new Failure(
      'data-corrupt',
      `${file} is damaged: it says ${JSON.stringify(text.slice(0, 40))}, not \`nexus ${format}\``,
    );
  }
  if (Number(found) > format) {
    throw new Failure(
      'data-newer',
      `${path} was written by a newer Nexus (format ${found}; this one knows ${format}): install the newer one`,
    );
  }
}

/** The boot and the mount in which the directory is used: both are others after a power cut or a reboot. */
async function incarnation(path: string): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  const { dev } = await stat(path);
  return `${boot.trim()} ${dev} ${mountAbove(path)?.id ?? 0}\n`;
}

/** Leaves the marker of a running daemon, on the disk when it resolves. */
async function mark(path: string, now: string): Promise<void> {
  const file = join(path, 'running');
  await writeFile(`${file}.new`, now, { flush: true, mode: 0o600 });
  await rename(`${file}.new`, file);
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What the host says about a data directory, in words; undefined for what is no fault of the directory. */
export function dataFailure(path: string, error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new Failure(
        'data-read-only',
        `${path} cannot be written (${code}): Nexus keeps its data there; choose another directory with --data`,
        { cause: error },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new Failure(
        'data-full',
        `there is no space left for ${path}: free some, or choose a directory on another disk with --data`,
        { cause: error },
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new Failure('data-foreign', `${path} is not a directory: choose another one with --data`, {
        cause: error,
      });
    case 'EIO':
      return new Failure(
        'data-corrupt',
        `${path} is damaged: ${message.replace(/^EIO: /, '')}. Keep a copy of it, then try \`nexus fsck --repair --data ${path}\``,
        { cause: error },
      );
    default:
      return undefined;
  }
}
