/** The commands on permissions and identities, without a mount. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mountNexus } from '../mount/harness.ts';
import type { MountedNexus, Result } from '../mount/harness.ts';

let nexus: MountedNexus;

const run = (text: string): Promise<Result> => nexus.nexus(text.split(' '));

async function ok(text: string): Promise<string> {
  const result = await run(text);
  expect(result, text).toMatchObject({ code: 0, stderr: '' });
  return result.stdout;
}

async function refused(text: string, code = 1): Promise<string> {
  const result = await run(text);
  expect(result, text).toMatchObject({ code, stdout: '' });
  return result.stderr;
}

const json = (text: string): Promise<unknown> => nexus.json(text.split(' '));

beforeAll(async () => {
  nexus = await mountNexus({ mounts: 0 });
  await ok('mkdir --parents /workspace/research/deep');
  await ok('write /workspace/research/paper.txt --text paper');
  await ok('user create alice');
  await ok('agent register bot --owner alice');
});

afterAll(async () => {
  await nexus[Symbol.asyncDispose]();
});

describe('nexus rebac', () => {
  it('grants, checks, lists, explains and revokes (PERM-2)', async () => {
    const on = 'agent bot file /workspace/research';
    expect(await run(`rebac check ${on} --relation can_read`)).toMatchObject({
      code: 1,
      stdout: 'no\n',
      stderr: '',
    });
    await ok(`rebac grant ${on} --relation reader`);
    expect(await ok(`rebac check ${on}/paper.txt --relation can_read`)).toBe('yes\n');
    expect(await run(`rebac check ${on} --relation can_write`)).toMatchObject({ code: 1, stdout: 'no\n' });
    expect(await ok('rebac list')).toMatch(
      /^subject +relation +object +until\nagent:bot +viewer +file:\/workspace\/research\n$/,
    );
    expect(await ok('rebac list --subject agent:bot --object file:/workspace/research')).toContain('viewer');
    const why = await ok(`rebac explain ${on}/paper.txt --relation can_read`);
    expect(why).toMatch(/^yes\n[^]*agent:bot is viewer of \/workspace\/research\n/);
    expect(await ok('rebac expand file /workspace/research --relation viewer')).toContain('agent:bot');
    expect(await ok('rebac objects agent bot file --relation can_read')).toBe('/workspace/research\n');
    expect(await ok('rebac subjects file /workspace/research agent --relation can_read')).toBe('agent:bot\n');
    await ok(`rebac revoke ${on} --relation reader`);
    expect((await run(`rebac check ${on} --relation can_read`)).stdout).toBe('no\n');
    expect(await refused(`rebac revoke ${on} --relation reader`)).toContain(
      'agent:bot was not granted viewer on file:/workspace/research itself',
    );
  });

  it('prints JSON on request', async () => {
    const on = 'agent bot file /workspace/research';
    const granted = (await json(`rebac grant ${on} --relation editor --expires 2h`)) as {
      revision: number;
      tuple: { expires: string };
    };
    const left = Date.parse(granted.tuple.expires) - Date.now();
    expect(left).toBeGreaterThan(7000_000);
    expect(left).toBeLessThanOrEqual(7200_000);
    expect(
      await json(`rebac check ${on} --relation can_write --min-revision ${granted.revision}`),
    ).toMatchObject({
      allowed: true,
    });
    const { code, stdout } = await run(`rebac check ${on} --relation can_own --json`);
    expect([code, JSON.parse(stdout)]).toMatchObject([1, { allowed: false }]);
    expect(await json('rebac list')).toMatchObject({ tuples: [{ path: '/workspace/research' }] });
    expect(await json(`rebac explain ${on} --relation can_write`)).toMatchObject({ allowed: true });
    expect(await json('rebac expand file /workspace/research --relation editor')).toHaveProperty('kind');
    expect(await json('rebac objects agent bot file --relation can_write')).toMatchObject({
      objects: [{ path: '/workspace/research' }],
    });
    expect(await json('rebac subjects file /workspace/research agent --relation can_write')).toMatchObject({
      subjects: ['agent:bot'],
    });
    expect(await json('rebac model show')).toMatchObject({ shipped: true });
    const lines = (await ok('rebac watch --json')).trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ kind: 'write', revision: granted.revision });
    expect(await json(`rebac revoke ${on} --relation editor`)).toMatchObject({ removed: true });
  });

  it('says what is wrong, and what to do (PERM-2)', async () => {
    const on = 'agent bot file /workspace/research';
    expect(await refused(`rebac grant ${on} --relation emperor`)).toMatch(
      /^nexus rebac grant: file has no relation "emperor": there are .*viewer/,
    );
    expect(await refused('rebac grant agent bot file /workspace/none --relation viewer')).toBe(
      'nexus rebac grant: /workspace/none: no such file or directory\n',
    );
    expect(await refused('rebac grant agent bot planet x --relation viewer')).toContain(
      'the model has user, agent',
    );
    expect(await refused(`rebac grant ${on} --relation viewer --expires soon`, 2)).toContain('15m, 8h or 7d');
    expect(await refused(`rebac check ${on} --relation can_read --context {`, 2)).toContain('a JSON object');
    expect(await refused('rebac list --subject alice', 2)).toContain('say type:name');
    expect(await refused('rebac list --zone mars')).toContain('`nexus zone create mars`');
    expect(await refused(`rebac grant ${on}`, 2)).toContain('--relation');
    expect(await refused('rebac conquer', 2)).toContain('error: ');
    const errors = JSON.parse(await refused(`rebac grant ${on} --relation emperor --json`)) as {
      error: { code: string };
    };
    expect(errors.error.code).toBe('EINVAL');
  });

  it('tells of subjects that are not registered, and grants all the same (ID-2)', async () => {
    const { code, stderr } = await run('rebac grant agent later file /workspace/research --relation viewer');
    expect(code).toBe(0);
    expect(stderr).toContain('`nexus agent register later --owner USER`');
    await ok('rebac revoke agent later file /workspace/research --relation viewer');
  });

  it('shows, tries and replaces the model (PERM-1)', async () => {
    const shipped = await ok('rebac model show');
    const file = join(nexus.root, 'model.fga');
    writeFileSync(file, shipped);
    expect(await ok(`rebac model test ${file}`)).toBe('nothing would change\n');
    await ok('rebac grant agent bot file /workspace/research --relation viewer');
    writeFileSync(file, shipped.replaceAll('can_read: viewer but', 'can_read: editor but'));
    expect(await ok(`rebac model test ${file}`)).toMatch(
      /defined differently:\n {2}file#can_read\n[^]*not be allowed any more:\n {2}agent:bot can_read \/workspace\/research\n/,
    );
    expect((await run(`rebac model set ${file}`)).code).toBe(0);
    expect((await run('rebac check agent bot file /workspace/research --relation can_read')).stdout).toBe(
      'no\n',
    );
    writeFileSync(file, 'model\n  schema 1.1\ntype user\n  relations\n    define x: [');
    expect(await refused(`rebac model set ${file}`)).toMatch(/^nexus rebac model set: .*5/);
    expect(await refused('rebac model set /nowhere', 2)).toContain('/nowhere cannot be read: ENOENT');
    writeFileSync(file, shipped);
    expect((await run(`rebac model set ${file}`)).code).toBe(0);
  });
});

describe('nexus user, agent, group, zone', () => {
  it('make, list and remove (ID-2)', async () => {
    await ok('user create carol');
    expect(await ok('user list')).toBe('alice\ncarol\n');
    expect(await json('user list')).toEqual([{ name: 'alice' }, { name: 'carol' }]);
    expect(await json('agent register looker --owner carol --ceiling viewer')).toEqual({
      name: 'looker',
      owner: 'carol',
      ceiling: 'viewer',
    });
    expect(await ok('agent list')).toMatch(/^name +owner +ceiling\nbot +alice\nlooker +carol +viewer\n$/);
    expect(await refused('user delete carol')).toContain('"looker"');
    await ok('agent delete looker');
    await ok('user delete carol');
    expect(await ok('user list')).toBe('alice\n');
    await ok('group create eng');
    await ok('group add eng user:alice agent:bot');
    await ok('group add eng user:alice --admin');
    expect((await ok('group members eng')).trim().split('\n').sort()).toEqual([
      'agent:bot   member',
      'user:alice  admin',
      'user:alice  member',
    ]);
    await ok('group remove eng agent:bot');
    expect(await json('group members eng')).toHaveLength(2);
    expect(await ok('group list')).toBe('eng\n');
    await ok('group delete eng');
    await ok('zone create acme');
    expect(await ok('zone list')).toBe('acme\ndefault\n');
    await ok('user create alice --zone acme');
    expect(await refused('zone delete acme')).toContain('acme');
    await ok('user delete alice --zone acme');
    await ok('zone delete acme');
  });

  it('say what is wrong, and what to do (ID-2)', async () => {
    expect(await refused('user create alice')).toMatch(/^nexus user create: .*exists already/);
    expect(await refused('agent register x --owner nobody')).toContain('nobody');
    expect(await refused('agent register x', 2)).toContain('--owner');
    expect(await refused('group add none user:alice')).toContain('`nexus group create none`');
    expect(await refused('zone delete default')).toContain('default');
  });
});

describe('nexus mount', () => {
  it('refuses who is not registered, and says how it is done (ID-1)', async () => {
    const dir = join(nexus.root, 'm');
    mkdirSync(dir);
    expect(await refused(`mount ${dir} --as agent:nobody`)).toContain(
      '`nexus agent register nobody --owner USER`',
    );
    expect(await refused(`mount ${dir} --as user:nobody`)).toContain('`nexus user create nobody`');
    expect(await refused(`mount ${dir} --zone mars`)).toContain('`nexus zone create mars`');
  });

  it('wants a user id and a subject in each line of --users (ID-1)', async () => {
    const file = join(nexus.root, 'users');
    const dir = join(nexus.root, 'm');
    for (const [text, message] of [
      ['1000\n', `${file}:1: a line is a user id and a subject`],
      ['# all\n1000 user:alice\n1000 user:bob\n', `${file}:3: user id 1000 has a subject already`],
      ['root user:alice\n', `${file}:1: a line is`],
    ] as const) {
      writeFileSync(file, text);
      expect(await refused(`mount ${dir} --users ${file}`, 2)).toContain(message);
    }
    expect(await refused(`mount ${dir} --users /nowhere`, 2)).toContain('cannot be read');
  });
});
