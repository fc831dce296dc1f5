/** Finds the daemon of a data directory, or starts it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, isFailureKind } from '../api/failure.ts';
import type { WireError } from '../api/protocol.ts';
import { ControlClient } from './control-client.ts';

const program = fileURLToPath(new URL('../app/main.js', import.meta.url));

/** How long a daemon that holds the directory may take to answer, or to finish ending. */
const patience = 20_000;

export interface StartOptions {
  /** Stay when nothing is mounted and nobody is connected. */
  readonly keep?: boolean;
  /** Log to this terminal instead of the log file. */
  readonly foreground?: boolean;
  /** Open a damaged data directory with what is readable. */
  readonly repair?: boolean;
}

/** The daemon that runs for the data directory, if one does. */
export async function findDaemon(data: string): Promise<ControlClient | undefined> {
  const client = await ControlClient.connect(data);
  if (!client) return undefined;
  try {
    // A daemon that is just ending may accept and hang up.
    await client.call('mounts.list', {});
    return client;
  } catch (error) {
    client[Symbol.dispose]();
    if (error instanceof Failure && error.kind === 'unreachable') return undefined;
    throw error;
  }
}

/** The daemon that runs, or a new one. Failures of its start as its own: data-…, daemon-failed. */
export async function daemonFor(data: string, options: StartOptions = {}): Promise<ControlClient> {
  for (const until = Date.now() + patience; ; ) {
    const found = await findDaemon(data);
    if (found) return found;
    try {
      await start(data, options);
    } catch (error) {
      // Another command has started it, or the last one is still closing: it answers soon, or lets go.
      if (!(error instanceof Failure) || error.kind !== 'data-locked' || Date.now() > until) throw error;
      await sleep(100);
    }
  }
}

/** Starts a daemon in a session of its own and waits until it answers. */
async function start(data: string, options: StartOptions): Promise<void> {
  const log = options.foreground === true ? 2 : openLog(data);
  // A young generation of 8 MiB: larger ones cost memory and bought no speed when files were created by the ten thousand.
  const args = ['--max-semi-space-size=8', program, '--data', data, '--ready-fd', '3'];
  if (options.keep === true) args.push('--keep');
  if (options.repair === true) args.push('--repair');
  // The variables make the pool large enough for blocking reads beside syncs, and glibc frugal with arenas for its threads.
  const env: NodeJS.ProcessEnv = { ...process.env, UV_THREADPOOL_SIZE: '8', MALLOC_ARENA_MAX: '2' };
  delete env['NODE_OPTIONS'];
  const child = spawn(process.execPath, args, {
    cwd: '/',
    detached: true,
    env,
    stdio: ['ignore', log, log, 'pipe'],
  });
  if (log !== 2) closeSync(log);
  try {
    await ready(child, data);
  } finally {
    child.unref();
    (child.stdio[3] as Readable).destroy();
  }
}

function openLog(data: string): number {
  const path = join(data, 'daemon.log');
  try {
    mkdirSync(data, { recursive: true, mode: 0o700 });
    rotate(path);
    return openSync(path, 'a', 0o600);
  } catch {
    // The daemon says what is wrong with the directory better than this attempt could.
    return openSync('/dev/null', 'w');
  }
}

/** Waits for the line in which a starting daemon says that it answers, or why it cannot. */
async function ready(child: ChildProcess, data: string): Promise<void> {
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code ?? 0}`));
  });
  let line = '';
  const said = (async () => {
    for await (const piece of child.stdio[3] as Readable) {
      line += String(piece);
      if (line.endsWith('\n')) break;
    }
  })();
  await Promise.race([said, ended]);
  if (line === '') {
    const how = await Promise.race([ended, sleep(2000).then(() => 'it said nothing')]);
    throw new Failure(
      'daemon-failed',
      `the daemon did not start (${how}): ${join(data, 'daemon.log')} tells more`,
    );
  }
  const answer = JSON.parse(line) as { readonly error?: WireError };
  if (!answer.error) return;
  const { code, message } = answer.error;
  throw new Failure(isFailureKind(code) ? code : 'daemon-failed', message);
}

/** The answer to commands that only make sense with a daemon. */
export function noDaemon(data: string): Failure {
  return new Failure('unreachable', `no daemon runs for ${data}: \`nexus mount DIR\` starts one`);
}

/** Puts a log of more than 8 MiB aside before it is opened anew; one former log is kept. */
function rotate(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 8 * 1024 * 1024) renameSync(path, `${path}.old`);
}
