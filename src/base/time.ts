/** Points in time as POSIX has them: seconds since the epoch (may be negative) and nanoseconds 0..999,999,999. */
export interface Time {
  readonly sec: number;
  readonly nsec: number;
}

/** Negative, zero or positive as `a` is before, at or after `b`. */
export function compareTimes(a: Time, b: Time): number {
  return a.sec - b.sec || a.nsec - b.nsec;
}

/** Milliseconds since the epoch, as `Date` counts them. */
export function timeToMs(time: Time): number {
  return time.sec * 1000 + time.nsec / 1e6;
}

/** From milliseconds since the epoch; the fraction is kept to the nanosecond a double can hold. */
export function timeFromMs(ms: number): Time {
  const sec = Math.floor(ms / 1000);
  return { sec, nsec: Math.min(999_999_999, Math.round((ms - sec * 1000) * 1e6)) };
}
