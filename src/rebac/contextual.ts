/** Tuples that come with a question, and count for it alone. */
import { admit } from './admit.ts';
import { RebacError } from './errors.ts';
import { isFsError } from '../base/errors.ts';
import { MemoryTuples } from './memory-tuples.ts';
import { stackReaders } from './stack-readers.ts';
import type { Model, Tuple, TupleReader } from './types.ts';

const most = 100;

/** Stored tuples with the contextual ones before them. Throws 2027 for one that could not be written. */
export function withContextual(
  model: Model,
  stored: TupleReader,
  contextual: readonly Tuple[] = [],
): TupleReader {
  if (contextual.length === 0) return stored;
  if (contextual.length > most) {
    throw new RebacError(
      2000,
      `${contextual.length} contextual tuples: at most ${most} come with a question`,
    );
  }
  for (const tuple of contextual) {
    try {
      admit(model, tuple);
    } catch (error) {
      if (!isFsError(error)) throw error;
      throw new RebacError(2027, `contextual ${error.message.replace(/^[A-Z]+: /, '')}`, { cause: error });
    }
  }
  return stackReaders(new MemoryTuples(contextual), stored);
}
