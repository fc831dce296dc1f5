/** The daemon's program: `node main.js --data DIR [--keep] [--repair] [--ready-fd N]`. */
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { wireError } from '../api/run.ts';
import { loadNative } from '../host/native.ts';
import { Daemon } from './daemon.ts';
import { log, logBug } from './log.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    keep: { type: 'boolean', default: false },
    repair: { type: 'boolean', default: false },
    'ready-fd': { type: 'string' },
  },
});

/** Tells whoever started us, in one line, that we answer, or why we cannot. */
function tell(answer: object): void {
  const fd = values['ready-fd'];
  if (fd === undefined) return;
  try {
    writeSync(Number(fd), `${JSON.stringify(answer)}\n`);
    closeSync(Number(fd));
  } catch {
    // It did not wait for us.
  }
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

// One request that goes wrong in an unexpected way must not take everybody's files away.
process.on('uncaughtException', (error) => {
  logBug('a callback', error);
});
process.on('unhandledRejection', (error) => {
  logBug('a promise nobody waited for', error);
});
// A terminal that is closed, a pipe nobody reads: neither ends a file system.
process.on('SIGHUP', () => undefined);
process.on('SIGPIPE', () => undefined);

async function main(): Promise<void> {
  if (values.data === undefined) throw new Error('--data is missing');
  process.umask(0o077);
  loadNative().prctlIoFlusher();
  const daemon = await Daemon.open({
    data: values.data,
    version: version(),
    keep: values.keep,
    repair: values.repair,
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log(`got ${signal}`);
      void daemon.stop();
    });
  }
  log(`serving ${values.data}, pid ${process.pid}`);
  tell({ ready: true });
  await daemon.ended;
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const known = wireError(error);
  if (known) log(`cannot start: ${known.message}`);
  else logBug('the start', error);
  tell({ error: known ?? { code: 'daemon-failed', message: `the daemon cannot start: ${String(error)}` } });
  process.exit(1);
}
