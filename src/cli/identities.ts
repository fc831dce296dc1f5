/** `nexus user`, `agent`, `group`, `zone`: who there is. */
import type { Command } from 'commander';
import type { ControlClient } from './control-client.ts';
import { command, commandGroup, withDaemon } from './program.ts';
import type { Common } from './program.ts';
import { columns, print, printJson } from './terminal.ts';

interface Flags extends Common {
  readonly zone: string;
  readonly owner: string;
  readonly ceiling?: string;
  readonly admin?: boolean;
}

const zoneOption = ['--zone <zone>', 'the zone it belongs to', 'default'] as const;

type Row = Readonly<{ name: string }>;

/** All pages of a list of names. */
async function all<T extends Row>(page: (after: string | undefined) => Promise<readonly T[]>): Promise<T[]> {
  const found: T[] = [];
  for (let after: string | undefined; ; ) {
    const items = await page(after);
    const last = items.at(-1);
    if (!last) return found;
    found.push(...items);
    after = last.name;
  }
}

/** An action on one name: calls an operation and prints its result as JSON on request. */
function acting(
  run: (client: ControlClient, name: string, flags: Flags) => Promise<unknown>,
): (name: string, flags: Flags) => Promise<void> {
  return (name, flags) =>
    withDaemon(flags, async (client) => {
      const result = await run(client, name, flags);
      if (flags.json === true) await printJson(result);
    });
}

/** An action that lists something. */
function listing<T extends Row>(
  page: (client: ControlClient, flags: Flags, after: { readonly after?: string }) => Promise<readonly T[]>,
  text: (rows: readonly T[]) => string = (rows) => rows.map(({ name }) => `${name}\n`).join(''),
): (flags: Flags) => Promise<void> {
  return (flags) =>
    withDaemon(flags, async (client) => {
      const rows = await all((after) => page(client, flags, after === undefined ? {} : { after }));
      if (flags.json === true) await printJson(rows);
      else await print(text(rows));
    });
}

function userCommand(): Command {
  return commandGroup('user', 'Users of a zone', [
    command('create', 'Register a user', ['nexus user create alice'])
      .argument('<name>', 'as in user:NAME')
      .option(...zoneOption)
      .action(acting((client, name, { zone }) => client.call('users.create', { zone, name }))),
    command('list', 'List users', ['nexus user list', 'nexus user list --json'])
      .option(...zoneOption)
      .action(listing((client, { zone }, after) => client.call('users.list', { zone, ...after }))),
    command('delete', 'Remove a user and what was granted to it', ['nexus user delete alice'])
      .argument('<name>', 'as in user:NAME')
      .option(...zoneOption)
      .action(acting((client, name, { zone }) => client.call('users.delete', { zone, name }))),
  ]);
}

function agentCommand(): Command {
  return commandGroup('agent', 'Agents, which act for the users that own them', [
    command('register', 'Register an agent', [
      'nexus agent register bot --owner alice',
      'nexus agent register looker --owner alice --ceiling viewer',
    ])
      .argument('<name>', 'as in agent:NAME')
      .requiredOption('--owner <user>', 'the user it acts for')
      .option('--ceiling <relation>', 'the most it may do: viewer, editor or owner')
      .option(...zoneOption)
      .action(
        acting((client, name, { zone, owner, ceiling }) =>
          client.call('agents.register', {
            zone,
            name,
            owner,
            ...(ceiling === undefined ? {} : { ceiling }),
          }),
        ),
      ),
    command('list', 'List agents, whom they act for and their ceilings', ['nexus agent list'])
      .option(...zoneOption)
      .action(
        listing(
          (client, { zone }, after) => client.call('agents.list', { zone, ...after }),
          (rows) =>
            columns([
              ['name', 'owner', 'ceiling'],
              ...rows.map((row) => [row.name, row.owner, row.ceiling ?? '']),
            ]),
        ),
      ),
    command('delete', 'Remove an agent and what was granted to it', ['nexus agent delete bot'])
      .argument('<name>', 'as in agent:NAME')
      .option(...zoneOption)
      .action(acting((client, name, { zone }) => client.call('agents.delete', { zone, name }))),
  ]);
}

function members(name: 'add' | 'remove', summary: string, examples: readonly string[]): Command {
  const operation = name === 'add' ? 'groups.addMember' : 'groups.removeMember';
  return command(name, summary, examples)
    .argument('<group>', 'a group')
    .argument('<subject...>', 'user:NAME, agent:NAME or group:NAME')
    .option('--admin', 'as one who may change the members')
    .option(...zoneOption)
    .action((group: string, subjects: string[], flags: Flags) =>
      withDaemon(flags, async (client) => {
        const relation = flags.admin === true ? 'admin' : 'member';
        const done = await client.call(operation, { zone: flags.zone, group, subjects, relation });
        if (flags.json === true) await printJson(done);
      }),
    );
}

function groupCommand(): Command {
  return commandGroup('group', 'Groups of users, agents and other groups', [
    command('create', 'Make a group', ['nexus group create eng'])
      .argument('<name>', 'as in group:NAME')
      .option(...zoneOption)
      .action(acting((client, name, { zone }) => client.call('groups.create', { zone, name }))),
    command('list', 'List groups', ['nexus group list'])
      .option(...zoneOption)
      .action(listing((client, { zone }, after) => client.call('groups.list', { zone, ...after }))),
    command('delete', 'Remove a group and what was granted to it', ['nexus group delete eng'])
      .argument('<name>', 'as in group:NAME')
      .option(...zoneOption)
      .action(acting((client, name, { zone }) => client.call('groups.delete', { zone, name }))),
    members('add', 'Add members to a group', [
      'nexus group add eng user:alice agent:bot',
      'nexus group add eng group:ops',
      'nexus group add eng user:alice --admin',
    ]),
    members('remove', 'Take members out of a group', ['nexus group remove eng user:alice']),
    command('members', 'List the members of a group', ['nexus group members eng'])
      .argument('<group>', 'a group')
      .option(...zoneOption)
      .action(showMembers),
  ]);
}

function showMembers(group: string, flags: Flags): Promise<void> {
  return withDaemon(flags, async (client) => {
    const found = await client.call('groups.members', { zone: flags.zone, group });
    if (flags.json === true) await printJson(found);
    else await print(columns(found.map(({ subject, relation }) => [subject, relation])));
  });
}

function zoneCommand(): Command {
  return commandGroup('zone', 'Zones, which share nothing unless it is granted', [
    command('create', 'Make a zone', ['nexus zone create acme'])
      .argument('<name>', 'a name')
      .action(acting((client, name) => client.call('zones.create', { name }))),
    command('list', 'List zones', ['nexus zone list']).action(
      listing((client, _, after) => client.call('zones.list', after)),
    ),
    command('delete', 'Remove an empty zone', ['nexus zone delete acme'])
      .argument('<name>', 'a name')
      .action(acting((client, name) => client.call('zones.delete', { name }))),
  ]);
}

export function identityCommands(): Command[] {
  return [userCommand(), agentCommand(), groupCommand(), zoneCommand()];
}
