/** How long each kind of request took: a histogram of fixed size per opcode, cheap enough to be always on. */

/** Four buckets for each power of two of microseconds: a percentile is right to a quarter. */
const PER_OCTAVE = 4;
const BUCKETS = 32 * PER_OCTAVE;

export interface Latency {
  readonly count: number;
  readonly errors: number;
  /** Microseconds; the upper end of the bucket that holds the percentile. */
  readonly p50: number;
  readonly p99: number;
}

interface Counts {
  count: number;
  errors: number;
  readonly buckets: Uint32Array;
}

export class Latencies {
  readonly #byOpcode: (Counts | undefined)[] = [];

  record(opcode: number, milliseconds: number, failed: boolean): void {
    const counts = (this.#byOpcode[opcode] ??= { count: 0, errors: 0, buckets: new Uint32Array(BUCKETS) });
    counts.count++;
    if (failed) counts.errors++;
    const bucket = bucketOf(milliseconds * 1000);
    counts.buckets[bucket] = (counts.buckets[bucket] ?? 0) + 1;
  }

  of(opcode: number): Latency | undefined {
    const counts = this.#byOpcode[opcode];
    if (!counts) return undefined;
    const { count, errors, buckets } = counts;
    return { count, errors, p50: percentile(buckets, count, 0.5), p99: percentile(buckets, count, 0.99) };
  }
}

function bucketOf(microseconds: number): number {
  const quarters = Math.min(microseconds * PER_OCTAVE, 0x7fff_ffff) | 0;
  if (quarters < PER_OCTAVE) return Math.max(0, quarters);
  const octave = 31 - Math.clz32(quarters);
  return Math.min(BUCKETS - 1, (octave - 1) * PER_OCTAVE + ((quarters >> (octave - 2)) & (PER_OCTAVE - 1)));
}

/** The first value past a bucket, in microseconds. */
function upperEnd(bucket: number): number {
  if (bucket < PER_OCTAVE) return (bucket + 1) / PER_OCTAVE;
  const octave = Math.floor(bucket / PER_OCTAVE) + 1;
  return (2 ** octave * (1 + ((bucket % PER_OCTAVE) + 1) / PER_OCTAVE)) / PER_OCTAVE;
}

function percentile(buckets: Uint32Array, count: number, part: number): number {
  let left = Math.ceil(count * part);
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    left -= buckets[bucket] ?? 0;
    if (left <= 0) return upperEnd(bucket);
  }
  return upperEnd(BUCKETS - 1);
}
