/** What every command shares: the data directory it works on, and how it ends. */
import { Command } from 'commander';
import { dataDirectory } from '../api/data-directory.ts';
import { exitCodes, Failure } from '../api/failure.ts';
import { OperationFailed } from './control-client.ts';
import type { ControlClient } from './control-client.ts';
import { daemonFor } from './daemon.ts';

export interface Common {
  readonly data?: string;
  readonly json?: boolean;
}

/** A command with the options all of them have. */
export function command(name: string, summary: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(summary)
    .option('--data <dir>', 'the data directory (default: $NEXUS_DATA, else ~/.local/share/nexus)')
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}\n`);
}

/** Commands that belong together under one word: `nexus group add`. */
export function commandGroup(name: string, summary: string, commands: readonly Command[]): Command {
  const group = new Command(name).description(summary);
  for (const each of commands) group.addCommand(each);
  return group.addHelpText('after', `\n\`nexus ${name} COMMAND --help\` shows its options and examples.\n`);
}

export function dataOf(options: Common): string {
  return dataDirectory(options.data, process.env);
}

/** Runs something with the daemon, started when none runs. */
export async function withDaemon<T>(options: Common, run: (client: ControlClient) => Promise<T>): Promise<T> {
  using client = await daemonFor(dataOf(options));
  return await run(client);
}

/** For commands that end with an answer of no: nothing failed, and scripts can branch on it. */
export function answerNo(): void {
  process.exitCode = exitCodes.failed;
}

/** The name of the command, what failed; as JSON on request. Returns the exit code. */
export function report(name: string, error: unknown, json: boolean): number {
  const known = error instanceof Failure || error instanceof OperationFailed;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Failure ? error.kind : error instanceof OperationFailed ? error.code : 'bug';
  if (json) process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`);
  else process.stderr.write(`nexus ${name}: ${message}\n`);
  if (!known && error instanceof Error && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
  return error instanceof Failure ? exitCodes[error.kind] : exitCodes.failed;
}
