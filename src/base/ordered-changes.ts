/** Changes made one after the other and told in that order; who makes one waits until everybody has dealt with it. */
import type { Awaitable } from './awaitable.ts';
import { FsError, isFsError } from './errors.ts';

export class OrderedChanges<News extends readonly unknown[]> {
  readonly #what: string;
  readonly #listeners = new Set<{ readonly hear: (...news: News) => Awaitable<void> }>();
  #tail: Promise<unknown> | undefined;

  /** `what` changes, for the error of a listener that failed. */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * From now on `listener` is called right after each change and before the next one is made; what it returns is waited for by
   * who made the change, not by the changes after it: a listener may make changes itself.
   */
  subscribe(listener: (...news: News) => Awaitable<void>): Disposable {
    const entry = { hear: listener };
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /**
   * Makes a change when those before it are made. `news` is what to tell of the result, undefined when nothing changed.
   * A listener that fails keeps nobody else from hearing; the change stays, and its maker gets EIO.
   */
  async run<T>(change: () => Promise<T>, news: (result: T) => News | undefined): Promise<T> {
    const made = this.#inTurn(async () => {
      const result = await change();
      const tell = news(result);
      return { result, heard: tell === undefined ? undefined : this.#tell(tell) };
    });
    const { result, heard } = await made;
    const failed = (await heard)?.find((outcome) => outcome.status === 'rejected');
    if (failed === undefined) return result;
    const { reason } = failed as { reason: unknown };
    const why = isFsError(reason) ? ` (${reason.message})` : '';
    const text = `${this.#what}: the change is stored, but not everybody who depends on it could follow${why}`;
    throw new FsError('EIO', text, { cause: reason });
  }

  #tell(news: News): Promise<PromiseSettledResult<void>[]> | undefined {
    if (this.#listeners.size === 0) return undefined;
    // An async function, so that a throw is an outcome too; it begins at once.
    return Promise.allSettled([...this.#listeners].map(async ({ hear }) => hear(...news)));
  }

  #inTurn<T>(fn: () => Promise<T>): Promise<T> {
    const running = this.#tail === undefined ? fn() : this.#tail.then(fn);
    const ended = (): void => {
      if (this.#tail === tail) this.#tail = undefined;
    };
    const tail: Promise<void> = running.then(ended, ended);
    this.#tail = tail;
    return running;
  }
}
