/** Mounts made by a server process, and client processes that work on them: this process never touches a mount itself. */
import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const LIMIT = 60_000;

/** Why mounts cannot be tested here, or undefined when they can. */
export function whyNoMount(): string | undefined {
  if (process.getuid?.() !== 0) return 'mount(2) needs root';
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
  } catch (error) {
    return `/dev/fuse cannot be opened: ${(error as NodeJS.ErrnoException).code ?? ''}`;
  }
  return existsSync(here('../../native/build/nexus.node')) ? undefined : 'the native addon is not built';
}

export type Event = Record<string, unknown> & { event: string };

/** Lines of a child's output, taken one by one. */
class Lines {
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #ready: string[] = [];

  constructor(child: ChildProcess) {
    if (!child.stdout) throw new Error('no output');
    createInterface(child.stdout).on('line', (line) => {
      const next = this.#waiting.shift();
      if (next) next(line);
      else this.#ready.push(line);
    });
  }

  next(): Promise<string> {
    const ready = this.#ready.shift();
    return ready === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(ready);
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer`)), LIMIT);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Mounts implements AsyncDisposable {
  readonly dirs: string[];
  readonly #child: ChildProcess;
  readonly #lines: Lines;
  readonly #exited: Promise<unknown>;

  constructor(dirs: string[], options: object, env: NodeJS.ProcessEnv = process.env) {
    this.dirs = dirs;
    const loader = here('./typescript-loader.js');
    this.#child = spawn(
      process.execPath,
      ['--import', loader, here('./server.ts'), JSON.stringify(options), ...dirs],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        cwd: '/',
        env,
      },
    );
    this.#lines = new Lines(this.#child);
    this.#exited = new Promise((resolve) => this.#child.once('close', resolve));
  }

  static async open(count: number, options: object = {}): Promise<Mounts> {
    const dirs = Array.from({ length: count }, () => mkdtempSync(join(tmpdir(), 'nexus-fuse-')));
    const mounts = new Mounts(dirs, options);
    await mounts.event('ready');
    return mounts;
  }

  /** The next event of that name; others before it are passed over. */
  async event(name: string): Promise<Event> {
    for (;;) {
      const event = JSON.parse(await within(this.#lines.next(), name)) as Event;
      if (event.event === name) return event;
      if (event.event === 'failed') throw new Error(JSON.stringify(event));
    }
  }

  /** Changes whose nodes nobody may see; resolves when every kernel shows none of them any more, with how long that took. */
  async deny(...nodes: readonly number[]): Promise<number> {
    this.#child.stdin?.write(`${JSON.stringify(nodes)}\n`);
    return (await this.event('revoked'))['ms'] as number;
  }

  /** Has the server unmount and end. */
  stop(): void {
    this.#child.stdin?.end();
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await within(this.#exited, 'the end of the server').catch(() => this.kill());
    for (const dir of this.dirs) {
      if (isMounted(dir)) await run('umount', ['-l', dir], { timeout: LIMIT }).catch(() => undefined);
      rmSync(dir, { recursive: true, force: true });
    }
  }
}

export function isMounted(dir: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'latin1').includes(` ${dir} `);
}

/** Standard output of a script, or what it complained of. `A` and `B` are the mounts. */
export async function shell(mounts: Mounts, script: string): Promise<string> {
  const [A, B] = mounts.dirs;
  try {
    return (
      await run('sh', ['-c', script], {
        cwd: '/',
        env: { ...process.env, A, B, LC_ALL: 'C' },
        timeout: LIMIT,
      })
    ).stdout;
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}

let program: Promise<string> | undefined;

async function compiled(): Promise<string> {
  const path = join(mkdtempSync(join(tmpdir(), 'nexus-client-')), 'client');
  await run('cc', ['-O1', '-Wall', '-o', path, here('./client.c')], { timeout: 120_000 });
  return path;
}

/** Removes what was compiled for clients. */
export async function removeClient(): Promise<void> {
  const path = await program;
  program = undefined;
  if (path !== undefined) rmSync(dirname(path), { recursive: true, force: true });
}

/** A process that makes system calls one by one. */
export class Client implements Disposable {
  readonly #child: ChildProcess;
  readonly #lines: Lines;
  /** Its pid. */
  readonly pid: number;

  constructor(path: string) {
    this.#child = spawn(path, [], { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/' });
    this.#lines = new Lines(this.#child);
    this.pid = this.#child.pid ?? 0;
  }

  static async start(): Promise<Client> {
    program ??= compiled();
    return new Client(await program);
  }

  call(line: string): Promise<string> {
    this.#child.stdin?.write(`${line}\n`);
    return within(this.#lines.next(), line);
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
