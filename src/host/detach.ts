/** Takes a mount away without its daemon: for dead mounts, and for those of daemons of other data directories. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** As root umount(8), for others fusermount3. Resolves to what went wrong, undefined when nothing did. */
export async function detach(dir: string, lazy: boolean): Promise<string | undefined> {
  const programs = process.getuid?.() === 0 ? ['umount'] : ['fusermount3', 'fusermount'];
  let trouble = '';
  for (const program of programs) {
    const options = program === 'umount' ? (lazy ? ['-l'] : []) : lazy ? ['-u', '-z'] : ['-u'];
    try {
      await run(program, [...options, '--', dir], { cwd: '/', timeout: 15_000, killSignal: 'SIGKILL' });
      return undefined;
    } catch (error) {
      const { code, stderr, message } = error as Error & { code?: unknown; stderr?: string };
      trouble = (stderr ?? '').trim() || message;
      if (code !== 'ENOENT') return trouble;
    }
  }
  return trouble;
}
