/** A subject cannot tell whether a name exists that it may not see. */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoMounts } from '../mount/harness.ts';
import type { Answer } from './world.ts';
import { World } from './world.ts';

describe.skipIf(whyNoMounts() !== undefined)('what a subject may not see', () => {
  let world: World;
  let seen: string;
  beforeAll(async () => {
    world = await World.open();
    await world.shell(`
mkdir -p way/open way/secret way/other way/plain
echo a > way/open/a && echo s > way/secret/s && echo f > way/file && ln -s secret way/pointer && chmod -R a+rwX .`);
    await world.nexus('user', 'create', 'alice');
    await world.nexus('agent', 'register', 'bot', '--owner', 'alice');
    await world.nexus(
      'rebac',
      'grant',
      'agent',
      'bot',
      'file',
      '/workspace/way/open',
      '--relation',
      'editor',
    );
    seen = await world.as('agent:bot');
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const calls: readonly (readonly [string, (name: string) => readonly string[]])[] = [
    ['stat', (name) => [name]],
    ['access', (name) => [name]],
    ['read', (name) => [name]],
    ['write', (name) => [name]],
    ['create', (name) => [name]],
    ['create-or-open', (name) => [name]],
    ['mkdir', (name) => [name]],
    ['mkfifo', (name) => [name]],
    ['symlink', (name) => [name]],
    ['readlink', (name) => [name]],
    ['unlink', (name) => [name]],
    ['rmdir', (name) => [name]],
    ['list', (name) => [name]],
    ['chmod', (name) => [name]],
    ['truncate', (name) => [name]],
    ['getxattr', (name) => [name]],
    ['setxattr', (name) => [name]],
    ['stat', (name) => [`${name}/below`]],
    ['create', (name) => [`${name}/below`]],
    ['link', (name) => [`${seen}/way/open/a`, name]],
    ['rename', (name) => [`${seen}/way/open/a`, name]],
    ['rename', (name) => [name, `${seen}/way/open/b`]],
    ['link', (name) => [name, `${seen}/way/open/b`]],
  ];

  it.each(['secret', 'file', 'pointer'])(
    'answers for %s as for a name that is not there (PERM-4)',
    async (name) => {
      for (const [operation, paths] of calls) {
        const there: Answer = await world.call(operation, ...paths(`${seen}/way/${name}`));
        const absent: Answer = await world.call(operation, ...paths(`${seen}/way/no-such-name`));
        expect([operation, there]).toEqual([operation, absent]);
        expect(there).not.toBe('OK');
      }
    },
  );

  it('has no part in the link count of what is seen (PERM-4)', async () => {
    await world.shell(
      'echo l > way/open/linked && ln way/open/linked way/open/again && chmod a+rw way/open/linked',
    );
    expect(await world.call('links', `${seen}/way/open/linked`)).toBe(2);
    await world.shell('ln way/open/linked way/secret/hidden && ln way/open/linked way/other/hidden');
    expect(await world.call('links', `${seen}/way/open/linked`)).toBe(1);
    expect(await world.call('links', `${world.admin}/way/open/linked`)).toBe(4);
    await world.shell('rm way/open/linked way/open/again way/secret/hidden way/other/hidden');
  });

  it('is not listed, not counted as a link, not in statfs (PERM-4)', async () => {
    expect(await world.call('names', `${seen}/way`)).toEqual(['open']);
    const before = [await world.call('links', `${seen}/way`), await world.call('files', `${seen}/way`)];
    await world.shell('mkdir way/secret2 way/secret3 && touch way/unseen{1..20}');
    expect([await world.call('links', `${seen}/way`), await world.call('files', `${seen}/way`)]).toEqual(
      before,
    );
    expect(await world.call('names', `${seen}/way`)).toEqual(['open']);
  });

  it('costs as many requests to look for as what is not there (PERM-4)', async () => {
    const requests = async (): Promise<number> => {
      const { mounts } = (await world.mounted.json(['status'])) as {
        mounts: { dir: string; operations: Record<string, { count: number }> }[];
      };
      const mount = mounts.find(({ dir }) => seen.startsWith(dir));
      return Object.values(mount?.operations ?? {}).reduce((sum, { count }) => sum + count, 0);
    };
    const cost = async (name: string): Promise<number> => {
      const before = await requests();
      for (let i = 0; i < 5; i++) await world.call('stat', `${seen}/way/${name}`);
      return (await requests()) - before;
    };
    await world.shell('mkdir way/unlooked-for');
    await cost('warm-up');
    expect(await cost('unlooked-for')).toBe(await cost('none-such'));
  });

  it('zones are kept apart, even by equal names (PERM-7)', async () => {
    await world.nexus('zone', 'create', 'beta');
    await world.nexus('user', 'create', 'alice', '--zone', 'beta');
    await world.nexus('agent', 'register', 'bot', '--owner', 'alice', '--zone', 'beta');
    const foreign = await world.as('agent:bot', '--zone', 'beta');
    expect(await world.call('stat', `${foreign}/way/open/a`)).toBe('ENOENT');
    await world
      .nexus(
        'rebac',
        'grant',
        'agent',
        'bot',
        'file',
        '/workspace/way/open',
        '--relation',
        'viewer',
        '--zone',
        'beta',
      )
      .catch(() => '');
    expect(await world.call('stat', `${foreign}/way/open/a`)).toBe('ENOENT');
    await world.nexus(
      'rebac',
      'grant',
      'agent',
      'beta/bot',
      'file',
      '/workspace/way/open',
      '--relation',
      'viewer',
    );
    expect(await world.call('content', `${foreign}/way/open/a`)).toBe('a\n');
    expect(await world.call('write', `${foreign}/way/open/a`)).toBe('EACCES');
    // Whoever makes a file owns it, and nobody of the same name elsewhere.
    await world.shell('mkdir -p made && chmod a+rwX made');
    await world.nexus(
      'rebac',
      'grant',
      'agent',
      'beta/bot',
      'file',
      '/workspace/made',
      '--relation',
      'editor',
    );
    expect(await world.call('create', `${foreign}/made/by-beta`)).toBe('OK');
    await world.nexus('rebac', 'grant', 'agent', 'bot', 'file', '/workspace/made', '--relation', 'viewer');
    expect(await world.call('chmod', `${seen}/made/by-beta`)).toBe('EACCES');
    expect(await world.call('append', `${seen}/made/by-beta`)).toBe('EACCES');
    expect(await world.call('chmod', `${foreign}/made/by-beta`)).toBe('OK');
  });

  it('a mount of several users may leave out who makes it (ID-1)', async () => {
    const users = join(world.mounted.root, 'users');
    await writeFile(users, '4242 user:alice\n');
    const shared = await world.as('user:alice', '--users', users);
    expect(await world.call('stat', `${shared}/way/open/a`)).toBe('EACCES');
    await world.nexus('umount', dirname(shared));
  });

  it('whoever gets a name next owns nothing that the one before made (ID-1, PERM-10)', async () => {
    const grant = (relation: string): Promise<string> =>
      world.nexus('rebac', 'grant', 'agent', 'temp', 'file', '/workspace/named', '--relation', relation);
    await world.shell('mkdir -p named && chmod a+rwX named');
    await world.nexus('agent', 'register', 'temp', '--owner', 'alice');
    await grant('editor');
    let dir = await world.as('agent:temp');
    expect(await world.call('create', `${dir}/named/mine`)).toBe('OK');
    expect(await world.call('chmod', `${dir}/named/mine`)).toBe('OK');
    await world.nexus('agent', 'delete', 'temp');
    await world.nexus('agent', 'register', 'temp', '--owner', 'alice');
    dir = await world.as('agent:temp');
    expect(await world.call('stat', `${dir}/named/mine`)).toBe('ENOENT');
    await grant('viewer');
    expect(await world.call('chmod', `${dir}/named/mine`)).toBe('EACCES');
    expect(await world.call('append', `${dir}/named/mine`)).toBe('EACCES');
    await grant('editor');
    expect(await world.call('create', `${dir}/named/other`)).toBe('OK');
    expect(await world.call('chmod', `${dir}/named/other`)).toBe('OK');
  });

  it('names of subjects are byte-exact (PERM-1)', async () => {
    await world.nexus('agent', 'register', 'BOT', '--owner', 'alice');
    const other = await world.as('agent:BOT');
    expect(await world.call('stat', `${other}/way/open`)).toBe('ENOENT');
  });

  it('the mount of an agent ends with it: who gets the name next has neither (PERM-5, ID-2)', async () => {
    await world.nexus('agent', 'register', 'brief', '--owner', 'alice');
    const brief = await world.as('agent:brief');
    await world.nexus(
      'rebac',
      'grant',
      'agent',
      'brief',
      'file',
      '/workspace/way/open',
      '--relation',
      'viewer',
    );
    expect(await world.call('keep', 'brief', `${brief}/way/open/a`)).toBe('OK');
    await world.nexus('agent', 'delete', 'brief');
    await world.nexus('agent', 'register', 'brief', '--owner', 'alice');
    await world.nexus(
      'rebac',
      'grant',
      'agent',
      'brief',
      'file',
      '/workspace/way/open',
      '--relation',
      'viewer',
    );
    expect(await world.call('pread', 'brief')).not.toBe('OK');
    expect(await world.call('stat', `${brief}/way/open/a`)).toBe('ENOENT');
    const { mounts } = (await world.mounted.json(['status'])) as { mounts: { as: string }[] };
    expect(mounts.map(({ as }) => as)).not.toContain('agent:brief');
    await world.call('drop');
  });

  it('tuples die with what they were given on (PERM-10)', async () => {
    await world.shell('mkdir way/mortal && chmod a+rwX way/mortal');
    await world.nexus(
      'rebac',
      'grant',
      'agent',
      'bot',
      'file',
      '/workspace/way/mortal',
      '--relation',
      'editor',
    );
    expect(await world.call('stat', `${seen}/way/mortal`)).toBe('OK');
    await world.shell('rmdir way/mortal && mkdir way/mortal && chmod a+rwX way/mortal');
    expect(await world.call('stat', `${seen}/way/mortal`)).toBe('ENOENT');
    expect(await world.nexus('rebac', 'list', '--subject', 'agent:bot')).not.toContain('mortal');
  });
});
