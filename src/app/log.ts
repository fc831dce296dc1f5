/** The daemon's log: one line an event, to standard error, which is `daemon.log` of a detached daemon. */
import { renameSync, statSync, writeSync } from 'node:fs';
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

/** Puts a log of more than 8 MiB aside before it is opened anew; one former log is kept. */
export function rotateLog(path: string): void {
  try {
    if (statSync(path).size > 8 * 1024 * 1024) renameSync(path, `${path}.old`);
  } catch {
    // There is no log yet.
  }
}
