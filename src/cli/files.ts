/** The commands on files: ls, cat, write, stat, versions. */
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import type { Output } from '../api/table.ts';
import { command, withDaemon } from './program.ts';
import type { Common } from './program.ts';
import type { ControlClient } from './control-client.ts';
import { umask } from './umask.ts';
import { columns, print, printJson, sizeText } from './terminal.ts';

type Entry = Output<'files.list'>['entries'][number];

const letters: Readonly<Record<Entry['type'], string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  fifo: 'p',
  socket: 's',
  block: 'b',
  character: 'c',
};

/** `drwxr-xr-x`, with s and t for the special bits. */
function modeText({ type, mode }: Entry): string {
  const bits = parseInt(mode, 8);
  const triple = (shift: number, special: number, letter: string): string => {
    const three = (bits >> shift) & 7;
    const x = (three & 1) !== 0;
    const last = (bits & special) === 0 ? (x ? 'x' : '-') : x ? letter : letter.toUpperCase();
    return `${(three & 4) !== 0 ? 'r' : '-'}${(three & 2) !== 0 ? 'w' : '-'}${last}`;
  };
  return `${letters[type]}${triple(6, 0o4000, 's')}${triple(3, 0o2000, 's')}${triple(0, 0o1000, 't')}`;
}

/** Control characters in names would act on the terminal. */
function shown(name: string): string {
  return name.replace(
    /[\u0000-\u001f\u007f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

async function* entriesOf(client: ControlClient, path: string): AsyncGenerator<readonly Entry[]> {
  for (let after = 0; ; ) {
    const { entries } = await client.call('files.list', { path, after });
    const last = entries.at(-1);
    if (!last) return;
    yield entries;
    if (last.cookie === 0) return;
    after = last.cookie;
  }
}

function list(path: string, flags: Common & { readonly long?: boolean }): Promise<void> {
  return withDaemon(flags, async (client) => {
    const all: Entry[] = [];
    for await (const page of entriesOf(client, path)) all.push(...page);
    all.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (flags.json === true) return printJson(all);
    if (flags.long !== true) return print(all.map((entry) => `${shown(entry.name)}\n`).join(''));
    const rows = all.map((entry) => [
      modeText(entry),
      String(entry.nlink),
      String(entry.uid),
      String(entry.gid),
      String(entry.size),
      entry.modified.replace('T', ' ').replace(/\.\d+Z$/, ''),
      shown(entry.name),
    ]);
    return print(columns(rows, [1, 2, 3, 4]));
  });
}

function cat(paths: readonly string[], flags: Common): Promise<void> {
  return withDaemon(flags, async (client) => {
    for (const path of paths) {
      if (flags.json !== true) {
        await client.call('files.read', { path }, { received: print });
        continue;
      }
      const pieces: Buffer[] = [];
      await client.call('files.read', { path }, { received: (piece) => void pieces.push(piece) });
      await printJson({ path, base64: Buffer.concat(pieces).toString('base64') });
    }
  });
}

async function* textBody(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text, 'utf8');
}

interface WriteFlags extends Common {
  readonly text?: string;
  readonly append?: boolean;
}

function write(path: string, flags: WriteFlags): Promise<void> {
  return withDaemon(flags, async (client) => {
    const input = createReadStream('', { fd: 0, autoClose: false, highWaterMark: 256 * 1024 });
    const body: AsyncIterable<Uint8Array> =
      flags.text === undefined ? (input as AsyncIterable<Buffer>) : textBody(flags.text);
    const mode = 0o666 & ~umask();
    const done = await client.call('files.write', { path, append: flags.append ?? false, mode }, { body });
    if (flags.json === true) await printJson({ path, ...done });
  });
}

function stat(paths: readonly string[], flags: Common & { readonly hash?: boolean }): Promise<void> {
  return withDaemon(flags, async (client) => {
    for (const path of paths) {
      const input = flags.hash === true ? { path, hash: true } : { path };
      const attr = await client.call('files.stat', input);
      if (flags.json === true) await printJson({ path, ...attr });
      else
        await print(columns(Object.entries({ path, ...attr }).map(([key, value]) => [key, String(value)])));
    }
  });
}

function versions(path: string, flags: Common): Promise<void> {
  return withDaemon(flags, async (client) => {
    const all = await client.call('files.versions', { path });
    if (flags.json === true) return printJson(all);
    const rows = all.map((version) => [
      String(version.number),
      version.time,
      sizeText(version.size),
      version.author,
      version.hash.slice(0, 16),
    ]);
    return print(columns([['version', 'time', 'size', 'author', 'hash'], ...rows], [0, 2]));
  });
}

export function fileCommands(): Command[] {
  return [
    command('ls', 'List a directory', [
      'nexus ls /workspace',
      'nexus ls -l /workspace/docs',
      'nexus ls --json /',
    ])
      .argument('[path]', 'a path in the tree', '/')
      .option('-l, --long', 'with mode, owner, size and time')
      .action(list),
    command('cat', 'Print files, or versions of them', [
      'nexus cat /workspace/note.txt',
      'nexus cat /workspace/note.txt@1',
    ])
      .argument('<path...>', 'paths in the tree; path@N is version N')
      .action(cat),
    command('write', 'Write a file from standard input', [
      'echo hello | nexus write /workspace/note.txt',
      "nexus write /workspace/note.txt --text 'hello'",
      'date | nexus write --append /workspace/log.txt',
    ])
      .argument('<path>', 'a path in the tree')
      .option('--text <text>', 'write this text instead of standard input')
      .option('--append', 'add at the end')
      .action(write),
    command('stat', 'Show attributes of files', [
      'nexus stat /workspace/note.txt',
      'nexus stat --hash --json /workspace/big.bin',
    ])
      .argument('<path...>', 'paths in the tree')
      .option('--hash', 'with the content hash also of large files')
      .action(stat),
    command('versions', 'List the versions of a file', [
      'nexus versions /workspace/note.txt',
      'nexus versions --json /workspace/note.txt',
    ])
      .argument('<path>', 'a path in the tree')
      .action(versions),
  ];
}
