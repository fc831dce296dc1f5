/** The command line: `nexus COMMAND …`. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { exitCodes } from '../api/failure.ts';
import { doctorCommand } from './doctor.ts';
import { fileCommands } from './files.ts';
import { maintenanceCommands } from './maintenance.ts';
import { mountCommand } from './mount.ts';
import { identityCommands } from './identities.ts';
import { report } from './program.ts';
import { rebacCommand } from './rebac.ts';
import { treeCommands } from './tree.ts';
import { umountCommand } from './umount.ts';

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const codesText = `Exit codes:
  0  done
  ${Object.entries(exitCodes)
    .map(([kind, code]) => `${code}  ${kind.replaceAll('-', ' ')}`)
    .join('\n  ')}
`;

function program(): Command {
  const nexus = new Command('nexus')
    .description('A filesystem for AI agents: content-addressed, versioned, mounted as a real POSIX tree.')
    .version(version(), '--version')
    .addHelpText('after', `\n\`nexus help COMMAND\` shows its options and examples.\n\n${codesText}`);
  for (const each of [
    mountCommand(),
    umountCommand(),
    ...fileCommands(),
    ...treeCommands(),
    rebacCommand(),
    ...identityCommands(),
    ...maintenanceCommands(),
    doctorCommand(),
  ]) {
    nexus.addCommand(each);
  }
  prepare(nexus);
  return nexus;
}

/** Errors of usage are ours to turn into an exit code, at every depth. */
function prepare(each: Command): void {
  each.exitOverride().showHelpAfterError('(--help shows how it is used)');
  each.commands.forEach(prepare);
}

/** What was called, as errors name it: `rebac grant` for a command of a group. */
function nameOf(nexus: Command, argv: readonly string[]): string {
  let found = nexus;
  const names: string[] = [];
  for (const word of argv) {
    const next = found.commands.find((each) => each.name() === word);
    if (!next) break;
    names.push(word);
    found = next;
  }
  return names.join(' ');
}

/** Runs a command line; resolves to the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const nexus = program();
  try {
    await nexus.parseAsync(argv, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Commander has printed what it found.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    return report(nameOf(nexus, argv), error, argv.includes('--json'));
  }
}

// Standard input may still be open (`nexus write --text` from a terminal): it must not keep the command from ending.
process.exit(await main(process.argv.slice(2)));
