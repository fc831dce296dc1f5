/** Long work on the stored data, one piece at a time: checking and collecting. */
import type { CheckReport, CollectReport, FoundProblem, Report } from '../api/program.ts';
import { log } from './log.ts';
import type { Storage } from './storage.ts';

/** Problems listed one by one; a disk that lost much would name millions. */
const mostListed = 1000;

export class Maintenance {
  readonly #storage: Storage;
  #last: Promise<unknown> = Promise.resolve();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** After what was asked for before: checking while blocks are swept would see them go. */
  #queued<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run, run);
    this.#last = result.catch(() => undefined);
    return result;
  }

  check(options: { readonly repair: boolean; readonly deep: boolean }, report: Report): Promise<CheckReport> {
    return this.#queued(async () => {
      const listed: FoundProblem[] = [];
      let more = 0;
      const checked: Record<string, number> = { inodes: this.#storage.counts().inodes };
      for await (const found of this.#storage.check(options, (progress) => {
        report(progress);
        checked[progress.step] = progress.done;
      })) {
        if (listed.length < mostListed) listed.push(found);
        else if (!found.repaired) more++;
      }
      const left = listed.filter((problem) => !problem.repaired).length + more;
      log(`fsck${options.repair ? ' --repair' : ''}: ${listed.length + more} problems, ${left} left`);
      return { problems: listed, more, checked };
    });
  }

  collect(report: Report): Promise<CollectReport> {
    return this.#queued(async () => {
      const freed = await this.#storage.collect(report);
      log(`gc: ${freed.bytes} bytes in ${freed.blocks} blocks freed`);
      return freed;
    });
  }
}
