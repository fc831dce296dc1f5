/** Which boot of the machine this is: what a process wrote outlives its kill, but maybe not a reboot. */
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** A number for this boot; where the kernel does not say, one that matches no other. */
export function thisBoot(): number {
  try {
    return crc32(readFileSync('/proc/sys/kernel/random/boot_id'));
  } catch {
    return Math.floor(Math.random() * 0x1_0000_0000);
  }
}
