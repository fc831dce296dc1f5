/** Showing, trying and replacing the model of a zone. */
import { beforeEach, describe, expect, it } from 'vitest';
import { rightsWorld, tuple } from './rights-world.ts';
import type { RightsWorld } from './rights-world.ts';

let world: RightsWorld;

beforeEach(async () => {
  world = await rightsWorld();
  await world.run('users.create', { name: 'alice' });
  await world.run('rebac.grant', tuple('user alice, viewer, file /docs'));
});

const shipped = async (): Promise<string> => (await world.run('rebac.modelShow', {})).dsl;

describe('the model', () => {
  it('is the one that is shipped until another is set (PERM-1)', async () => {
    const before = await world.run('rebac.modelShow', {});
    expect(before).toMatchObject({ shipped: true });
    expect(before.dsl).toMatch(/type file[^]*define can_read: viewer but not blocked/);
    const dsl = before.dsl.replaceAll('can_read: viewer but', 'can_read: editor but');
    const { revision } = await world.run('rebac.modelSet', { dsl });
    expect(revision).toBeGreaterThan(before.revision);
    expect(await world.run('rebac.modelShow', {})).toEqual({ dsl, shipped: false, revision });
    const { allowed } = await world.run('rebac.check', tuple('user alice, can_read, file /docs/a.txt'));
    expect(allowed).toBe(false);
    const stat = await world.failure('files.stat', { path: '/docs/a.txt' }, { subject: 'user:alice' });
    expect(stat).toMatch(/^ENOENT/);
  });

  it('decides for mounts at once, and back again (PERM-5)', async () => {
    const before = await shipped();
    const alice = { subject: 'user:alice' };
    await world.run('rebac.modelSet', {
      dsl: before.replaceAll('can_read: viewer but', 'can_read: editor but'),
    });
    expect(await world.failure('files.stat', { path: '/docs/a.txt' }, alice)).toMatch(/^ENOENT/);
    await world.run('rebac.modelSet', { dsl: before });
    const stat = { path: '/docs/a.txt', hash: false };
    expect(await world.run('files.stat', stat, alice)).toMatchObject({ type: 'file' });
  });

  it('is tried without changing anything (PERM-1)', async () => {
    const before = await shipped();
    expect(await world.run('rebac.modelTest', { dsl: before })).toEqual({
      added: [],
      removed: [],
      changed: [],
      tuples: [],
      gains: [],
      losses: [],
      more: false,
    });
    const dsl = before
      .replaceAll('can_read: viewer but', 'can_read: editor but')
      .replace('type user\n', 'type user\n\ntype robot\n');
    const changes = await world.run('rebac.modelTest', { dsl });
    expect(changes).toMatchObject({ added: ['robot'], removed: [], gains: [] });
    expect(changes.changed).toContain('file#can_read');
    expect(changes.losses).toEqual(['user:alice can_read /docs']);
    expect(await shipped()).toBe(before);
    expect((await world.run('rebac.check', tuple('user alice, can_read, file /docs'))).allowed).toBe(true);
  });

  it('names tuples that would count no longer (PERM-1)', async () => {
    const dsl = (await shipped()).replaceAll(
      'define viewer: [user, user:*, agent, agent:*, group#member]',
      'define viewer: [agent]',
    );
    const { tuples, losses } = await world.run('rebac.modelTest', { dsl });
    expect(tuples).toMatchObject([{ subject: 'user:alice', relation: 'viewer', path: '/docs' }]);
    expect(losses).toContain('user:alice can_read /docs');
  });

  it('is refused with the place of what is wrong (PERM-1)', async () => {
    const before = await shipped();
    for (const [dsl, message] of [
      ['model\n  schema 1.1\ntype user\n  relations\n    define x: [', /line|5/i],
      [before.replace('define can_write: editor but', 'define can_write: nobody but'), /nobody/],
      [before.replaceAll('can_own', 'can_possess'), /can_own/],
      ['model\n  schema 1.1\ntype user', /can_read/],
    ] as const) {
      expect(await world.failure('rebac.modelSet', { dsl })).toMatch(message);
      expect(await world.failure('rebac.modelTest', { dsl })).toMatch(message);
    }
    expect(await shipped()).toBe(before);
  });

  it('of one zone is not that of another (PERM-7)', async () => {
    await world.run('zones.create', { name: 'acme' });
    const dsl = (await shipped()).replace('type user\n', 'type user\n\ntype robot\n');
    await world.run('rebac.modelSet', { zone: 'acme', dsl });
    expect((await world.run('rebac.modelShow', { zone: 'acme' })).shipped).toBe(false);
    expect((await world.run('rebac.modelShow', {})).shipped).toBe(true);
  });
});
