/** One thing after the other: what changes a file takes its turn here, and costs nothing while nobody else is at it. */
import type { Awaitable } from '../base/awaitable.ts';

export class Serial {
  #tail: Promise<void> | undefined;
  /** What has been handed over and has not begun. */
  waiting = 0;
  /** Called when something comes to wait here. */
  awaited: (() => void) | undefined;

  /** Is something running or waiting? */
  get busy(): boolean {
    return this.#tail !== undefined;
  }

  /**
   * Runs `fn` when everything handed over before has ended, at once where nothing has to be waited for.
   * `fn` must not call `run` of the same Serial and wait for it.
   */
  run<T>(fn: () => Awaitable<T>): Awaitable<T> {
    if (this.#tail === undefined) {
      const result = fn();
      if (result instanceof Promise) this.#follow(result);
      return result;
    }
    this.waiting++;
    const result = this.#tail.then(() => {
      this.waiting--;
      return fn();
    });
    this.#follow(result);
    this.awaited?.();
    return result;
  }

  /** Resolves when nothing handed over before the call is left. */
  async idle(): Promise<void> {
    this.awaited?.();
    await this.#tail;
  }

  #follow(result: Promise<unknown>): void {
    const ended = (): void => {
      if (this.#tail === tail) this.#tail = undefined;
    };
    const tail: Promise<void> = result.then(ended, ended);
    this.#tail = tail;
  }
}
