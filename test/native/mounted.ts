/** Runs a scenario in a process of its own and talks to its mount through further processes, each with a time limit. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const scenarios = fileURLToPath(new URL('./child/scenarios.js', import.meta.url));
const buildScript = fileURLToPath(new URL('../../scripts/build-native.js', import.meta.url));
const LIMIT = 60_000;

/** Builds the addon if it is out of date; compiling may take a while on a busy machine. */
export async function buildNative(): Promise<void> {
  await run(process.execPath, [buildScript], { timeout: 170_000 });
}

/** Why mounts cannot be tested here, or undefined when they can. */
export function whyNoMount(): string | undefined {
  if (process.getuid?.() !== 0) return 'mount(2) needs root';
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
  } catch (error) {
    return `/dev/fuse cannot be opened: ${(error as NodeJS.ErrnoException).code ?? ''}`;
  }
  return undefined;
}

export interface Event {
  event: string;
  [detail: string]: unknown;
}

/** A running scenario. */
export class Scenario implements AsyncDisposable {
  readonly dir: string;
  readonly #child: ChildProcess;
  readonly #events: Event[] = [];
  readonly #exited: Promise<number | string>;
  #wake: () => void = () => undefined;
  errors = '';

  constructor(name: string, flags: string[] = []) {
    this.dir = mkdtempSync(join(tmpdir(), 'nexus-native-'));
    this.#child = spawn(process.execPath, [...flags, scenarios, name, this.dir], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      this.#events.push(...lines.map((line) => JSON.parse(line) as Event));
      this.#wake();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.#exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        resolve(code ?? signal ?? 'unknown');
        this.#wake();
      });
    });
  }

  /** The first event of that name, once it has come. */
  async event(name: string): Promise<Event> {
    const end = Date.now() + LIMIT;
    for (;;) {
      const found = this.#events.find((event) => event.event === name);
      if (found) return found;
      const ended = this.#child.exitCode ?? this.#child.signalCode;
      if (Date.now() > end || (ended !== null && this.#child.stdout?.closed === true)) {
        throw new Error(
          `no event ${name}; ended: ${String(ended)}; ${JSON.stringify(this.#events)} ${this.errors}`,
        );
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 1000);
      });
    }
  }

  /** The exit code, or the signal that ended it; fails where the process hangs. */
  async exit(): Promise<number | string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`the process did not end; ${this.errors}`)), LIMIT);
    });
    try {
      return await Promise.race([this.#exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  unmount(...flags: string[]): Promise<unknown> {
    return run('umount', [...flags, this.dir], { timeout: LIMIT });
  }

  /** Runs a program on the mount: its standard output, or what it printed as its error. */
  async shell(script: string): Promise<string> {
    try {
      return (
        await run('sh', ['-c', script], {
          cwd: '/',
          env: { ...process.env, DIR: this.dir, LC_ALL: 'C' },
          timeout: LIMIT,
        })
      ).stdout;
    } catch (error) {
      return (error as { stderr: string }).stderr;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Aborting the connection first frees everybody who waits for it, the child too.
    for (const flags of [['-f'], ['-l']]) await this.unmount(...flags).catch(() => undefined);
    this.kill();
    await this.exit();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
