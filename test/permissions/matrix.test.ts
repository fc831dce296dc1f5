/** Every operation, for every level of rights, however the rights were come by, through real mounts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoMounts } from '../mount/harness.ts';
import { World } from './world.ts';

const levels = ['none', 'viewer', 'editor', 'owner', 'admin'] as const;
type Level = (typeof levels)[number];

const ways = ['direct', 'parent', 'group', 'user', 'expired', 'blocked', 'zone'] as const;
type Way = (typeof ways)[number];

/** What the level is worth in the end. */
function effective(level: Level, way: Way): Exclude<Level, 'admin'> {
  if (way === 'expired' || way === 'blocked' || way === 'zone') return 'none';
  return level === 'admin' ? 'owner' : level;
}

type Expected = Record<Exclude<Level, 'admin'>, string>;

const forReaders: Expected = { none: 'ENOENT', viewer: 'OK', editor: 'OK', owner: 'OK' };
const forWriters: Expected = { none: 'ENOENT', viewer: 'EACCES', editor: 'OK', owner: 'OK' };
const forOwners: Expected = { none: 'ENOENT', viewer: 'EACCES', editor: 'EACCES', owner: 'OK' };

/** Operations in an order that leaves later ones something to work on; `D` stands for the directory. */
const table: readonly (readonly [call: readonly [string, ...string[]], expected: Expected])[] = [
  [['stat', 'D'], forReaders],
  [['stat', 'D/file'], forReaders],
  [['stat', 'D/sub/deep'], forReaders],
  [['access', 'D/file'], forReaders],
  [['statvfs', 'D/file'], forReaders],
  [['list', 'D'], forReaders],
  [['list', 'D/sub'], forReaders],
  [['read', 'D/file'], forReaders],
  [['read', 'D/sub/deep'], forReaders],
  [['readlink', 'D/link'], forReaders],
  [['read', 'D/link'], forReaders],
  [['execute', 'D/program'], forReaders],
  [['lock', 'D/file'], forReaders],
  [['getxattr', 'D/file'], forReaders],
  [['hash', 'D/file'], forReaders],
  [['listxattr', 'D/file'], forReaders],
  [['write', 'D/file'], forWriters],
  [['readwrite', 'D/file'], forWriters],
  [['append', 'D/file'], forWriters],
  [['create-or-open', 'D/file'], forWriters],
  [['truncate', 'D/file'], forWriters],
  [['utimes', 'D/file'], forWriters],
  [['setxattr', 'D/sub/deep'], forWriters],
  [['removexattr', 'D/file'], forWriters],
  [['chmod', 'D/file'], forOwners],
  [['chown', 'D/file'], forOwners],
  [['chmod', 'D'], forOwners],
  [['create', 'D/new'], forWriters],
  [['create-or-open', 'D/newer'], forWriters],
  [['mkdir', 'D/newdir'], forWriters],
  [['mkfifo', 'D/newfifo'], forWriters],
  [['symlink', 'D/newlink'], forWriters],
  [['link', 'D/file', 'D/second'], forWriters],
  [['rename', 'D/file', 'D/renamed'], forWriters],
  [['rename', 'D/sub/deep', 'D/sub/deeper'], forWriters],
  [['unlink', 'D/program'], forWriters],
  [['unlink', 'D/link'], forWriters],
  [['rmdir', 'D/empty'], forWriters],
];

describe.skipIf(whyNoMounts() !== undefined)('the matrix of rights', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    await world.nexus('user', 'create', 'alice');
    await world.nexus('group', 'create', 'inner');
    await world.nexus('group', 'create', 'outer');
    await world.nexus('zone', 'create', 'elsewhere');
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** Gives the rights, and mounts as whom they were given to. */
  async function prepare(name: string, level: Level, way: Way): Promise<string> {
    const dir = `${name}/top/D`;
    await world.shell(`
mkdir -p ${dir}/sub ${dir}/empty && cd ${dir}
echo content > file && echo deep > sub/deep && ln -s file link && cp /bin/true program && chmod 755 program
python3 -c 'import os; os.setxattr("file", "user.note", b"n")'
cd - >/dev/null && chmod -R a+rwX ${name}`);
    const agent = `agent-${name}`;
    const user = `user-${name}`;
    await world.nexus('user', 'create', user);
    await world.nexus('agent', 'register', agent, '--owner', way === 'user' ? user : 'alice');
    const zone = way === 'zone' ? ['--zone', 'elsewhere'] : [];
    if (way === 'zone') {
      await world.nexus('user', 'create', 'alice', ...zone).catch(() => '');
      await world.nexus('agent', 'register', agent, '--owner', 'alice', ...zone);
    }
    const grant = (
      subject: readonly [string, string],
      object: readonly [string, string],
      relation: string,
      ...more: string[]
    ): Promise<string> =>
      world.nexus('rebac', 'grant', ...subject, ...object, '--relation', relation, ...more);
    const object = ['file', `/workspace/${way === 'parent' ? `${name}/top` : dir}`] as const;
    let subject: readonly [string, string] = ['agent', agent];
    if (way === 'group') {
      const group = `group-${name}`;
      await world.nexus('group', 'create', group);
      await grant(['agent', agent], ['group', group], 'member');
      await world.nexus('group', 'create', `over-${name}`);
      await grant(['group', group], ['group', `over-${name}`], 'member');
      subject = ['group', `over-${name}`];
    }
    if (way === 'user') subject = ['user', user];
    if (way === 'blocked') await grant(subject, object, 'blocked');
    const until = way === 'expired' ? ['--expires', '2001-01-01T00:00:00Z'] : [];
    if (level === 'admin') {
      // An administrator of another zone, or of none any more, has nothing here.
      await grant(subject, ['zone', way === 'zone' ? 'elsewhere' : 'default'], 'admin', ...until, ...zone);
    } else if (level !== 'none') {
      await grant(subject, object, level, ...until);
    }
    return `${await world.as(`agent:${agent}`, ...zone)}/${dir}`;
  }

  for (const way of ways) {
    for (const level of levels) {
      it(`${level}, ${way} (PERM-3, PERM-4)`, async () => {
        const dir = await prepare(`${level}-${way}`, level, way);
        const worth = effective(level, way);
        const got: Record<string, unknown> = {};
        const wanted: Record<string, unknown> = {};
        for (const [[operation, ...paths], expected] of table) {
          const title = [operation, ...paths].join(' ');
          const real = paths.map((path) => path.replace(/^D/, dir));
          got[title] = await world.call(operation, ...real);
          wanted[title] = expected[worth];
        }
        expect(got).toEqual(wanted);
      });
    }
  }
});
