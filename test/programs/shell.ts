/** Runs shell scripts as a person would, from a process of their own and with a time limit. */
import { spawn } from 'node:child_process';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the script with `dir` as its directory; never throws for an exit code. After `seconds` its process group is killed. */
export function attempt(dir: string, script: string, seconds = 90): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // The directory is entered by the shell: this process itself must not touch a mount.
    const child = spawn('bash', ['-c', `cd "$0" || exit 99\n${script}`, dir], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C.UTF-8', HOME: '/tmp', GIT_CONFIG_NOSYSTEM: '1' },
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    const timer = setTimeout(() => {
      err += `\nnot done after ${seconds} s`;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, seconds * 1000);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, out, err });
    });
  });
}

/** Runs the script with `set -e`; resolves to what it printed, or throws with what went wrong. */
export async function shell(dir: string, script: string, seconds = 90): Promise<string> {
  const outcome = await attempt(dir, `set -euo pipefail\n${script}`, seconds);
  if (outcome.code !== 0)
    throw new Error(`exit ${outcome.code}: ${outcome.err.slice(-2000)}${outcome.out.slice(-500)}\n${script}`);
  return outcome.out;
}
