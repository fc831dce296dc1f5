/** Looks at a path that may hang or be dead: from a child that can be killed, never from this process. */
import { spawn } from 'node:child_process';

export type ProbeResult =
  | 'answers'
  /** Mounted, and nobody serves it (ENOTCONN). */
  | 'dead'
  | 'silent'
  | 'absent';

/**
 * statfs(2) of the path, which the kernel never answers from a cache as it does stat(2), not even when the server is gone.
 * A thread of this process that waited for a dead file system would keep it from ending.
 */
export function probe(path: string, timeout: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const child = spawn('stat', ['-f', '--', path], {
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    let result: ProbeResult | undefined;
    const timer = setTimeout(() => {
      result = 'silent';
      child.kill('SIGKILL');
      // The child may be stuck until the mount is gone: do not wait for it.
      child.stderr.destroy();
      child.unref();
      resolve(result);
    }, timeout);
    child.stderr.on('data', (data) => (text += String(data)));
    child.on('error', () => {
      clearTimeout(timer);
      resolve('absent');
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (result !== undefined) return;
      // Software caused connection abort: the daemon is gone, and the kernel has noticed only just now.
      if (/not connected|connection abort/i.test(text)) resolve('dead');
      // Somebody who is shown nothing is answered too.
      else resolve(code === 0 || /permission denied/i.test(text) ? 'answers' : 'absent');
    });
  });
}
