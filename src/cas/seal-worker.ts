/** The worker thread that hashes: one request after the other, an answer or an error for each. */
import { parentPort } from 'node:worker_threads';
import { codeOf, type Code } from '../base/errors.ts';
import { HashJobs, type HashAnswer, type HashRequest } from './hash-jobs.ts';

export interface WorkerRequest {
  readonly id: number;
  readonly request: HashRequest;
}

export type WorkerAnswer = { readonly id: number } & (
  | { readonly answer: HashAnswer }
  | { readonly code: Code; readonly message: string }
);

const jobs = new HashJobs();

function answer({ id, request }: WorkerRequest): WorkerAnswer {
  try {
    const steps = jobs.run(request);
    for (;;) {
      const step = steps.next();
      if (step.done) return { id, answer: step.value };
    }
  } catch (error) {
    return { id, code: codeOf(error), message: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (request: WorkerRequest) => {
  parentPort?.postMessage(answer(request));
});
