/** A daemon with an administrator's mount, subjects with mounts of their own, and a process that makes system calls on them. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../../src/cli/control-client.ts';
import { mountNexus } from '../mount/harness.ts';
import type { MountedNexus } from '../mount/harness.ts';

/** What one system call gave: `OK`, the name of an errno, or a value. */
export type Answer = string | number | readonly string[];

const script = fileURLToPath(new URL('probe.py', import.meta.url));

/** A process of its own; calls are made one after the other. One that hangs ends the test by its time limit. */
export class Probe implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: ((answer: Answer) => void)[] = [];

  /** As an ordinary user where `uid` says so. */
  constructor(uid?: number) {
    const who = uid === undefined ? {} : { uid, gid: uid };
    this.#child = spawn('python3', ['-u', '-c', readFileSync(script, 'utf8')], { cwd: '/', ...who });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#waiting.shift()?.(JSON.parse(line) as Answer);
    });
    this.#child.stderr.on('data', (data: Buffer) => process.stderr.write(data));
    this.#child.on('close', () => {
      for (const resolve of this.#waiting.splice(0)) resolve('the process is gone');
    });
  }

  call(operation: string, ...args: readonly string[]): Promise<Answer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${JSON.stringify([operation, ...args])}\n`);
    });
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

export class World implements AsyncDisposable {
  readonly mounted: MountedNexus;
  readonly client: ControlClient;
  readonly probe = new Probe();
  #mounts = 0;

  private constructor(mounted: MountedNexus, client: ControlClient) {
    this.mounted = mounted;
    this.client = client;
  }

  static async open(): Promise<World> {
    const mounted = await mountNexus();
    try {
      const client = await ControlClient.connect(mounted.data);
      if (client === undefined) throw new Error('the daemon does not answer');
      return new World(mounted, client);
    } catch (error) {
      await mounted[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The tree as the administrator sees it. */
  get admin(): string {
    return this.mounted.workspace;
  }

  /** Runs the command line; throws when it fails. */
  async nexus(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.mounted.nexus(args);
    if (code !== 0) throw new Error(`nexus ${args.join(' ')} exits with ${String(code)}: ${stderr}`);
    return stdout;
  }

  /** Mounts as the subject; the volume as it sees it. */
  async as(subject: string, ...options: readonly string[]): Promise<string> {
    const dir = join(this.mounted.root, `as${String(this.#mounts++)}`);
    await mkdir(dir);
    await this.nexus('mount', dir, '--as', subject, ...options);
    return join(dir, 'workspace');
  }

  call(operation: string, ...args: readonly string[]): Promise<Answer> {
    return this.probe.call(operation, ...args);
  }

  /** Runs a shell script as the administrator, in a process of its own. */
  async shell(script: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const child = spawn('bash', ['-euc', `cd "$0"\n${script}`, this.admin], { cwd: '/' });
      let trouble = '';
      child.stderr.on('data', (data: Buffer) => (trouble += data.toString()));
      child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(trouble))));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.probe[Symbol.dispose]();
    this.client[Symbol.dispose]();
    await this.mounted[Symbol.asyncDispose]();
  }
}
