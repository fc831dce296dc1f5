/** The clock that stamps files. */
import { compareTimes } from '../base/time.ts';
import type { Time } from '../base/time.ts';
import { loadNative } from '../host/native.ts';

/**
 * The host's coarse real-time clock, which never goes back while this process runs (ctime orders changes): not behind `atLeast` either, a time
 * the host gave a file. Since Linux 6.13 those can be finer, and so ahead, by up to a tick.
 */
export function hostClock(): (atLeast?: Time) => Time {
  const native = loadNative();
  const parts = new Float64Array(2);
  let last: Time = { sec: 0, nsec: 0 };
  return (atLeast) => {
    native.clock(parts);
    const now: Time = { sec: parts[0] ?? 0, nsec: parts[1] ?? 0 };
    if (compareTimes(now, last) > 0) last = now;
    if (atLeast !== undefined && compareTimes(atLeast, last) > 0) last = atLeast;
    return last;
  };
}
