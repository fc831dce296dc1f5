/** A process that runs steps on mounts: the process that watches over them never touches one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Outcome, Step } from './steps.ts';
import type { NodeState } from './tree.ts';

const script = fileURLToPath(new URL('driver.js', import.meta.url));
const patience = 90_000;

/** A node and when it changed, in nanoseconds. */
export type TimedState = NodeState & { readonly mtime: string };

/** What a share of the work in a common directory was answered. */
export interface Shared {
  readonly lines: readonly string[];
  readonly won: readonly number[];
  readonly increments: number;
  readonly broken: readonly string[];
}

export class Driver implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #answer: ((line: string) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  /** `noise` is the file that written bytes are cut from, `dirs` the tree as each mount shows it. */
  constructor(noise: string, dirs: readonly string[]) {
    this.#child = spawn(process.execPath, [script, noise, ...dirs], {
      cwd: '/',
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', () => {
        this.#failed?.(new Error('the driver has ended'));
        resolve();
      });
    });
    this.#child.stdin?.on('error', () => undefined);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#answer?.(line));
  }

  run(dir: string, steps: readonly Step[]): Promise<Outcome[]> {
    return this.#ask({ request: 'run', dir, steps }) as Promise<Outcome[]>;
  }

  /** Everything below a directory, as a mount shows it. */
  async state(dir: string, via: number): Promise<Map<string, TimedState>> {
    return new Map((await this.#ask({ request: 'state', dir, via })) as [string, TimedState][]);
  }

  share(name: string, dir: string, seed: number, count: number): Promise<Shared> {
    return this.#ask({ request: 'share', name, dir, seed, count }) as Promise<Shared>;
  }

  async closeAll(): Promise<void> {
    await this.#ask({ request: 'closeAll' });
  }

  /** One request at a time. A driver that does not answer is killed. */
  async #ask(request: object): Promise<unknown> {
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#child.kill('SIGKILL');
        reject(new Error(`the driver does not answer ${JSON.stringify(request).slice(0, 500)}`));
      }, patience);
      this.#answer = (text) => {
        clearTimeout(timer);
        resolve(text);
      };
      this.#failed = (error) => {
        clearTimeout(timer);
        reject(error);
      };
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    const { answer, error } = JSON.parse(line) as { answer?: unknown; error?: string };
    if (error !== undefined) throw new Error(`the driver says: ${error}`);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
