/** What a sweep must leave alone: everything drafts under way refer to, and everything drafted or protected since the sweep began. */
import type { Content, Hash } from './types.ts';

/** What a draft refers to besides contents that are live anyway. */
export interface Needs {
  readonly hashes: Iterable<Hash>;
  readonly segments: Iterable<number>;
  readonly objects: Iterable<number>;
  readonly packs: Iterable<number>;
}

/** The state of one sweep. */
export interface Kept {
  readonly hashes: Set<Hash>;
  readonly segments: Set<number>;
  readonly objects: Set<number>;
  readonly packs: Set<number>;
  /** Contents to mark before anything is deleted. */
  readonly contents: Content[];
  /** Hashes whose records are being deleted just now: whoever stores the bytes again must not rely on the record. */
  dying: ReadonlySet<Hash>;
}

const nothing: ReadonlySet<Hash> = new Set();

export class Protection {
  readonly #drafts = new Set<Needs>();
  #kept: Kept | undefined;

  /** A draft begins, or learns of more that it needs. */
  hold(needs: Needs): void {
    this.#drafts.add(needs);
    if (this.#kept) keep(this.#kept, needs);
  }

  /** The draft is done or dropped. A sweep that saw it begin protects it to its own end. */
  release(needs: Needs): void {
    this.#drafts.delete(needs);
  }

  get drafts(): number {
    return this.#drafts.size;
  }

  /** The bytes of this hash are about to be stored, or named by their hash. */
  holdHash(hash: Hash): void {
    this.#kept?.hashes.add(hash);
  }

  protect(content: Content): void {
    this.#kept?.contents.push(content);
  }

  /** May a draft rely on the record of this hash? */
  stays(hash: Hash): boolean {
    return this.#kept === undefined || !this.#kept.dying.has(hash);
  }

  /** A sweep begins; there is one at a time. */
  begin(): Kept {
    const kept: Kept = {
      hashes: new Set(),
      segments: new Set(),
      objects: new Set(),
      packs: new Set(),
      contents: [],
      dying: nothing,
    };
    for (const needs of this.#drafts) keep(kept, needs);
    this.#kept = kept;
    return kept;
  }

  end(): void {
    this.#kept = undefined;
  }
}

function keep(kept: Kept, needs: Needs): void {
  for (const hash of needs.hashes) kept.hashes.add(hash);
  for (const id of needs.segments) kept.segments.add(id);
  for (const id of needs.objects) kept.objects.add(id);
  for (const id of needs.packs) kept.packs.add(id);
}
