/** `nexus umount`: takes a mount away, through its daemon where it lives. */
import type { Command } from 'commander';
import { realPathOf } from '../api/data-directory.ts';
import { Failure } from '../api/failure.ts';
import { mountAt } from '../host/mount-info.ts';
import { findDaemon } from './daemon.ts';
import { detach } from '../host/detach.ts';
import { mountType } from './preflight.ts';
import { probe } from './probe.ts';
import { command, dataOf } from './program.ts';
import type { Common } from './program.ts';
import { note, printJson } from './terminal.ts';

interface UmountFlags extends Common {
  readonly lazy?: boolean;
}

async function run(where: string, flags: UmountFlags): Promise<void> {
  const dir = realPathOf(where);
  const lazy = flags.lazy ?? false;
  if (!(await throughDaemon(dir, lazy, dataOf(flags)))) await directly(dir, lazy);
  if (flags.json === true) await printJson({ dir });
  else note(`unmounted ${dir}`);
}

/** Did the daemon of the data directory have it? */
async function throughDaemon(dir: string, lazy: boolean, data: string): Promise<boolean> {
  using client = await findDaemon(data);
  if (!client) return false;
  const mounts = await client.call('mounts.list', {});
  if (!mounts.some((mount) => mount.dir === dir)) return false;
  await client.call('mounts.remove', { dir, lazy });
  return true;
}

async function directly(dir: string, lazy: boolean): Promise<void> {
  const line = mountAt(dir);
  if (!line) throw new Failure('not-mounted', `${dir} is not mounted`);
  if (line.type !== mountType) {
    throw new Failure(
      'not-mounted',
      `${dir} is no Nexus mount but one of ${line.source} (${line.type}): \`umount ${dir}\` takes it away`,
    );
  }
  // A dead mount has nothing to wait for, and an ordinary umount of it may find it busy.
  const dead = (await probe(dir, 5000)) !== 'answers';
  const trouble = await detach(dir, lazy || dead);
  if (trouble === undefined) return;
  if (/busy/i.test(trouble)) {
    throw new Failure(
      'mount-busy',
      `${dir} is in use: \`fuser -vm ${dir}\` shows by whom; --lazy unmounts all the same`,
    );
  }
  throw new Failure('failed', `${dir} could not be unmounted: ${trouble}`);
}

export function umountCommand(): Command {
  return command('umount', 'Unmount a directory', ['nexus umount ~/nexus', 'nexus umount --lazy ~/nexus'])
    .argument('<dir>', 'a mount point')
    .option('--lazy', 'unmount even while something is open in it')
    .action(run);
}
