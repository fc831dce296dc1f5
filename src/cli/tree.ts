/** The commands that change the tree: mkdir, rm, mv. */
import type { Command } from 'commander';
import { command, withDaemon } from './program.ts';
import type { Common } from './program.ts';
import { umask } from './umask.ts';
import { printJson, ProgressLine } from './terminal.ts';

function mkdir(paths: readonly string[], flags: Common & { readonly parents?: boolean }): Promise<void> {
  return withDaemon(flags, async (client) => {
    const mode = 0o777 & ~umask();
    for (const path of paths) {
      const attr = await client.call('files.mkdir', { path, parents: flags.parents ?? false, mode });
      if (flags.json === true) await printJson({ path, ...attr });
    }
  });
}

function remove(paths: readonly string[], flags: Common & { readonly recursive?: boolean }): Promise<void> {
  return withDaemon(flags, async (client) => {
    using line = new ProgressLine();
    for (const path of paths) {
      const input = { path, recursive: flags.recursive ?? false };
      const done = await client.call('files.remove', input, { progress: line.show });
      if (flags.json === true) await printJson({ path, ...done });
    }
  });
}

function move(from: string, to: string, flags: Common & { readonly clobber: boolean }): Promise<void> {
  return withDaemon(flags, async (client) => {
    await client.call('files.rename', { from, to, noreplace: !flags.clobber });
    if (flags.json === true) await printJson({ from, to });
  });
}

export function treeCommands(): Command[] {
  return [
    command('mkdir', 'Make directories', [
      'nexus mkdir /workspace/docs',
      'nexus mkdir --parents /workspace/a/b/c',
    ])
      .argument('<path...>', 'paths in the tree')
      .option('-p, --parents', 'make the directories above too, and accept those that exist')
      .action(mkdir),
    command('rm', 'Remove files and directories', [
      'nexus rm /workspace/note.txt',
      'nexus rm --recursive /workspace/docs',
    ])
      .argument('<path...>', 'paths in the tree')
      .option('-r, --recursive', 'remove directories with all that is below')
      .action(remove),
    command('mv', 'Rename or move a file or a directory', ['nexus mv /workspace/a.txt /workspace/b.txt'])
      .argument('<from>', 'a path in the tree')
      .argument('<to>', 'the new path')
      .option('--no-clobber', 'fail where the new path exists')
      .action(move),
  ];
}
