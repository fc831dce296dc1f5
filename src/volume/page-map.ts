/** Which pages of a file a slot holds: bitmaps of 128 MiB of file each, made where a page is marked. */

/** Bytes of a page: the grain of an overlay. */
export const PAGE = 4096;

/** Pages of one bitmap. */
const CHUNK = 32_768;
const WORDS = CHUNK / 32;

function ones(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Bits `from` to `to` (both 0..32) of a word. */
function mask(from: number, to: number): number {
  const high = to === 32 ? -1 : (1 << to) - 1;
  return from === 32 ? 0 : high & ~((1 << from) - 1);
}

export class PageMap {
  readonly #chunks = new Map<number, Uint32Array>();
  #count = 0;

  /** Pages marked. */
  get count(): number {
    return this.#count;
  }

  has(page: number): boolean {
    const words = this.#chunks.get(Math.floor(page / CHUNK));
    if (words === undefined) return false;
    const bit = page % CHUNK;
    return ((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  /** Marks the pages `from` to `to`, the latter left out. */
  mark(from: number, to: number): void {
    this.#apply(from, to, true);
  }

  /** Forgets the pages `from` to `to`, the latter left out. */
  erase(from: number, to: number): void {
    this.#apply(from, to, false);
  }

  clear(): void {
    this.#chunks.clear();
    this.#count = 0;
  }

  /** The first page from `page` on that is marked (or is not), or `limit` if there is none before it. */
  next(page: number, marked: boolean, limit: number): number {
    let at = page;
    while (at < limit) {
      const words = this.#chunks.get(Math.floor(at / CHUNK));
      const bit = at % CHUNK;
      if (words === undefined) {
        if (!marked) return at;
        at += CHUNK - bit;
        continue;
      }
      const found = scan(words, bit, marked);
      if (found < CHUNK) return Math.min(limit, at - bit + found);
      at += CHUNK - bit;
    }
    return limit;
  }

  /** The groups of `pages` pages (a power of two from 32 to 32,768) with a marked page, in no order. */
  *groups(pages: number): Iterable<number> {
    const words = pages / 32;
    for (const [chunk, bits] of this.#chunks) {
      for (let word = 0; word < WORDS; word += words) {
        if (bits.subarray(word, word + words).some((value) => value !== 0)) {
          yield (chunk * CHUNK) / pages + word / words;
        }
      }
    }
  }

  #apply(from: number, to: number, marked: boolean): void {
    if (!marked && to - from > CHUNK) {
      this.#eraseFar(from, to);
      return;
    }
    let at = from;
    while (at < to) {
      const chunk = Math.floor(at / CHUNK);
      const start = at - chunk * CHUNK;
      const end = Math.min(CHUNK, to - chunk * CHUNK);
      let words = this.#chunks.get(chunk);
      if (words === undefined && marked) {
        words = new Uint32Array(WORDS);
        this.#chunks.set(chunk, words);
      }
      if (words !== undefined) this.#count += set(words, start, end, marked);
      at = chunk * CHUNK + end;
    }
  }

  /** A range may end at the largest file offset: walk the bitmaps there are, not the range. */
  #eraseFar(from: number, to: number): void {
    for (const [chunk, words] of this.#chunks) {
      const start = Math.max(0, from - chunk * CHUNK);
      const end = Math.min(CHUNK, to - chunk * CHUNK);
      if (start >= end) continue;
      this.#count += set(words, start, end, false);
      if (start === 0 && end === CHUNK) this.#chunks.delete(chunk);
    }
  }
}

/** Sets or clears bits `start` to `end`; the change in the number of bits set. */
function set(words: Uint32Array, start: number, end: number, marked: boolean): number {
  let change = 0;
  for (let index = start >>> 5; index * 32 < end; index++) {
    const bits = mask(Math.max(0, start - index * 32), Math.min(32, end - index * 32));
    const before = words[index] ?? 0;
    const after = marked ? before | bits : before & ~bits;
    words[index] = after;
    change += ones(after >>> 0) - ones(before);
  }
  return change;
}

/** The first bit from `bit` on that is set (or is not); CHUNK if there is none. */
function scan(words: Uint32Array, bit: number, marked: boolean): number {
  let index = bit >>> 5;
  let keep = mask(bit & 31, 32);
  for (; index < WORDS; index++) {
    const word = words[index] ?? 0;
    const hits = (marked ? word : ~word) & keep;
    // The lowest bit set: hits & -hits isolates it.
    if (hits !== 0) return index * 32 + 31 - Math.clz32(hits & -hits);
    keep = -1;
  }
  return CHUNK;
}
