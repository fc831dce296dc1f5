/** `nexus rebac`: who may do what. */
import type { Command } from 'commander';
import { Failure } from '../api/failure.ts';
import type { Named } from '../api/permissions.ts';
import type { Input, Output } from '../api/table.ts';
import { answerNo, command, commandGroup, withDaemon } from './program.ts';
import type { Common } from './program.ts';
import { modelCommand } from './rebac-model.ts';
import { expandedText, tupleRow } from './rebac-text.ts';
import { columns, note, print, printJson } from './terminal.ts';

interface ZoneFlags extends Common {
  readonly zone: string;
}

interface TupleFlags extends ZoneFlags {
  readonly relation: string;
}

interface GrantFlags extends TupleFlags {
  readonly expires?: string;
}

interface AskFlags extends TupleFlags {
  readonly context?: string;
  readonly minRevision?: string;
}

type TupleInput = Pick<Input<'rebac.revoke'>, 'zone' | 'subject' | 'relation' | 'object'>;

function tupleOf(names: readonly string[], flags: TupleFlags): Required<TupleInput> {
  const [subjectType = '', subject = '', objectType = '', object = ''] = names;
  return {
    zone: flags.zone,
    subject: { type: subjectType, name: subject },
    relation: flags.relation,
    object: { type: objectType, name: object },
  };
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A moment in ISO 8601, or how long from now: 90s, 15m, 8h, 7d. */
function momentOf(text: string): number {
  const lasting = /^(\d{1,9})([smhd])$/.exec(text);
  const at = lasting
    ? Date.now() + Number(lasting[1]) * (units[lasting[2] ?? ''] ?? 0) * 1000
    : /^\d{4}-/.test(text)
      ? Date.parse(text)
      : NaN;
  if (Number.isFinite(at)) return at;
  throw new Failure(
    'usage',
    `--expires ${text} is no time: say 2030-01-31T12:00:00Z, or how long from now, as in 15m, 8h or 7d`,
  );
}

function contextOf(text: string | undefined): { context?: Record<string, unknown> } {
  if (text === undefined) return {};
  try {
    const context = JSON.parse(text) as unknown;
    if (typeof context === 'object' && context !== null && !Array.isArray(context))
      return { context: context as Record<string, unknown> };
  } catch {
    // Said below.
  }
  throw new Failure('usage', `--context wants a JSON object, as in '{"ip":"10.0.0.1"}'`);
}

function revisionOf(text: string | undefined): { minRevision?: number } {
  if (text === undefined) return {};
  if (!/^\d{1,15}$/.test(text)) throw new Failure('usage', `--min-revision ${text} is no revision`);
  return { minRevision: Number(text) };
}

function grant(
  ...[subjectType, subject, objectType, object, flags]: [...FourNames, GrantFlags]
): Promise<void> {
  const expires = flags.expires === undefined ? {} : { expires: momentOf(flags.expires) };
  return withDaemon(flags, async (client) => {
    const tuple = tupleOf([subjectType, subject, objectType, object], flags);
    const done = await client.call('rebac.grant', { ...tuple, ...expires });
    if (done.note !== undefined) note(`nexus rebac grant: ${done.note}`);
    if (flags.json === true) await printJson(done);
  });
}

type FourNames = [subjectType: string, subject: string, objectType: string, object: string];

function revoke(
  ...[subjectType, subject, objectType, object, flags]: [...FourNames, TupleFlags]
): Promise<void> {
  return withDaemon(flags, async (client) => {
    const tuple = tupleOf([subjectType, subject, objectType, object], flags);
    const done = await client.call('rebac.revoke', tuple);
    if (flags.json === true) await printJson(done);
    if (done.removed) return;
    const [who, what, where] = tupleRow(done.tuple);
    note(
      `nexus rebac revoke: ${who} was not granted ${what} on ${where} itself: \`nexus rebac explain\` tells where it comes from`,
    );
    answerNo();
  });
}

function check(
  ...[subjectType, subject, objectType, object, flags]: [...FourNames, AskFlags]
): Promise<void> {
  const more = { ...contextOf(flags.context), ...revisionOf(flags.minRevision) };
  return withDaemon(flags, async (client) => {
    const tuple = tupleOf([subjectType, subject, objectType, object], flags);
    const answer = await client.call('rebac.check', { ...tuple, ...more });
    if (flags.json === true) await printJson(answer);
    else await print(answer.allowed ? 'yes\n' : 'no\n');
    if (!answer.allowed) answerNo();
  });
}

function explain(
  ...[subjectType, subject, objectType, object, flags]: [...FourNames, AskFlags]
): Promise<void> {
  const more = { ...contextOf(flags.context), ...revisionOf(flags.minRevision) };
  return withDaemon(flags, async (client) => {
    const tuple = tupleOf([subjectType, subject, objectType, object], flags);
    const answer = await client.call('rebac.explain', { ...tuple, ...more });
    if (flags.json === true) await printJson(answer);
    else
      await print([answer.allowed ? 'yes' : 'no', ...answer.steps.map((step) => `  ${step}`), ''].join('\n'));
    if (!answer.allowed) answerNo();
  });
}

function expand(objectType: string, object: string, flags: TupleFlags): Promise<void> {
  return withDaemon(flags, async (client) => {
    const tree = await client.call('rebac.expand', {
      zone: flags.zone,
      object: { type: objectType, name: object },
      relation: flags.relation,
    });
    if (flags.json === true) await printJson(tree);
    else await print(expandedText(tree));
  });
}

/** `user:alice`, `file:/workspace`: type and name in one word. */
function named(flag: string, text: string): Named {
  const colon = text.indexOf(':');
  if (colon > 0 && colon < text.length - 1)
    return { type: text.slice(0, colon), name: text.slice(colon + 1) };
  throw new Failure('usage', `${flag} ${text}: say type:name, as in user:alice or file:/workspace/docs`);
}

interface ListFlags extends ZoneFlags {
  readonly subject?: string;
  readonly relation?: string;
  readonly object?: string;
}

function list(flags: ListFlags): Promise<void> {
  const filter: Input<'rebac.list'> = {
    zone: flags.zone,
    ...(flags.subject === undefined ? {} : { subject: named('--subject', flags.subject) }),
    ...(flags.relation === undefined ? {} : { relation: flags.relation }),
    ...(flags.object === undefined ? {} : { object: named('--object', flags.object) }),
  };
  return withDaemon(flags, async (client) => {
    const all: Output<'rebac.list'>['tuples'] = [];
    let page = await client.call('rebac.list', filter);
    for (;;) {
      all.push(...page.tuples);
      if (page.next === undefined) break;
      page = await client.call('rebac.list', { ...filter, after: page.next });
    }
    if (flags.json === true) await printJson({ tuples: all, revision: page.revision });
    else if (all.length === 0) note('no tuples');
    else await print(columns([['subject', 'relation', 'object', 'until'], ...all.map(tupleRow)]));
  });
}

interface ObjectsFlags extends TupleFlags {
  readonly minRevision?: string;
}

function objects(
  subjectType: string,
  subject: string,
  objectType: string,
  flags: ObjectsFlags,
): Promise<void> {
  return withDaemon(flags, async (client) => {
    const found = await client.call('rebac.listObjects', {
      zone: flags.zone,
      subject: { type: subjectType, name: subject },
      relation: flags.relation,
      type: objectType,
      ...revisionOf(flags.minRevision),
    });
    if (flags.json === true) await printJson(found);
    else await print(found.objects.map(({ object, path }) => `${path ?? object}\n`).join(''));
  });
}

function subjects(
  objectType: string,
  object: string,
  subjectType: string,
  flags: ObjectsFlags,
): Promise<void> {
  return withDaemon(flags, async (client) => {
    const found = await client.call('rebac.listUsers', {
      zone: flags.zone,
      object: { type: objectType, name: object },
      relation: flags.relation,
      type: subjectType,
      ...revisionOf(flags.minRevision),
    });
    if (flags.json === true) await printJson(found);
    else await print(found.subjects.map((subject) => `${subject}\n`).join(''));
  });
}

interface WatchFlags extends ZoneFlags {
  readonly after: string;
  readonly follow?: boolean;
}

function watch(flags: WatchFlags): Promise<void> {
  let after = revisionOf(flags.after).minRevision ?? 0;
  return withDaemon(flags, async (client) => {
    for (;;) {
      const wait = flags.follow === true;
      const { changes, revision } = await client.call('rebac.watch', { zone: flags.zone, after, wait });
      for (const change of changes) {
        const [subject, relation, object] = tupleRow(change.tuple);
        const line = `${change.revision}  ${change.kind}  ${subject}  ${relation}  ${object}`;
        await print(`${flags.json === true ? JSON.stringify(change) : line}\n`);
      }
      if (changes.length === 0 && !wait) return;
      after = revision;
    }
  });
}

const zoneOption = ['--zone <zone>', 'the zone whose permissions are meant', 'default'] as const;

function fourNames(each: Command): Command {
  return each
    .argument('<subject-type>', 'user, agent or group')
    .argument('<subject>', 'a name; * for everybody of the type; a group stands for its members')
    .argument('<object-type>', 'file, memory, group, zone, …')
    .argument('<object>', 'a path in the tree for a file, else an id')
    .requiredOption('--relation <relation>', 'owner, editor, viewer, … (`nexus rebac model show` has all)')
    .option(...zoneOption);
}

function askOptions(each: Command): Command {
  return each
    .option('--context <json>', 'values for the conditions of tuples, as a JSON object')
    .option('--min-revision <n>', 'answer with knowledge of this revision, as a grant printed it');
}

function changing(): Command[] {
  return [
    fourNames(
      command('grant', 'Give a subject a relation to an object', [
        'nexus rebac grant agent bot file /workspace/research --relation reader',
        "nexus rebac grant user '*' file /workspace/public --relation viewer",
        'nexus rebac grant group eng file /workspace/src --relation editor --expires 7d',
        'nexus rebac grant user alice memory /memories --relation owner',
      ]),
    )
      .option('--expires <time>', 'until when: ISO 8601, or how long from now (15m, 8h, 7d)')
      .action(grant),
    fourNames(
      command('revoke', 'Take a relation away; the next system call of every mount is refused', [
        'nexus rebac revoke agent bot file /workspace/research --relation reader',
      ]),
    ).action(revoke),
  ];
}

function asking(): Command[] {
  return [
    askOptions(
      fourNames(
        command('check', 'Print yes (exit code 0) or no (exit code 1)', [
          'nexus rebac check agent bot file /workspace/research/a.txt --relation can_read',
          'nexus rebac check user alice memory /memories --relation can_write && echo she may',
        ]),
      ),
    ).action(check),
    askOptions(
      fourNames(
        command('explain', 'Tell why: the tuples and rules that decide', [
          'nexus rebac explain agent bot file /workspace/research/a.txt --relation can_read',
        ]),
      ),
    ).action(explain),
    command('expand', 'Show who has a relation to an object, and through what', [
      'nexus rebac expand file /workspace/research --relation can_read',
    ])
      .argument('<object-type>', 'file, memory, group, zone, …')
      .argument('<object>', 'a path in the tree for a file, else an id')
      .requiredOption('--relation <relation>', 'owner, editor, viewer, can_read, …')
      .option(...zoneOption)
      .action(expand),
  ];
}

function listing(): Command[] {
  return [
    command('list', 'List what was granted', [
      'nexus rebac list',
      'nexus rebac list --subject agent:bot',
      'nexus rebac list --object file:/workspace/research --json',
    ])
      .option('--subject <type:name>', 'only to this subject')
      .option('--relation <relation>', 'only this relation')
      .option('--object <type:name>', 'only on this object')
      .option(...zoneOption)
      .action(list),
    command('objects', 'List the objects a subject has a relation to', [
      'nexus rebac objects agent bot file --relation can_read',
    ])
      .argument('<subject-type>', 'user, agent or group')
      .argument('<subject>', 'a name')
      .argument('<object-type>', 'file, memory, group, zone, …')
      .requiredOption('--relation <relation>', 'owner, editor, viewer, can_read, …')
      .option('--min-revision <n>', 'answer with knowledge of this revision')
      .option(...zoneOption)
      .action(objects),
    command('subjects', 'List the subjects that have a relation to an object', [
      'nexus rebac subjects file /workspace/research user --relation can_read',
    ])
      .argument('<object-type>', 'file, memory, group, zone, …')
      .argument('<object>', 'a path in the tree for a file, else an id')
      .argument('<subject-type>', 'user, agent or group')
      .requiredOption('--relation <relation>', 'owner, editor, viewer, can_read, …')
      .option('--min-revision <n>', 'answer with knowledge of this revision')
      .option(...zoneOption)
      .action(subjects),
    command('watch', 'Print changes of grants', [
      'nexus rebac watch --after 12',
      'nexus rebac watch --follow --json',
    ])
      .option('--after <revision>', 'only what came after this revision', '0')
      .option('--follow', 'go on as changes come, until Ctrl-C')
      .option(...zoneOption)
      .action(watch),
  ];
}

export function rebacCommand(): Command {
  const all = [...changing(), ...asking(), ...listing(), modelCommand()];
  return commandGroup('rebac', 'Grant, revoke, check and explain permissions', all);
}
