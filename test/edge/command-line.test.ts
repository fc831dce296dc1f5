import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes } from '../../src/api/failure.ts';
import { dataDirectory, isWithin } from '../../src/api/data-directory.ts';
import { table } from '../../src/api/table.ts';
import { project, run } from '../mount/harness.ts';

const nexus = join(project, 'scripts/nexus');

/** The commands of groups of commands, as their help lists them. */
async function commandsIn(groups: readonly string[], above: readonly string[] = []): Promise<string[][]> {
  const found: string[][] = [];
  for (const group of groups) {
    const { stdout } = await run(nexus, [...above, group, '--help']);
    const names = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    expect(names, group).not.toEqual([]);
    for (const name of names.filter((each) => each !== 'help')) {
      if (name === 'model') found.push(...(await commandsIn([name], [...above, group])));
      else found.push([...above, group, name]);
    }
  }
  return found;
}

describe('the command line', () => {
  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await run(nexus, ['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it('shows every command with examples, and every exit code', async () => {
    const { stdout, code } = await run(nexus, ['--help']);
    expect(code).toBe(0);
    for (const number of Object.values(exitCodes)) expect(stdout).toMatch(new RegExp(`^ +${number}  `, 'm'));
    const commands = [
      'mount',
      'umount',
      'ls',
      'cat',
      'write',
      'stat',
      'versions',
      'mkdir',
      'rm',
      'mv',
      'status',
      'fsck',
      'gc',
      'stop',
      'doctor',
    ];
    const groups = ['rebac', 'user', 'agent', 'group', 'zone'];
    for (const command of [...commands, ...groups]) expect(stdout).toContain(`\n  ${command} `);
    const helps = await Promise.all([
      ...commands.map((command) => run(nexus, ['help', command])),
      ...(await commandsIn(groups)).map((words) => run(nexus, [...words, '--help'])),
    ]);
    for (const help of helps) {
      expect(help.code).toBe(0);
      expect(help.stdout).toMatch(/Examples:\n {2}\$ .*nexus /);
      expect(help.stdout).toContain('--json');
      expect(help.stdout).toContain('--data <dir>');
    }
  });

  it('ends with 2 when it is used wrongly, and says how it is used', async () => {
    for (const args of [
      ['nonsense'],
      ['mount'],
      ['ls', '--bogus'],
      ['cat'],
      ['mv', '/a'],
      ['mount', '/a', '/b'],
    ]) {
      const { code, stderr } = await run(nexus, args);
      expect(code, args.join(' ')).toBe(2);
      expect(stderr).toMatch(/error: /);
    }
  });

  it('names no exit code twice', () => {
    const numbers = Object.values(exitCodes);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(numbers.every((number) => number > 0 && number < 126)).toBe(true);
  });

  it('finds the data directory: option, NEXUS_DATA, the data home', () => {
    const env = { NEXUS_DATA: '/srv/n', XDG_DATA_HOME: '/srv/xdg' };
    expect(dataDirectory('/srv/o', env)).toBe('/srv/o');
    expect(dataDirectory(undefined, env)).toBe('/srv/n');
    expect(dataDirectory(undefined, { ...env, NEXUS_DATA: '' })).toBe('/srv/xdg/nexus');
    expect(dataDirectory(undefined, {})).toMatch(/\/\.local\/share\/nexus$/);
    expect(isWithin('/a/b', '/a')).toBe(true);
    expect(isWithin('/ab', '/a')).toBe(false);
    expect(isWithin('/a', '/')).toBe(true);
  });
});

describe('the table of operations', () => {
  it('calls each operation by its name, and describes it', () => {
    for (const [name, operation] of Object.entries(table)) {
      expect(operation.name).toBe(name);
      expect(operation.summary).toMatch(/^[A-Z].{10,}[^.]$/);
      expect(['read', 'write', 'admin']).toContain(operation.effect);
    }
  });

  it('takes only input that fits', () => {
    expect(table['files.list'].input.safeParse({ path: 'x' }).success).toBe(false);
    expect(table['files.list'].input.safeParse({ path: '/x', limit: 0 }).success).toBe(false);
    expect(table['files.list'].input.safeParse({ path: '/x' }).success).toBe(true);
    const mount = { dir: '/m', zone: 'default', readOnly: false, passthrough: true };
    for (const as of ['alice', 'user:', 'User:a', 'user:a b', 'user:a/b', '']) {
      expect(table['mounts.add'].input.safeParse({ ...mount, as }).success, as).toBe(false);
    }
    expect(table['mounts.add'].input.safeParse({ ...mount, as: 'agent:builder-1@x.org' }).success).toBe(true);
  });
});
