/** Whoever changes the names of a directory waits for those who do so already. */
import type { NodeId } from '../fs/types.ts';

export class Turns {
  readonly #last = new Map<NodeId, Promise<void>>();

  /** Runs the step when all that was asked for before on any of the directories is over. */
  async take<T>(directories: readonly NodeId[], step: () => Promise<T>): Promise<T> {
    const ahead = directories.flatMap((each) => this.#last.get(each) ?? []);
    let over = (): void => undefined;
    const turn = new Promise<void>((resolve) => (over = resolve));
    for (const each of directories) this.#last.set(each, turn);
    try {
      if (ahead.length > 0) await Promise.all(ahead);
      return await step();
    } finally {
      for (const each of directories) if (this.#last.get(each) === turn) this.#last.delete(each);
      over();
    }
  }
}
