/** What is mounted where, as the kernel tells it in /proc/self/mountinfo: asking costs no look at the mounts themselves. */
import { readFileSync } from 'node:fs';

export interface MountLine {
  readonly id: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  readonly dir: string;
  /** For example `ext4`, `fuse.nexus`. */
  readonly type: string;
  readonly source: string;
  readonly options: string;
}

/** Space, tab, newline and backslash are written as octal escapes. */
function unescape(text: string): string {
  // The file holds bytes: escapes are undone on them, then they are read as UTF-8.
  const bytes = text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(parseInt(digits, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The mounts this process sees, in the order of the kernel: of two on one directory the last is on top. */
export function mountLines(text = readFileSync('/proc/self/mountinfo', 'latin1')): readonly MountLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [front = '', back = ''] = line.split(' - ');
      const [id = '', , device = '', , dir = '', options = ''] = front.split(' ');
      const [type = '', source = ''] = back.split(' ');
      return {
        id: Number(id),
        device,
        dir: unescape(dir),
        type: unescape(type),
        source: unescape(source),
        options,
      };
    });
}

/** The mount on top at exactly this directory. */
export function mountAt(dir: string, lines = mountLines()): MountLine | undefined {
  return lines.findLast((line) => line.dir === dir);
}

/** The mount that holds a path: the longest mount point above it, the last one where two are the same. */
export function mountAbove(path: string, lines = mountLines()): MountLine | undefined {
  let best: MountLine | undefined;
  for (const line of lines) {
    const above = line.dir === '/' || path === line.dir || path.startsWith(`${line.dir}/`);
    if (above && line.dir.length >= (best?.dir.length ?? 0)) best = line;
  }
  return best;
}
