/** The operations on permissions, as administrators and as others run them. */
import { beforeEach, describe, expect, it } from 'vitest';
import { named, rightsWorld, tuple } from './rights-world.ts';
import type { RightsWorld } from './rights-world.ts';

let world: RightsWorld;

beforeEach(async () => {
  world = await rightsWorld();
  await world.run('users.create', { name: 'alice' });
  await world.run('users.create', { name: 'bob' });
  await world.run('agents.register', { name: 'bot', owner: 'alice' });
});

const can = async (text: string): Promise<boolean> => (await world.run('rebac.check', tuple(text))).allowed;

const list = async (input: Parameters<typeof world.run<'rebac.list'>>[1] = {}): Promise<string[]> =>
  (await world.run('rebac.list', input)).tuples.map(
    ({ subject, relation, object, path }) => `${subject} ${relation} ${path ?? object}`,
  );

describe('grants', () => {
  it('hold for the object and all below, and end with a revocation (PERM-2, PERM-4)', async () => {
    expect(await can('agent bot, can_read, file /docs/a.txt')).toBe(false);
    const {
      revision,
      tuple: made,
      note,
    } = await world.run('rebac.grant', tuple('agent bot, viewer, file /docs'));
    expect(made).toMatchObject({ subject: 'agent:bot', relation: 'viewer', path: '/docs' });
    expect(note).toBeUndefined();
    expect(await can('agent bot, can_read, file /docs/a.txt')).toBe(true);
    expect(await can('agent bot, can_write, file /docs/a.txt')).toBe(false);
    expect(await can('agent bot, can_read, file /private/b.txt')).toBe(false);
    const revoked = await world.run('rebac.revoke', tuple('agent bot, viewer, file /docs'));
    expect(revoked.removed).toBe(true);
    expect(revoked.revision).toBeGreaterThan(revision);
    expect(await can('agent bot, can_read, file /docs/a.txt')).toBe(false);
    const again = await world.run('rebac.revoke', tuple('agent bot, viewer, file /docs'));
    expect(again).toMatchObject({ removed: false, revision: revoked.revision });
  });

  it('read no directory to say what was granted by a path, and say it without detours (PERM-2)', async () => {
    const readdir = world.tree.readdir.bind(world.tree);
    let read = 0;
    world.tree.readdir = (...args) => {
      read++;
      return readdir(...args);
    };
    const grant = async (text: string): Promise<string | undefined> =>
      (await world.run('rebac.grant', tuple(text))).tuple.path;
    expect(await grant('agent bot, viewer, file /docs/a.txt')).toBe('/docs/a.txt');
    await world.run('rebac.revoke', tuple('agent bot, viewer, file /docs/a.txt'));
    expect(read).toBe(0);
    expect(await grant('agent bot, viewer, file /docs/../docs/a.txt')).toBe('/docs/a.txt');
    expect(read).toBeGreaterThan(0);
  });

  it('take the other names of relations, and show their own (PERM-11)', async () => {
    await world.run('rebac.grant', tuple('agent bot, reader, file /docs'));
    await world.run('rebac.grant', tuple('user alice, member-of, group eng'));
    expect((await list()).sort()).toEqual(['agent:bot viewer /docs', 'user:alice member group:eng']);
    expect(await can('agent bot, read, file /docs')).toBe(true);
    expect(await can('agent bot, write, file /docs')).toBe(false);
    expect((await world.run('rebac.revoke', tuple('agent bot, reader, file /docs'))).removed).toBe(true);
  });

  it('belong to the object, not to its path (PERM-10)', async () => {
    await world.run('rebac.grant', tuple('agent bot, viewer, file /docs'));
    await world.run('files.rename', { from: '/docs', to: '/papers' });
    expect(await list()).toEqual(['agent:bot viewer /papers']);
    await world.run('files.mkdir', { path: '/docs' });
    expect(await can('agent bot, can_read, file /docs')).toBe(false);
    expect(await can('agent bot, can_read, file /papers/a.txt')).toBe(true);
    await world.run('files.remove', { path: '/papers', recursive: true });
    expect(await list()).toEqual([]);
  });

  it('reach groups, everybody, and memories that are not there yet (PERM-1, PERM-11)', async () => {
    await world.run('groups.create', { name: 'eng' });
    await world.run('groups.addMember', { group: 'eng', subjects: ['user:bob'] });
    await world.run('rebac.grant', tuple('group eng, editor, file /docs'));
    await world.run('rebac.grant', tuple('user *, viewer, file /private'));
    await world.run('rebac.grant', tuple('user alice, owner, memory /memories'));
    expect(await can('user bob, can_write, file /docs/a.txt')).toBe(true);
    expect(await can('user alice, can_read, file /private/b.txt')).toBe(true);
    expect(await can('user alice, can_write, file /docs/a.txt')).toBe(false);
    expect(await can('user alice, can_read, memory /memories')).toBe(true);
    expect(await can('user bob, can_read, memory /memories')).toBe(false);
  });

  it('expire (PERM-8)', async () => {
    const expires = '2001-01-01T00:00:00Z';
    const done = await world.run('rebac.grant', { ...tuple('agent bot, viewer, file /docs'), expires });
    expect(done.tuple.expires).toBe('2001-01-01T00:00:00.000Z');
    expect(await can('agent bot, can_read, file /docs')).toBe(false);
    await world.run('rebac.grant', {
      ...tuple('agent bot, viewer, file /docs'),
      expires: Date.now() + 100_000,
    });
    expect(await can('agent bot, can_read, file /docs')).toBe(true);
  });

  it('may depend on the time, which every question is told (PERM-8)', async () => {
    const world = await rightsWorld();
    const { dsl } = await world.run('rebac.modelShow', {});
    const timed = dsl
      .replace(/define viewer: \[user,/, 'define viewer: [user, user with until,')
      .concat('\ncondition until(now: timestamp, end: timestamp) {\n  now < end\n}\n');
    await world.run('rebac.modelSet', { dsl: timed });
    await world.run('users.create', { name: 'alice' });
    const tuple = {
      subject: { type: 'user', name: 'alice' },
      relation: 'viewer',
      object: { type: 'file', name: '/docs' },
    };
    const until = (end: string): { name: string; context: { end: string } } => ({
      name: 'until',
      context: { end },
    });
    await world.run('rebac.grant', { ...tuple, condition: until('2100-01-01T00:00:00Z') });
    for (const relation of ['viewer', 'can_read'])
      expect((await world.run('rebac.check', { ...tuple, relation })).allowed).toBe(true);
    const late = { context: { now: '2100-06-01T00:00:00Z' } };
    expect((await world.run('rebac.check', { ...tuple, ...late })).allowed).toBe(false);
    await world.run('rebac.grant', { ...tuple, condition: until('2001-01-01T00:00:00Z') });
    for (const relation of ['viewer', 'can_read'])
      expect((await world.run('rebac.check', { ...tuple, relation })).allowed).toBe(false);
  });

  it('to whom nobody registered say so (ID-2)', async () => {
    const { note } = await world.run('rebac.grant', tuple('agent typo, viewer, file /docs'));
    expect(note).toBe(
      'without effect so far: agent:typo is not registered: `nexus agent register typo --owner USER` does it',
    );
    const foreign = await world.run('rebac.grant', tuple('user acme/eve, viewer, file /docs'));
    expect(foreign.note).toContain('`nexus user create eve --zone acme`');
  });
});

describe('what is wrong is said', () => {
  const cases: readonly [what: string, text: string, message: RegExp][] = [
    ['relation', 'agent bot, emperor, file /docs', /file has no relation "emperor": there are .*viewer/],
    ['derived relation', 'agent bot, can_read, file /docs', /can_read/],
    ['object type', 'agent bot, viewer, planet /docs', /there is no type "planet": the model has .*file/],
    ['subject type', 'robot bot, viewer, file /docs', /robot/],
    ['path', 'agent bot, viewer, file /none', /^ENOENT: \/none: no such file or directory/],
    ['name', 'agent bot, viewer, file docs', /a file is named by its path/],
    ['colon', 'agent a:b, viewer, file /docs', /contains ":" at 1/],
    ['hash', 'agent a#b#c, viewer, file /docs', /"#"|valid relation/],
    ['wildcard object', 'agent bot, viewer, memory *', /wildcard/],
    ['member of a group', 'file /docs, member, group eng', /./],
  ];
  for (const [what, text, message] of cases) {
    it(`${what}: ${text} (PERM-1)`, async () => {
      expect(await world.failure('rebac.grant', tuple(text))).toMatch(message);
      expect(await list()).toEqual([]);
    });
  }

  it('odd bytes and long ids are refused, nothing is written (PERM-1)', async () => {
    for (const name of ['a b', 'a\u0000b', 'a\u001bb', 'x'.repeat(65_536), '']) {
      const subject = { type: 'agent', name };
      const failure = await world.failure('rebac.grant', {
        ...tuple('agent bot, viewer, file /docs'),
        subject,
      });
      expect(failure, JSON.stringify(name.slice(0, 9))).toMatch(/^(EINVAL|usage): ./);
      expect(failure.length).toBeLessThan(400);
    }
    expect(await list()).toEqual([]);
  });

  it('zones, moments and revisions that are none (PERM-7, PERM-8)', async () => {
    const good = tuple('agent bot, viewer, file /docs');
    expect(await world.failure('rebac.grant', { ...good, zone: 'mars' })).toContain('nexus zone create mars');
    expect(await world.failure('rebac.grant', { ...good, expires: 'tomorrow' })).toContain(
      'a time looks like',
    );
    expect(await world.failure('rebac.check', { ...good, minRevision: 99 })).toMatch(/^EAGAIN: .*99/);
    expect(await world.failure('rebac.watch', { after: 99 })).toMatch(/^EINVAL: .*99/);
  });

  it('files belong to one zone; its tuples are there (PERM-7)', async () => {
    await world.run('zones.create', { name: 'acme' });
    const failure = await world.failure('rebac.grant', {
      ...tuple('agent bot, viewer, file /docs'),
      zone: 'acme',
    });
    expect(failure).toContain('/docs belongs to zone default: grant it there, to agent acme/bot');
  });

  it('numbers of files that were never made are refused (PERM-10)', async () => {
    expect(await world.failure('rebac.grant', tuple('agent bot, viewer, file 99999'))).toMatch(
      /^ENOENT: .*99999/,
    );
  });
});

describe('questions', () => {
  beforeEach(async () => {
    await world.run('rebac.grant', tuple('agent bot, viewer, file /docs'));
    await world.run('rebac.grant', tuple('user bob, editor, file /docs/deep'));
  });

  it('are answered many at once, each by itself (PERM-8)', async () => {
    const checks = [
      tuple('agent bot, can_read, file /docs/deep'),
      tuple('agent bot, can_write, file /docs/deep'),
      {
        ...tuple('agent bot, can_write, file /docs'),
        contextualTuples: [tuple('agent bot, editor, file /docs')],
      },
      tuple('user bob, can_write, file /docs/deep'),
    ];
    const { allowed } = await world.run('rebac.batchCheck', { checks });
    expect(allowed).toEqual([true, false, true, true]);
  });

  it('know the revision that was asked for (PERM-8)', async () => {
    const { revision } = await world.run('rebac.revoke', tuple('agent bot, viewer, file /docs'));
    const answer = await world.run('rebac.check', {
      ...tuple('agent bot, can_read, file /docs'),
      minRevision: revision,
    });
    expect(answer).toEqual({ allowed: false, revision });
  });

  it('list by subject, relation and object, page by page (PERM-2)', async () => {
    expect(await list({ subject: named('agent bot') })).toEqual(['agent:bot viewer /docs']);
    expect(await list({ object: named('file /docs/deep') })).toEqual(['user:bob editor /docs/deep']);
    expect(await list({ relation: 'editor' })).toEqual(['user:bob editor /docs/deep']);
    const first = await world.run('rebac.list', { limit: 1 });
    expect(first.tuples).toHaveLength(1);
    const second = await world.run('rebac.list', { limit: 1, after: first.next ?? '' });
    expect(second.tuples).toHaveLength(1);
    expect(second.tuples).not.toEqual(first.tuples);
  });

  it('are explained by the tuples that decide (PERM-2)', async () => {
    const { allowed, steps } = await world.run(
      'rebac.explain',
      tuple('agent bot, can_read, file /docs/a.txt'),
    );
    expect(allowed).toBe(true);
    expect(steps.join('\n')).toMatch(/\/docs\/a\.txt[^]*agent:bot is viewer of \/docs/);
    const none = await world.run('rebac.explain', tuple('agent bot, can_own, file /docs'));
    expect(none.allowed).toBe(false);
    await world.run('rebac.grant', tuple('agent bot, blocked, file /docs/deep'));
    const blocked = await world.run('rebac.explain', tuple('agent bot, can_read, file /docs/deep'));
    expect(blocked.allowed).toBe(false);
    expect(blocked.steps.join('\n')).toContain('agent:bot is blocked of /docs/deep');
  });

  it('agents: an explanation says when the right is that of the user (PERM-6)', async () => {
    await world.run('rebac.grant', tuple('user alice, owner, file /private'));
    const question = tuple('agent bot, can_write, file /private/b.txt');
    expect((await world.run('rebac.check', question)).allowed).toBe(true);
    const { allowed, steps } = await world.run('rebac.explain', question);
    expect(allowed).toBe(true);
    expect(steps.join('\n')).toContain('user:alice');
    await world.run('rebac.revoke', tuple('user alice, owner, file /private'));
    expect((await world.run('rebac.check', question)).allowed).toBe(false);
  });

  it('agents: what is no file is lent in the same way, up to the ceiling (PERM-6)', async () => {
    await world.run('agents.register', { name: 'looker', owner: 'alice', ceiling: 'viewer' });
    await world.run('agents.register', { name: 'loner', owner: 'alice', ceiling: 'none' });
    await world.run('rebac.grant', tuple('user alice, owner, memory notes'));
    const memory = async (agent: string, relation: string): Promise<boolean> =>
      can(`agent ${agent}, ${relation}, memory notes`);
    expect([await memory('bot', 'can_write'), await memory('bot', 'can_own')]).toEqual([true, true]);
    expect([await memory('looker', 'can_read'), await memory('looker', 'can_write')]).toEqual([true, false]);
    expect(await memory('loner', 'can_read')).toBe(false);
    const { objects } = await world.run('rebac.listObjects', {
      type: 'memory',
      relation: 'can_read',
      subject: named('agent looker'),
    });
    expect(objects).toEqual([{ object: 'memory:notes' }]);
    const why = await world.run('rebac.explain', tuple('agent looker, can_write, memory notes'));
    expect(why.steps.join()).toContain('with the rights of viewer at most');
    const { subjects } = await world.run('rebac.listUsers', {
      object: named('memory notes'),
      relation: 'can_read',
      type: 'agent',
    });
    expect(subjects).toEqual(['agent:bot', 'agent:looker']);
    await world.run('rebac.grant', tuple('agent bot, blocked, memory notes'));
    expect(await memory('bot', 'can_read')).toBe(false);
  });

  it('expand to who has a relation, and through what (PERM-2)', async () => {
    const text = JSON.stringify(
      await world.run('rebac.expand', { object: named('file /docs'), relation: 'viewer' }),
    );
    expect(text).toContain('agent:bot');
    expect(text).toContain('/docs');
  });

  it('list objects and subjects (PERM-8)', async () => {
    await world.run('rebac.grant', tuple('user bob, viewer, memory notes'));
    const memories = await world.run('rebac.listObjects', {
      type: 'memory',
      relation: 'can_read',
      subject: named('user bob'),
    });
    expect(memories.objects).toEqual([{ object: 'memory:notes' }]);
    const files = await world.run('rebac.listObjects', {
      type: 'file',
      relation: 'can_write',
      subject: named('user bob'),
    });
    expect(files.objects.map(({ path }) => path)).toEqual(['/docs/deep']);
    const { subjects } = await world.run('rebac.listUsers', {
      object: named('file /docs/deep'),
      relation: 'can_write',
      type: 'user',
    });
    expect(subjects).toContain('user:bob');
    expect(subjects).not.toContain('agent:bot');
  });
});

describe('changes', () => {
  it('are told in order from a revision on (PERM-8)', async () => {
    const start = (await world.run('rebac.watch', {})).revision;
    await world.run('rebac.grant', tuple('agent bot, viewer, file /docs'));
    await world.run('rebac.revoke', tuple('agent bot, viewer, file /docs'));
    const { changes, revision } = await world.run('rebac.watch', { after: start });
    expect(changes.map(({ kind, tuple: { path } }) => `${kind} ${path ?? ''}`)).toEqual([
      'write /docs',
      'delete /docs',
    ]);
    expect(changes.map((change) => change.revision)).toEqual([start + 1, start + 2]);
    expect(revision).toBe(start + 2);
  });

  it('are waited for (PERM-8)', async () => {
    const { revision } = await world.run('rebac.watch', {});
    const waiting = world.run('rebac.watch', { after: revision, wait: true });
    await world.run('rebac.grant', tuple('agent bot, viewer, file /docs'));
    expect((await waiting).changes).toHaveLength(1);
    const abort = new AbortController();
    const cut = world.run('rebac.watch', { after: revision + 1, wait: true }, { signal: abort.signal });
    abort.abort();
    await expect(cut).rejects.toThrow();
  });
});

describe('who may', () => {
  const alice = { subject: 'user:alice' };
  const bob = { subject: 'user:bob' };

  it('owners grant on what they own, others on nothing (PERM-2)', async () => {
    await world.run('rebac.grant', tuple('user alice, owner, file /docs'));
    const share = tuple('user bob, viewer, file /docs/a.txt');
    expect(await world.failure('rebac.grant', share, bob)).toMatch(/^ENOENT: \/docs\/a\.txt/);
    await world.run('rebac.grant', share, alice);
    expect(await can('user bob, can_read, file /docs/a.txt')).toBe(true);
    expect(await world.failure('rebac.grant', tuple('user bob, editor, file /docs/a.txt'), bob)).toMatch(
      /^EACCES/,
    );
    expect(await world.failure('rebac.revoke', share, bob)).toMatch(/^EACCES/);
    expect((await world.run('rebac.revoke', share, alice)).removed).toBe(true);
  });

  it('everybody asks about themselves, users about their agents, owners about what they own (PERM-2)', async () => {
    await world.run('rebac.grant', tuple('user alice, owner, file /docs'));
    await world.run('rebac.grant', tuple('user bob, viewer, file /docs'));
    await world.run('rebac.check', tuple('user bob, can_read, file /docs'), bob);
    await world.run('rebac.check', tuple('agent bot, can_read, file /docs'), alice);
    await world.run('rebac.check', tuple('user bob, can_read, file /docs'), alice);
    expect(await world.failure('rebac.check', tuple('user alice, can_read, file /docs'), bob)).toMatch(
      /^EACCES/,
    );
    expect(await world.failure('rebac.list', {}, alice)).toMatch(/^EACCES/);
    expect((await world.run('rebac.list', { subject: named('user bob') }, bob)).tuples).toHaveLength(1);
    for (const operation of ['rebac.watch', 'rebac.modelTest', 'rebac.modelSet'] as const)
      expect(await world.failure(operation, { dsl: 'model' }, alice)).toMatch(/^EACCES/);
  });

  it('a name that is not to be seen is the same as one that is not there (PERM-4)', async () => {
    const question = (path: string): ReturnType<typeof tuple> => tuple(`user bob, can_read, file ${path}`);
    const hidden = await world.failure('rebac.check', question('/private/b.txt'), bob);
    const absent = await world.failure('rebac.check', question('/private/none'), bob);
    expect(hidden.replace('b.txt', 'none')).toBe(absent);
    expect(absent).toMatch(/^ENOENT/);
  });
});
