/** What is taken away is gone with the next system call, whatever was open, cached, mapped or listed (PERM-5). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoMounts } from '../mount/harness.ts';
import { World } from './world.ts';

const trials = process.env['NEXUS_LONG'] === undefined ? 60 : 1000;

const refused = ['ENOENT', 'EACCES'];

/** A way to have rights on a directory, and to lose them. */
interface Way {
  readonly name: string;
  give(): Promise<unknown>;
  take(): Promise<unknown>;
}

describe.skipIf(whyNoMounts() !== undefined)('revocation', () => {
  let world: World;
  let seen: readonly string[];
  let ways: readonly Way[];

  const tuple = (
    subject: readonly [string, string],
    object: readonly [string, string],
    relation: string,
  ) => ({
    subject: { type: subject[0], name: subject[1] },
    object: { type: object[0], name: object[1] },
    relation,
  });

  beforeAll(async () => {
    world = await World.open();
    await world.shell(`
mkdir -p shared/sub hidden && cd shared
head -c 300000 /dev/urandom > big && echo small > small && echo deep > sub/deep
cd .. && chmod -R a+rwX .`);
    await world.nexus('user', 'create', 'alice');
    await world.nexus('agent', 'register', 'bot', '--owner', 'alice');
    await world.nexus('group', 'create', 'team');
    seen = [await world.as('agent:bot'), await world.as('agent:bot', '--no-passthrough')];
    const { client } = world;
    const grant = (...args: Parameters<typeof tuple>): Promise<unknown> =>
      client.call('rebac.grant', tuple(...args));
    const revoke = (...args: Parameters<typeof tuple>): Promise<unknown> =>
      client.call('rebac.revoke', tuple(...args));
    const shared = ['file', '/workspace/shared'] as const;
    const bot = ['agent', 'bot'] as const;
    ways = [
      {
        name: 'its own grant',
        give: () => grant(bot, shared, 'editor'),
        take: () => revoke(bot, shared, 'editor'),
      },
      {
        name: "its user's grant",
        give: () => grant(['user', 'alice'], shared, 'owner'),
        take: () => revoke(['user', 'alice'], shared, 'owner'),
      },
      {
        name: 'membership',
        give: async () => {
          await grant(['group', 'team'], shared, 'editor');
          await grant(bot, ['group', 'team'], 'member');
        },
        take: () => revoke(bot, ['group', 'team'], 'member'),
      },
      {
        name: 'a block',
        give: async () => {
          await grant(bot, shared, 'editor');
          await revoke(bot, shared, 'blocked');
        },
        take: () => grant(bot, shared, 'blocked'),
      },
    ];
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  const hold = async (dir: string, i: number): Promise<void> => {
    const { probe } = world;
    for (const [operation, ...args] of [
      ['keep', `r${String(i)}`, `${dir}/big`],
      ['pread', `r${String(i)}`],
      ['keep-write', `w${String(i)}`, `${dir}/small`],
      ['pwrite', `w${String(i)}`],
      ['keep-dir', `d${String(i)}`, dir],
      ['list-kept', `d${String(i)}`],
      ['keep-map', `m${String(i)}`, `r${String(i)}`],
      ['look', `m${String(i)}`],
      ['read', `${dir}/sub/deep`],
      ['list', `${dir}/sub`],
    ] as const) {
      expect([operation, args, await probe.call(operation, ...args)]).toEqual([operation, args, 'OK']);
    }
  };

  const next = (dir: string, i: number): readonly (readonly [string, ...string[]])[] => [
    ['stat', `${dir}/big`],
    ['stat', `${dir}/sub/deep`],
    ['stat', dir],
    ['read', `${dir}/small`],
    ['write', `${dir}/small`],
    ['create', `${dir}/new`],
    ['list', dir],
    ['list', `${dir}/sub`],
    ['pread', `r${String(i)}`],
    ['pwrite', `w${String(i)}`],
    ['list-kept', `d${String(i)}`],
    ['stat-at', `d${String(i)}`, 'big'],
    ['open-at', `d${String(i)}`, 'small'],
    ['look', `m${String(i)}`],
  ];

  it(`refuses the next call of every kind on every mount, ${String(trials)} times (PERM-5)`, async () => {
    for (let trial = 0; trial < trials; trial++) {
      const way = ways[trial % ways.length];
      if (way === undefined) throw new Error('no way');
      await way.give();
      for (const [i, mount] of seen.entries()) await hold(`${mount}/shared`, i);
      await way.take();
      for (const [i, mount] of seen.entries()) {
        for (const [operation, ...args] of next(`${mount}/shared`, i)) {
          const answer = await world.call(operation, ...args);
          const expected = operation === 'look' ? ['EFAULT'] : refused;
          expect(
            expected,
            `trial ${String(trial)}, ${way.name}: ${operation} ${args.join(' ')} on mount ${String(i)}`,
          ).toContain(answer);
        }
      }
      expect(await world.call('drop')).toBe('OK');
      for (const relation of ['editor', 'blocked']) {
        await world.client.call(
          'rebac.revoke',
          tuple(['agent', 'bot'], ['file', '/workspace/shared'], relation),
        );
      }
    }
  }, 600_000);

  it('a move out of the granted directory takes rights, a move in gives them (PERM-5, PERM-10)', async () => {
    const { client, admin } = world;
    await client.call('rebac.revoke', tuple(['agent', 'bot'], ['file', '/workspace/shared'], 'blocked'));
    await client.call('rebac.grant', tuple(['agent', 'bot'], ['file', '/workspace/shared'], 'editor'));
    const [mount] = seen;
    for (let i = 0; i < 10; i++) {
      expect(await world.call('read', `${mount ?? ''}/shared/sub/deep`)).toBe('OK');
      expect(await world.call('keep', 'deep', `${mount ?? ''}/shared/sub/deep`)).toBe('OK');
      expect(await world.call('rename', `${admin}/shared/sub`, `${admin}/hidden/sub`)).toBe('OK');
      expect(await world.call('stat', `${mount ?? ''}/hidden/sub/deep`)).toBe('ENOENT');
      expect(await world.call('stat', `${mount ?? ''}/shared/sub/deep`)).toBe('ENOENT');
      expect(await world.call('pread', 'deep')).toBe('EACCES');
      expect(await world.call('rename', `${admin}/hidden/sub`, `${admin}/shared/sub`)).toBe('OK');
      await world.call('drop');
    }
  });

  it('what was taken away stays so when the file is removed or replaced (PERM-5, PERM-10)', async () => {
    const { client } = world;
    const [mount] = seen;
    const open = `${mount ?? ''}/shared`;
    const bot = ['agent', 'bot'] as const;
    await client.call('rebac.grant', tuple(bot, ['file', '/workspace/shared'], 'viewer'));
    for (const remove of ['rm mortal', 'mv other mortal', 'rm -r down']) {
      await world.shell(
        'cd shared && mkdir -p down && echo x | tee mortal other down/mortal && chmod -R a+rwX .',
      );
      const name = remove === 'rm -r down' ? 'down' : 'mortal';
      expect(await world.call('keep', 'm', `${open}/${name === 'down' ? 'down/mortal' : name}`)).toBe('OK');
      expect(await world.call('pread', 'm')).toBe('OK');
      await client.call('rebac.grant', tuple(bot, ['file', `/workspace/shared/${name}`], 'blocked'));
      expect(await world.call('pread', 'm')).toBe('EACCES');
      await world.shell(`cd shared && ${remove}`);
      expect([remove, await world.call('pread', 'm')]).toEqual([remove, 'EACCES']);
      await world.call('drop');
    }
    await client.call('rebac.revoke', tuple(bot, ['file', '/workspace/shared'], 'viewer'));
  });

  it('a grant that expires while a file is open ends by itself (PERM-5, PERM-8)', async () => {
    const [mount] = seen;
    const file = ['file', '/workspace/hidden'] as const;
    await world.shell('echo x > hidden/x');
    const expires = new Date(Date.now() + 1500).toISOString();
    await world.client.call('rebac.grant', { ...tuple(['agent', 'bot'], file, 'viewer'), expires });
    expect(await world.call('keep', 'x', `${mount ?? ''}/hidden/x`)).toBe('OK');
    expect(await world.call('pread', 'x')).toBe('OK');
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(await world.call('pread', 'x')).toBe('EACCES');
    expect(await world.call('stat', `${mount ?? ''}/hidden/x`)).toBe('ENOENT');
    await world.call('drop');
  });
});
