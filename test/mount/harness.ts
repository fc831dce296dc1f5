/** A daemon with mounts for one test: real processes, a data directory of its own, and nothing left behind whatever happens. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const project = fileURLToPath(new URL('../..', import.meta.url));
const nexusScript = join(project, 'scripts/nexus');
const patience = 120_000;

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
}

/** Runs a program to its end; what it exits with is part of the result. One that hangs is killed and fails the test. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const { input, env, cwd, uid } = options;
  return new Promise((resolve, reject) => {
    const settings = {
      cwd: cwd ?? '/',
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      timeout: patience,
      killSignal: 'SIGKILL' as const,
      maxBuffer: 256 * 1024 * 1024,
      ...(uid === undefined ? {} : { uid, gid: uid }),
    };
    const child = execFile(program, args, settings, (error, stdout, stderr) => {
      if (error?.killed === true) reject(new Error(`${program} ${args.join(' ')} did not end: ${stderr}`));
      else if (error && typeof error.code !== 'number') reject(new Error(error.message, { cause: error }));
      else resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** Why mounts cannot be tested here; undefined where they can. */
export function whyNoMounts(uid = process.getuid?.() ?? 0): string | undefined {
  if (!existsSync('/dev/fuse')) return '/dev/fuse is not there';
  if (!existsSync(join(project, 'dist/cli/main.js'))) return 'the project is not built';
  if (!existsSync(join(project, 'native/build/nexus.node'))) return 'the addon is not built';
  if (uid === 0) return undefined;
  if (!existsSync('/usr/bin/fusermount3') && !existsSync('/bin/fusermount3'))
    return 'fusermount3 is not installed';
  // Asked for a user other than ourselves: what counts is the mode.
  return (statSync('/dev/fuse').mode & 0o006) === 0o006 ? undefined : '/dev/fuse is not open to users';
}

export interface MountNexusOptions {
  /** The subject of each mount, or of all: registered, and granted `relation` on the default volume. */
  readonly as?: string | readonly string[];
  /** What the subjects are granted on the default volume. Default owner; `none` for nothing. */
  readonly relation?: string;
  /** Default true. */
  readonly passthrough?: boolean;
  readonly readOnly?: boolean;
  /** Default 1; 0 for a daemon without mounts. */
  readonly mounts?: number;
  /** A data directory that outlives the harness; a new one that does not unless given. */
  readonly data?: string;
  /** More options of `nexus mount`. */
  readonly options?: readonly string[];
}

export interface MountedNexus extends AsyncDisposable {
  /** Holds everything; mode 0755. */
  readonly root: string;
  readonly data: string;
  readonly dirs: readonly string[];
  /** The first mount point, and the default volume in it. */
  readonly dir: string;
  readonly workspace: string;
  /** The volume in the n-th mount. */
  workspaceOf(mount: number): string;
  /** Of the daemon that runs now. */
  pid(): Promise<number>;
  /** Runs the command line on this data directory. */
  nexus(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** The JSON a command prints; throws when it fails. */
  json(args: readonly string[], options?: RunOptions): Promise<unknown>;
  /** Kills the daemon and waits until it is gone; the mounts are dead then. */
  kill9(): Promise<void>;
  /** Mounts every directory again. */
  remount(): Promise<void>;
}

/** Takes everything away when this process ends without having done so: its standard input closes then. */
const watchdog = `
cat >/dev/null
root=$1 data=$2; shift 2
for dir in "$@"; do umount -l "$dir" || fusermount3 -uz "$dir"; done
pid=$(cat "$data/lock")
[ -n "$pid" ] && tr '\\0' '\\n' < "/proc/$pid/cmdline" | grep -qxF "$data" && kill -9 "$pid"
rm -rf "$root"
`;

function isMounted(dir: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === dir);
}

/** The daemon of a data directory: the process that `lock` names, if it is one of ours. */
export function daemonPid(data: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(data, 'lock'), 'utf8'));
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(data) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Kills a process that is not our child and waits until it is gone. */
export async function killHard(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
  // A zombie has given up its descriptors and locks already; in a container nobody may ever bury it.
  const gone = (): boolean => {
    try {
      return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    } catch {
      return true;
    }
  };
  while (!gone()) await sleep(20);
}

export async function mountNexus(options: MountNexusOptions = {}): Promise<MountedNexus> {
  const root = await mkdtemp(join(tmpdir(), 'nexus-test-'));
  await chmod(root, 0o755);
  const data = options.data ?? join(root, 'data');
  const dirs = Array.from({ length: options.mounts ?? 1 }, (_, i) => join(root, `mnt${i}`));
  for (const dir of dirs) await mkdir(dir, { mode: 0o755 });
  const guardian = spawn(
    'bash',
    ['-c', watchdog, 'watchdog', root, options.data === undefined ? data : '', ...dirs],
    {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  );
  guardian.unref();
  (guardian.stdin as unknown as { unref(): void }).unref();

  const nexus = (args: readonly string[], how: RunOptions = {}): Promise<Result> =>
    run(nexusScript, args, { ...how, env: { NEXUS_DATA: data, ...how.env } });

  const mountAll = async (): Promise<void> => {
    for (const [i, dir] of dirs.entries()) {
      const { as } = options;
      const subject = typeof as === 'string' ? as : as?.[i];
      const args = ['mount', dir, ...(options.options ?? [])];
      if (subject !== undefined) args.push('--as', subject);
      if (options.passthrough === false) args.push('--no-passthrough');
      if (options.readOnly === true) args.push('--read-only');
      const { code, stderr } = await nexus(args);
      if (code !== 0) throw new Error(`nexus ${args.join(' ')} exits with ${code}: ${stderr}`);
    }
  };

  const done = async (args: readonly string[]): Promise<void> => {
    const { code, stderr } = await nexus(args);
    // In a data directory that was used before they are there already.
    if (code !== 0 && !stderr.includes('already')) {
      throw new Error(`nexus ${args.join(' ')} exits with ${code}: ${stderr}`);
    }
  };

  const admitAll = async (): Promise<void> => {
    for (const subject of new Set([options.as ?? []].flat())) {
      const [type = '', name = ''] = subject.split(':');
      const owner = type === 'agent' ? `owner-of-${name}` : name;
      await done(['user', 'create', owner]);
      if (type === 'agent') await done(['agent', 'register', name, '--owner', owner]);
      const relation = options.relation ?? 'owner';
      if (relation !== 'none')
        await done(['rebac', 'grant', type, name, 'file', '/workspace', '--relation', relation]);
    }
  };

  const cleanUp = async (): Promise<void> => {
    await nexus(['stop']).catch(() => undefined);
    for (const dir of dirs) if (isMounted(dir)) await run('umount', ['-l', dir]);
    const left = daemonPid(data);
    if (left !== undefined) await killHard(left);
    await rm(root, { recursive: true, force: true });
    guardian.stdin.end();
  };

  const mounted: MountedNexus = {
    root,
    data,
    dirs,
    dir: dirs[0] ?? '',
    workspace: join(dirs[0] ?? '', 'workspace'),
    workspaceOf: (mount) => join(dirs[mount] ?? '', 'workspace'),
    nexus,
    async json(args, how) {
      const { code, stdout, stderr } = await nexus([...args, '--json'], how);
      if (code !== 0) throw new Error(`nexus ${args.join(' ')} exits with ${code}: ${stderr}`);
      return JSON.parse(stdout) as unknown;
    },
    pid: async () => ((await mounted.json(['status'])) as { pid: number }).pid,
    async kill9() {
      const pid = daemonPid(data);
      if (pid === undefined) throw new Error('no daemon runs');
      await killHard(pid);
    },
    remount: mountAll,
    [Symbol.asyncDispose]: cleanUp,
  };
  try {
    await admitAll();
    await mountAll();
  } catch (error) {
    await cleanUp();
    throw error;
  }
  return mounted;
}

/** A directory of one's own that belongs to a user, for tests as somebody else than root. */
export async function directoryOf(uid: number, parent: string, name: string): Promise<string> {
  const dir = join(parent, name);
  await mkdir(dir, { mode: 0o755 });
  await chown(dir, uid, uid);
  return dir;
}
