/** Bytes that random writes are made of: cut from one piece, so that a seed and a length name them here and in a driver. */
import { createHash } from 'node:crypto';

/** What a step writes. Seed 0 is zeros. */
export interface Data {
  readonly length: number;
  readonly seed: number;
}

const SIZE = 8 * 1024 * 1024;

function make(): Buffer {
  const words = new Uint32Array(SIZE / 4);
  let state = 88_675_123;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return Buffer.from(words.buffer);
}

/** The piece. A driver reads it from a file. */
export const noise = make();

/** Where the bytes of a seed begin; those of two seeds overlap now and then, so that blocks repeat. */
export function bytesOf({ length, seed }: Data): Buffer {
  if (seed === 0) return Buffer.alloc(length);
  const from = ((seed % 32) * 65_536) % (SIZE - length);
  return noise.subarray(from, from + length);
}

/** Short texts as they are, long ones by their hash. */
export function digest(content: Buffer | string): string {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  if (bytes.length <= 40) return bytes.toString('latin1');
  return `${bytes.length} bytes ${createHash('sha1').update(bytes).digest('hex')}`;
}
