/** `nexus rebac model`: shows, tries and replaces the model that relations follow. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { Failure } from '../api/failure.ts';
import type { Output } from '../api/table.ts';
import { command, commandGroup, withDaemon } from './program.ts';
import type { Common } from './program.ts';
import { tupleRow } from './rebac-text.ts';
import { columns, note, print, printJson } from './terminal.ts';

interface ZoneFlags extends Common {
  readonly zone: string;
}

function show(flags: ZoneFlags): Promise<void> {
  return withDaemon(flags, async (client) => {
    const model = await client.call('rebac.modelShow', { zone: flags.zone });
    if (flags.json === true) await printJson(model);
    else await print(model.dsl.endsWith('\n') ? model.dsl : `${model.dsl}\n`);
  });
}

/** The text of a model; `-` is standard input. */
function textOf(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('usage', `${file} cannot be read: ${code ?? String(error)}`, { cause: error });
  }
}

function set(file: string, flags: ZoneFlags): Promise<void> {
  const dsl = textOf(file);
  return withDaemon(flags, async (client) => {
    const done = await client.call('rebac.modelSet', { zone: flags.zone, dsl });
    if (flags.json === true) await printJson(done);
    else note(`the zone ${flags.zone} follows the model of ${file} from revision ${done.revision} on`);
  });
}

function test(file: string, flags: ZoneFlags): Promise<void> {
  const dsl = textOf(file);
  return withDaemon(flags, async (client) => {
    const changes = await client.call('rebac.modelTest', { zone: flags.zone, dsl });
    if (flags.json === true) await printJson(changes);
    else await print(changesText(changes));
  });
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function changesText(changes: Output<'rebac.modelTest'>): string {
  const tuples = columns(changes.tuples.map(tupleRow))
    .split('\n')
    .filter((line) => line !== '');
  const text = [
    section('new', changes.added),
    section('gone', changes.removed),
    section('defined differently', changes.changed),
    section('tuples that would not count any more', tuples),
    section('would be allowed', changes.gains),
    section('would not be allowed any more', changes.losses),
  ].join('');
  const more = changes.more ? 'there is more than was compared\n' : '';
  return text === '' ? `nothing would change\n${more}` : text + more;
}

const zoneOption = ['--zone <zone>', 'the zone whose model is meant', 'default'] as const;

export function modelCommand(): Command {
  return commandGroup('model', 'Show, test and replace the model', [
    command('show', 'Print the model', ['nexus rebac model show', 'nexus rebac model show > model.fga'])
      .option(...zoneOption)
      .action(show),
    command('test', 'Say what another model would change, and change nothing', [
      'nexus rebac model test model.fga',
    ])
      .argument('<file>', 'a model in the OpenFGA language; - for standard input')
      .option(...zoneOption)
      .action(test),
    command('set', 'Replace the model', ['nexus rebac model set model.fga'])
      .argument('<file>', 'a model in the OpenFGA language; - for standard input')
      .option(...zoneOption)
      .action(set),
  ]);
}
