/** What /proc/self/mountinfo tells: the only way to look at a mount point without asking whoever serves it. */
import { readFile } from 'node:fs/promises';

export interface MountInfo {
  /** As bytes, one char each (latin1): paths need not be UTF-8. */
  readonly path: string;
  readonly fsType: string;
  readonly source: string;
  /** `major:minor`, as /sys/class/bdi names it. */
  readonly device: string;
  readonly options: string;
}

/** The mounts this process sees, in the order they were made: of several on one path, the last is in view. */
export async function mounts(): Promise<MountInfo[]> {
  return parseMountInfo(await readFile('/proc/self/mountinfo', 'latin1'));
}

export function parseMountInfo(text: string): MountInfo[] {
  const found: MountInfo[] = [];
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    // Between the sixth field and the lone hyphen lies any number of optional ones.
    const hyphen = fields.indexOf('-', 6);
    if (hyphen < 0) continue;
    found.push({
      path: unescaped(fields[4] ?? ''),
      fsType: fields[hyphen + 1] ?? '',
      source: unescaped(fields[hyphen + 2] ?? ''),
      device: fields[2] ?? '',
      options: fields[5] ?? '',
    });
  }
  return found;
}

/** Space, tab, newline and backslash are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** The mount in view at an absolute path without symlinks. */
export async function mountAt(path: string): Promise<MountInfo | undefined> {
  const bytes = Buffer.from(path, 'utf8').toString('latin1');
  return (await mounts()).findLast((mount) => mount.path === bytes);
}

/** The mount that the name at such a path lies in, whether or not something is mounted on it. */
export async function mountAround(path: string): Promise<MountInfo | undefined> {
  const bytes = Buffer.from(path, 'utf8').toString('latin1');
  let around: MountInfo | undefined;
  for (const mount of await mounts()) {
    const inside = mount.path === '/' ? bytes !== '/' : bytes.startsWith(`${mount.path}/`);
    if (inside && mount.path.length >= (around?.path.length ?? 0)) around = mount;
  }
  return around;
}
