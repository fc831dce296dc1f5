/** The daemon's log: one line an event, to standard error, which is `daemon.log` of a detached daemon. */
import { writeSync } from 'node:fs';
import { inspect } from 'node:util';

export function log(event: string): void {
  try {
    writeSync(2, `${new Date().toISOString()} ${event}\n`);
  } catch {
    // The log lies on the disk that may be full. The stream's 'error' event would be logged as well, and so on without end.
  }
}

/** What should not happen: logged with its stack, once, where it reached an edge. */
export function logBug(where: string, error: unknown): void {
  log(`bug in ${where}: ${inspect(error)}`);
}
