/** Runs one operation of the table for an edge: checks the input, turns what was thrown into what people read. */
import { z } from 'zod';
import { FsError, isFsError } from '../base/errors.ts';
import { Failure } from './failure.ts';
import type { Context } from './operation.ts';
import type { WireError } from './protocol.ts';
import { operationOf } from './table.ts';

/** Failure usage for an unknown operation and for input that does not fit. */
export async function runOperation(name: string, input: unknown, context: Context): Promise<unknown> {
  const found = operationOf(name);
  if (!found) throw new Failure('usage', `there is no operation ${JSON.stringify(name)}`);
  const checked = found.input.safeParse(input);
  if (!checked.success) {
    throw new Failure(
      'usage',
      `${name}: ${z.prettifyError(checked.error).replace(/^✖ /gm, '').replace(/\s+/g, ' ')}`,
    );
  }
  return found.run(context, checked.data);
}

/** Failures of the domain as they go over the wire; undefined for everything else, which is a bug and is logged. */
export function wireError(error: unknown): WireError | undefined {
  if (error instanceof Failure) return { code: error.kind, message: error.message };
  if (isFsError(error)) {
    const prefix = `${error.code}: `;
    const { message } = error;
    return { code: error.code, message: message.startsWith(prefix) ? message.slice(prefix.length) : message };
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return { code: new FsError('EINTR').code, message: 'cancelled' };
  }
  return undefined;
}
