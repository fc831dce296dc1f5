/**
 * What one evaluation has found out about gates (intersections and exclusions), and what it may remember of it.
 *
 * A gate met again while it is being decided counts as false there (`cut`). Whatever was found false below relied on that: it is assumed,
 * not known, until the gate that was cut is decided. Is that false too, the assumptions were right; is it anything else, they are forgotten.
 * So nothing that a cycle, a limit or an error truncated is ever remembered as an answer, and still no gate is walked once for each path
 * that leads to it.
 */
import type { Verdict } from './verdict.ts';

/** A gate being decided. */
export interface Frame {
  readonly key: string;
  readonly index: number;
  /** How many assumptions there were before. */
  readonly assumed: number;
  readonly outerCut: number;
  readonly outerMixed: boolean;
}

export class Memo {
  readonly #known = new Map<string, boolean>();
  /** Found false as long as the gate of this index is. */
  readonly #assumed = new Map<string, number>();
  readonly #trail: string[] = [];
  readonly #path = new Map<string, number>();
  /** The outermost gate that what is being decided has relied on being false. */
  #cut = Infinity;
  /** Has a subtraction relied on one? Then the outcome depends on where the walk began, and nothing about it is kept. */
  #mixed = false;

  /** How many gates are being decided. */
  get depth(): number {
    return this.#path.size;
  }

  /** Does what has been found out depend on where the walk began? */
  get mixed(): boolean {
    return this.#mixed;
  }

  /** The verdict if there is one already; a gate being decided is false. */
  find(key: string): boolean | undefined {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const index = this.#assumed.get(key) ?? this.#path.get(key);
    if (index === undefined) return undefined;
    if (index < this.#cut) this.#cut = index;
    return false;
  }

  enter(key: string): Frame {
    const index = this.#path.size;
    const frame = { key, index, assumed: this.#trail.length, outerCut: this.#cut, outerMixed: this.#mixed };
    this.#path.set(key, index);
    this.#cut = Infinity;
    this.#mixed = false;
    return frame;
  }

  leave(frame: Frame, verdict: Verdict): Verdict {
    this.#path.delete(frame.key);
    if (verdict === false) this.#leaveFalse(frame);
    else {
      this.#forget(frame.assumed);
      // What holds under assumptions that others are false holds without them, subtractions apart.
      if (verdict === true && !this.#mixed) this.#cut = Infinity;
      if (verdict === true && this.#cut === Infinity) this.#known.set(frame.key, true);
    }
    if (this.#cut >= frame.index) {
      this.#cut = Infinity;
      this.#mixed = false;
    }
    this.#cut = Math.min(this.#cut, frame.outerCut);
    this.#mixed ||= frame.outerMixed;
    return verdict;
  }

  #leaveFalse(frame: Frame): void {
    const cut = this.#cut;
    if (cut >= frame.index) {
      this.#known.set(frame.key, false);
      this.#confirm(frame);
    } else if (this.#mixed) this.#forget(frame.assumed);
    else {
      for (let at = frame.assumed; at < this.#trail.length; at++) {
        const key = this.#trail[at] as string;
        if ((this.#assumed.get(key) ?? 0) > cut) this.#assumed.set(key, cut);
      }
      this.#assumed.set(frame.key, cut);
      this.#trail.push(frame.key);
    }
  }

  /** What was assumed because this gate was false is known now. */
  #confirm(frame: Frame): void {
    let kept = frame.assumed;
    for (let at = frame.assumed; at < this.#trail.length; at++) {
      const key = this.#trail[at] as string;
      if ((this.#assumed.get(key) ?? 0) >= frame.index) {
        this.#assumed.delete(key);
        this.#known.set(key, false);
      } else this.#trail[kept++] = key;
    }
    this.#trail.length = kept;
  }

  #forget(from: number): void {
    for (let at = from; at < this.#trail.length; at++) this.#assumed.delete(this.#trail[at] as string);
    this.#trail.length = from;
  }

  /** Begins to watch what is relied on; gives what `relied` needs to end it. */
  watch(): number {
    const outer = this.#cut;
    this.#cut = Infinity;
    return outer;
  }

  /** Did what was watched rely on a gate that is still being decided? */
  relied(outer: number): boolean {
    const relied = this.#cut !== Infinity;
    this.#cut = Math.min(this.#cut, outer);
    return relied;
  }

  /** A subtraction has relied on a gate that it is part of. */
  mix(): void {
    this.#mixed = true;
  }
}
