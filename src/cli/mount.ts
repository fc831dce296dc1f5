/** `nexus mount`: makes a directory show the tree. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { realPathOf } from '../api/data-directory.ts';
import { Failure } from '../api/failure.ts';
import type { MountInfo } from '../api/program.ts';
import type { ControlClient } from './control-client.ts';
import { daemonFor, findDaemon } from './daemon.ts';
import { preflight } from './preflight.ts';
import { probe } from './probe.ts';
import { command, dataOf } from './program.ts';
import type { Common } from './program.ts';
import { note, printJson } from './terminal.ts';

interface MountFlags extends Common {
  readonly as?: string;
  readonly users?: string;
  readonly zone: string;
  readonly readOnly?: boolean;
  readonly foreground?: boolean;
  readonly passthrough: boolean;
  readonly allowNonEmpty?: boolean;
  readonly keep?: boolean;
}

/** How long a new mount may take to answer its first request. */
const firstAnswer = 20_000;

/** The lines `UID SUBJECT` of a file; `#` begins a comment. */
function usersOf(file: string): Record<string, string> {
  const users: Record<string, string> = {};
  for (const [i, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/);
    if (words[0] === '') continue;
    const [uid = '', subject = ''] = words;
    const wrong =
      words.length !== 2 || !/^\d{1,10}$/.test(uid)
        ? 'a line is a user id and a subject, as in `1000 user:alice`'
        : uid in users
          ? `user id ${uid} has a subject already`
          : undefined;
    if (wrong !== undefined) throw new Failure('usage', `${file}:${i + 1}: ${wrong}`);
    users[uid] = subject;
  }
  return users;
}

function usersIn(file: string | undefined): { users?: Record<string, string> } {
  if (file === undefined) return {};
  try {
    return { users: usersOf(file) };
  } catch (error) {
    if (error instanceof Failure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('usage', `${file} cannot be read: ${code ?? String(error)}`, { cause: error });
  }
}

async function mount(client: ControlClient, dir: string, flags: MountFlags): Promise<MountInfo> {
  const info = await client.call('mounts.add', {
    dir,
    ...(flags.as === undefined ? {} : { as: flags.as }),
    ...usersIn(flags.users),
    zone: flags.zone,
    readOnly: flags.readOnly ?? false,
    passthrough: flags.passthrough,
  });
  if ((await probe(join(dir, '.'), firstAnswer)) === 'answers') return info;
  await client.call('mounts.remove', { dir, lazy: true }).catch(() => undefined);
  throw new Failure(
    'mount-silent',
    `${dir} was mounted and did not answer, so it was unmounted: the daemon's log tells more`,
  );
}

async function run(where: string, flags: MountFlags): Promise<void> {
  const data = dataOf(flags);
  const dir = realPathOf(where);
  const running = await findDaemon(data);
  const mine = running ? (await running.call('mounts.list', {})).map((each) => each.dir) : [];
  running?.[Symbol.dispose]();
  await preflight({ dir, data, mine, allowNonEmpty: flags.allowNonEmpty ?? false });
  using client = await daemonFor(data, {
    keep: flags.keep ?? false,
    foreground: (flags.foreground ?? false) && !running,
  });
  const info = await mount(client, dir, flags);
  if (flags.json === true) await printJson(info);
  else note(`mounted on ${dir}: your files live in ${join(dir, 'workspace')}`);
  if (flags.foreground === true) await stay(client, dir, running === undefined);
}

/** Stays until the mount has ended; Ctrl-C and SIGTERM end it, and the daemon with it if it was started for it. */
async function stay(client: ControlClient, dir: string, own: boolean): Promise<void> {
  const end = (): void => {
    // The connection ends with the daemon: then there is nothing left to say.
    const stopped = own ? client.call('stop', {}) : client.call('mounts.remove', { dir });
    stopped.catch((error: unknown) => {
      if (!(error instanceof Failure && error.kind === 'unreachable')) note(`nexus mount: ${String(error)}`);
    });
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  await client.call('mounts.ended', { dir });
}

export function mountCommand(): Command {
  return command('mount', 'Mount the tree on a directory', [
    'nexus mount ~/nexus',
    'nexus mount /mnt/builder --as agent:builder',
    'nexus mount /mnt/team --users uids.txt    # lines like: 1000 user:alice',
    'nexus mount /mnt/look --read-only --json',
    'nexus mount ~/nexus --foreground      # until Ctrl-C',
  ])
    .argument('<dir>', 'an empty directory')
    .option('--as <subject>', 'whose mount it is, as type:id (default: user: and your login name)')
    .option('--users <file>', 'a mount of several users: who the processes of each user id act as')
    .option('--zone <zone>', 'the zone of the subject', 'default')
    .option('--read-only', 'let nothing be changed through it')
    .option('--foreground', 'stay until it is unmounted, and unmount it on Ctrl-C')
    .option('--no-passthrough', 'let all reads and writes go through the daemon')
    .option('--allow-non-empty', 'mount also over a directory with files in it')
    .option('--keep', 'let the daemon it starts stay until `nexus stop`')
    .action(run);
}
