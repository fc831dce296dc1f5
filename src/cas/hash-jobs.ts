/** The hashing of bytes in files, step by step: what the worker thread does, and what the loop does in slices where there is no worker. */
import { readSync } from 'node:fs';
import { FsError } from '../base/errors.ts';
import { digestOf, hashToHex, makeHasher, type Hasher } from './hash.ts';
import { BLOCK, isZero, zeros } from './layout.ts';
import type { Hash } from './types.ts';

/** Bytes of an open file. Descriptors belong to the process, so a thread can use those of another while they stay open. */
export interface FileRange {
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
}

/** A piece of a whole content: a stored block of which `take` bytes count, bytes at hand, or so many zero bytes. */
export type Part =
  | (FileRange & { readonly take: number; readonly hash: Hash | undefined })
  | { readonly bytes: Uint8Array }
  | { readonly zeros: number };

export type HashRequest =
  /** Hash each range by itself. */
  | { readonly kind: 'blocks'; readonly ranges: readonly FileRange[] }
  /** Go on hashing a whole content; the answer to the `last` request is its hash. */
  | { readonly kind: 'whole'; readonly job: number; readonly parts: readonly Part[]; readonly last: boolean }
  /** A whole that will not be finished. */
  | { readonly kind: 'forget'; readonly job: number };

/** For blocks 32 bytes each, zero bytes in place of the hash of a block of zero bytes; for the last part of a whole its hash. */
export type HashAnswer = Uint8Array;

const empty = new Uint8Array(0);

export class HashJobs {
  readonly #buffer = Buffer.allocUnsafeSlow(BLOCK);
  readonly #wholes = new Map<number, Hasher>();

  /** Yields after every block; the value returned is the answer. */
  *run(request: HashRequest): Generator<void, HashAnswer> {
    if (request.kind === 'forget') {
      this.#wholes.delete(request.job);
      return empty;
    }
    return request.kind === 'blocks' ? yield* this.#blocks(request.ranges) : yield* this.#whole(request);
  }

  *#blocks(ranges: readonly FileRange[]): Generator<void, HashAnswer> {
    const answer = new Uint8Array(ranges.length * 32);
    for (const [index, range] of ranges.entries()) {
      const bytes = this.#read(range);
      if (!isZero(bytes)) answer.set(digestOf(bytes), index * 32);
      yield;
    }
    return answer;
  }

  *#whole(request: HashRequest & { kind: 'whole' }): Generator<void, HashAnswer> {
    const hasher = this.#wholes.get(request.job) ?? makeHasher();
    this.#wholes.set(request.job, hasher);
    for (const part of request.parts) {
      if ('bytes' in part) hasher.update(part.bytes);
      else if ('fd' in part) hasher.update(this.#verified(part).subarray(0, part.take));
      else {
        for (let left = part.zeros; left > 0; left -= BLOCK) {
          hasher.update(zeros.subarray(0, Math.min(left, BLOCK)));
          yield;
        }
      }
      yield;
    }
    if (!request.last) return empty;
    this.#wholes.delete(request.job);
    return new Uint8Array(hasher.digest());
  }

  #verified(part: FileRange & { readonly hash: Hash | undefined }): Uint8Array {
    const bytes = this.#read(part);
    if (part.hash !== undefined && digestOf(bytes).toString('latin1') !== part.hash) {
      throw new FsError(
        'EIO',
        `block ${hashToHex(part.hash)} is damaged: its bytes are not what the hash says`,
      );
    }
    return bytes;
  }

  #read({ fd, offset, length }: FileRange): Uint8Array {
    let done = 0;
    while (done < length) {
      const got = readSync(fd, this.#buffer, done, length - done, offset + done);
      if (got === 0)
        throw new FsError('EIO', `a pack ends at ${String(offset + done)}, before the end of a block in it`);
      done += got;
    }
    return this.#buffer.subarray(0, length);
  }
}
