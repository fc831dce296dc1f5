/**
 * Hashing off the loop: a worker thread, started when first needed and ended when idle. Where the program runs from its TypeScript
 * sources (tests), which Node cannot load into a worker, the same jobs run on the loop in slices, unless a compiled worker is named.
 */
import { Worker } from 'node:worker_threads';
import { FsError } from '../base/errors.ts';
import { Slice } from './flow.ts';
import { HashJobs, type FileRange, type HashAnswer, type HashRequest, type Part } from './hash-jobs.ts';
import type { WorkerAnswer, WorkerRequest } from './seal-worker.ts';

const IDLE_MS = 5000;

interface Waiting {
  readonly resolve: (answer: HashAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class Hashing {
  readonly #program: URL | undefined;
  readonly #waiting = new Map<number, Waiting>();
  readonly #jobs = new HashJobs();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #nextId = 1;
  #nextJob = 1;
  #closed = false;

  constructor(program?: URL) {
    const compiled = !import.meta.url.endsWith('.ts');
    this.#program = program ?? (compiled ? new URL('./seal-worker.js', import.meta.url) : undefined);
  }

  /** 32 bytes a range; zero bytes for a range of zero bytes. The descriptors must stay open until the answer is there. */
  blocks(ranges: readonly FileRange[]): Promise<HashAnswer> {
    return this.#ask({ kind: 'blocks', ranges });
  }

  /** The hash of parts one after the other; they come in batches, whose descriptors must stay open until the next is asked for. */
  async whole(batches: AsyncIterable<readonly Part[]>): Promise<HashAnswer> {
    const job = this.#nextJob++;
    try {
      for await (const parts of batches) await this.#ask({ kind: 'whole', job, parts, last: false });
      return await this.#ask({ kind: 'whole', job, parts: [], last: true });
    } catch (error) {
      if (!this.#closed) await this.#ask({ kind: 'forget', job });
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  #ask(request: HashRequest): Promise<HashAnswer> {
    if (this.#closed) return Promise.reject(new FsError('EIO', 'the content store is closed'));
    if (this.#program === undefined) return this.#here(request);
    const worker = this.#start(this.#program);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, request } satisfies WorkerRequest);
    });
  }

  async #here(request: HashRequest): Promise<HashAnswer> {
    const steps = this.#jobs.run(request);
    const slice = new Slice();
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (slice.over) await slice.pause();
    }
  }

  #start(program: URL): Worker {
    clearTimeout(this.#idle);
    if (this.#worker) return this.#worker;
    const worker = new Worker(program, { name: 'seal' });
    worker.on('message', (answer: WorkerAnswer) => {
      this.#answered(answer);
    });
    worker.on('error', (error) => {
      this.#lost(worker, error instanceof Error ? error.message : String(error));
    });
    worker.on('exit', () => {
      this.#lost(worker, 'it ended');
    });
    this.#worker = worker;
    return worker;
  }

  #answered(answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('answer' in answer) waiting?.resolve(answer.answer);
    else waiting?.reject(new FsError(answer.code, answer.message.replace(`${answer.code}: `, '')));
    if (this.#waiting.size > 0) return;
    this.#worker?.unref();
    this.#idle = setTimeout(() => void this.#end(), IDLE_MS);
    this.#idle.unref();
  }

  /** The worker is gone: what it had to do fails, the next request starts another. */
  #lost(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new FsError('EIO', `the hashing thread failed: ${reason}`));
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    if (!worker) return;
    this.#lost(worker, 'it was stopped');
    await worker.terminate();
  }
}
