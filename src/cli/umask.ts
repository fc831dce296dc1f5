/** The umask of this process, which Node only tells by changing it. */
import { readFileSync } from 'node:fs';

export function umask(): number {
  const octal = /^Umask:\s+([0-7]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return octal === undefined ? 0o022 : parseInt(octal, 8);
}
