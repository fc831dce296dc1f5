/** What may be there when a step failed: the tree with it, or without it. */
import { isDeepStrictEqual } from 'node:util';
import { OpenTree, type Outcome, type Step } from '../model/steps.ts';
import type { NodeState } from '../model/tree.ts';

/** A step that happened in a tree, or the end of everything that had files open. */
type Event = Step | 'closed';

class Candidate {
  readonly tree = new OpenTree();
  readonly #events: Event[] = [];

  run(step: Step): Outcome {
    this.#events.push(step);
    return this.tree.run(step);
  }

  closeAll(): void {
    this.#events.push('closed');
    this.tree.closeAll();
  }

  copy(): Candidate {
    const copy = new Candidate();
    for (const event of this.#events) {
      if (event === 'closed') copy.closeAll();
      else copy.run(event);
    }
    return copy;
  }
}

export class Candidates {
  #all = [new Candidate()];

  /** The step was answered so: what expected another answer is none any more. Throws when nothing is left. */
  answered(step: Step, outcome: Outcome): void {
    const before = this.#all.map((candidate) => JSON.stringify(candidate.copy().run(step)));
    this.#all = this.#all.filter((candidate) => isDeepStrictEqual(candidate.run(step), outcome));
    if (this.#all.length > 0) return;
    throw new Error(
      `${JSON.stringify(step)} was answered ${JSON.stringify(outcome)}, not ${before.join(' or ')}`,
    );
  }

  /** The step failed without a reason of its own: it happened or did not. A descriptor is closed whatever close(2) says. */
  failed(step: Step): void {
    const without = step.op === 'close' ? [] : this.#all.map((candidate) => candidate.copy());
    for (const candidate of this.#all) candidate.run(step);
    this.#all.push(...without);
  }

  closeAll(): void {
    for (const candidate of this.#all) candidate.closeAll();
  }

  /** Only what looks like this is left; nothing when the state is wrong. Answers what was expected. */
  settle(state: ReadonlyMap<string, NodeState>): readonly ReadonlyMap<string, NodeState>[] {
    const expected = this.#all.map((candidate) => candidate.tree.digests());
    this.#all = this.#all.filter((candidate) => isDeepStrictEqual(candidate.tree.digests(), state));
    return this.#all.length > 0 ? [] : expected;
  }
}
