/** The commands that look after the data and the daemon: fsck, gc, status, stop. */
import type { Command } from 'commander';
import { Failure } from '../api/failure.ts';
import type { Output } from '../api/table.ts';
import type { ControlClient } from './control-client.ts';
import { daemonFor, findDaemon, noDaemon } from './daemon.ts';
import { command, dataOf, withDaemon } from './program.ts';
import type { Common } from './program.ts';
import { columns, note, print, printJson, ProgressLine, sizeText } from './terminal.ts';

interface FsckFlags extends Common {
  readonly repair?: boolean;
  readonly deep?: boolean;
}

/** Damage that keeps the data directory from being opened at all is what `--repair` is for, too. */
async function forRepair(data: string, repair: boolean): Promise<ControlClient> {
  try {
    return await daemonFor(data);
  } catch (error) {
    if (!repair || !(error instanceof Failure) || error.kind !== 'data-corrupt') throw error;
    note(`nexus fsck: ${error.message}`);
    note('nexus fsck: opening it with what is readable');
    return daemonFor(data, { repair: true });
  }
}

async function fsck(flags: FsckFlags): Promise<void> {
  const data = dataOf(flags);
  using client = await forRepair(data, flags.repair ?? false);
  const report = await (async () => {
    using line = new ProgressLine();
    const input = { repair: flags.repair ?? false, deep: flags.deep ?? false };
    return await client.call('fsck', input, { progress: line.show });
  })();
  if (flags.json === true) await printJson(report);
  else await printReport(report, data);
  const left = report.problems.filter((problem) => !problem.repaired).length + report.more;
  if (left === 0) return;
  const advice =
    flags.repair === true
      ? 'what is left cannot be repaired'
      : '`nexus fsck --repair` mends what can be mended';
  throw new Failure('problems', `${left} problems in ${data}: ${advice}`);
}

async function printReport(report: Output<'fsck'>, data: string): Promise<void> {
  for (const { kind, text, repaired } of report.problems) {
    await print(`${repaired ? 'repaired' : 'problem'}: ${kind}: ${text}\n`);
  }
  if (report.more > 0) await print(`… and ${report.more} more\n`);
  const counts = Object.entries(report.checked).map(([what, count]) => `${count} ${what}`);
  const found = report.problems.length + report.more;
  await print(
    `checked ${counts.join(', ')} in ${data}: ${found === 0 ? 'no problems' : `${found} problems`}\n`,
  );
}

function gc(flags: Common): Promise<void> {
  return withDaemon(flags, async (client) => {
    const freed = await (async () => {
      using line = new ProgressLine();
      return await client.call('gc', {}, { progress: line.show });
    })();
    if (flags.json === true) await printJson(freed);
    else await print(`freed ${sizeText(freed.bytes)} in ${freed.blocks} blocks\n`);
  });
}

async function status(flags: Common): Promise<void> {
  const data = dataOf(flags);
  using client = await findDaemon(data);
  if (!client) throw noDaemon(data);
  const state = await client.call('status', {});
  if (flags.json === true) await printJson(state);
  else await print(statusText(state));
}

type MountStatus = Output<'status'>['mounts'][number];

function mountText(mount: MountStatus): string {
  const { dir, as, users, zone, readOnly, passthrough, openFiles, operations } = mount;
  const traits = [
    users === undefined ? '' : `, for ${Object.keys(users).length} user ids`,
    readOnly ? ', read-only' : '',
    passthrough ? ', passthrough' : '',
  ].join('');
  const head = `${dir}  ${as} in zone ${zone}${traits}, ${openFiles} open files\n`;
  const rows = Object.entries(operations).map(([name, each]) => [
    `  ${name}`,
    String(each.count),
    String(each.errors),
    each.p50us.toFixed(1),
    each.p99us.toFixed(1),
  ]);
  if (rows.length === 0) return head;
  return head + columns([['  request', 'count', 'errors', 'p50 us', 'p99 us'], ...rows], [1, 2, 3, 4]);
}

function statusText(state: Output<'status'>): string {
  const { memory, mounts } = state;
  const caches = Object.entries(state.caches).flatMap(([part, counts]) =>
    Object.entries(counts).map(([name, value]) => [`${part}.${name}`, String(value)]),
  );
  return [
    `nexus ${state.version}, pid ${state.pid}, up ${Math.round(state.uptimeSeconds)} s, data ${state.data}\n`,
    `memory ${sizeText(memory.rss)} resident, ${sizeText(memory.heapUsed)} in the heap\n`,
    mounts.length === 0 ? 'no mounts\n' : '',
    ...mounts.map(mountText),
    columns(caches, [1]),
  ].join('');
}

async function stop(flags: Common): Promise<void> {
  const data = dataOf(flags);
  using client = await findDaemon(data);
  if (client) await client.call('stop', {});
  if (flags.json === true) await printJson({ data, stopped: client !== undefined });
  else note(client ? `the daemon of ${data} has ended` : `no daemon runs for ${data}`);
}

export function maintenanceCommands(): Command[] {
  return [
    command('status', 'Show the daemon, its mounts and counters', [
      'nexus status',
      'nexus status --json',
    ]).action(status),
    command('fsck', 'Check the stored data', [
      'nexus fsck',
      'nexus fsck --deep',
      'nexus fsck --repair --json',
    ])
      .option('--repair', 'mend what can be mended')
      .option('--deep', 'read every stored byte and check it against its hash')
      .action(fsck),
    command('gc', 'Free the space of content that nothing refers to', ['nexus gc', 'nexus gc --json']).action(
      gc,
    ),
    command('stop', 'Unmount everything and end the daemon', [
      'nexus stop',
      'nexus stop --data /srv/nexus',
    ]).action(stop),
  ];
}
