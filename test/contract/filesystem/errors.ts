/** Refusals: which call on what fails with which code. */
import { S_IFDIR, S_IFREG } from '../../../src/fs/types.ts';
import type { Code } from '../../../src/base/errors.ts';
import { fails, name, R, RW } from './case.ts';
import type { Bench, Case } from './case.ts';

type Call = (t: Bench) => Promise<unknown>;

const file = (t: Bench): Promise<number> => t.put('file', 'x');
const value = Buffer.from('v');

/** A directory that was removed. */
async function removed(t: Bench): Promise<number> {
  const { node } = await t.mkdir('removed');
  await t.fs.rmdir(t.me, t.at('removed'));
  return node;
}

const table: readonly [string, Call, ...Code[]][] = [
  ['lookup of a name that is not there', (t) => t.lookup('none'), 'ENOENT'],
  ['lookup in a file', async (t) => t.lookup('x', await file(t)), 'ENOTDIR'],
  ['lookup in nothing', (t) => t.lookup('x', t.missing), 'ENOENT', 'ESTALE'],
  ['getattr of nothing', (t) => t.stat(t.missing), 'ESTALE'],
  ['setattr of nothing', (t) => t.fs.setattr(t.me, t.missing, { mode: 0 }), 'ESTALE'],
  ['truncation of nothing', (t) => t.fs.setattr(t.me, t.missing, { size: 0 }), 'ESTALE'],
  ['readlink of a file', async (t) => t.fs.readlink(t.me, await file(t)), 'EINVAL'],
  ['readlink of a directory', (t) => t.fs.readlink(t.me, t.dir), 'EINVAL'],
  ['readlink of nothing', (t) => t.fs.readlink(t.me, t.missing), 'ESTALE'],
  [
    'mknod over a file',
    async (t) => (await file(t), t.fs.mknod(t.me, t.at('file'), { mode: S_IFREG })),
    'EEXIST',
  ],
  ['mkdir over a directory', async (t) => (await t.mkdir('d'), t.mkdir('d')), 'EEXIST'],
  ['mkdir over a symbolic link', async (t) => (await t.symlink('l', 'x'), t.mkdir('l')), 'EEXIST'],
  ['mknod in a file', async (t) => t.mkdir('x', await file(t)), 'ENOTDIR'],
  ['mknod in nothing', (t) => t.mkdir('x', t.missing), 'ENOENT', 'ESTALE'],
  ['mknod in a removed directory', async (t) => t.mkdir('x', await removed(t)), 'ENOENT', 'ESTALE'],
  ['create over a file', async (t) => (await file(t), t.create('file')), 'EEXIST'],
  ['create over a directory', async (t) => (await t.mkdir('d'), t.create('d')), 'EEXIST'],
  ['create in a file', async (t) => t.fs.create(t.me, t.at('x', await file(t)), 0o600, RW), 'ENOTDIR'],
  [
    'create in a removed directory',
    async (t) => t.fs.create(t.me, t.at('x', await removed(t)), 0o600, RW),
    'ENOENT',
    'ESTALE',
  ],
  ['link in a file', async (t) => t.fs.link(t.me, await t.put('a'), t.at('x', await file(t))), 'ENOTDIR'],
  [
    'link in a removed directory',
    async (t) => t.fs.link(t.me, await t.put('a'), t.at('x', await removed(t))),
    'ENOENT',
    'ESTALE',
  ],
  ['link of nothing', (t) => t.fs.link(t.me, t.missing, t.at('x')), 'ESTALE', 'ENOENT'],
  ['unlink of a name that is not there', (t) => t.fs.unlink(t.me, t.at('none')), 'ENOENT'],
  [
    'unlink of a directory',
    async (t) => (await t.mkdir('d'), t.fs.unlink(t.me, t.at('d'))),
    'EISDIR',
    'EPERM',
  ],
  ['unlink in a file', async (t) => t.fs.unlink(t.me, t.at('x', await file(t))), 'ENOTDIR'],
  ['rmdir of a name that is not there', (t) => t.fs.rmdir(t.me, t.at('none')), 'ENOENT'],
  ['rmdir of a file', async (t) => (await file(t), t.fs.rmdir(t.me, t.at('file'))), 'ENOTDIR'],
  [
    'rmdir of a symbolic link',
    async (t) => (await t.symlink('l', 'x'), t.fs.rmdir(t.me, t.at('l'))),
    'ENOTDIR',
  ],
  ['rmdir in a file', async (t) => t.fs.rmdir(t.me, t.at('x', await file(t))), 'ENOTDIR'],
  [
    'rmdir of a directory that is not empty',
    async (t) => {
      await t.fs.mknod(t.me, t.at('x', (await t.mkdir('d')).node), { mode: S_IFDIR });
      await t.fs.rmdir(t.me, t.at('d'));
    },
    'ENOTEMPTY',
  ],
  ['open of nothing', (t) => t.open(t.missing, R), 'ESTALE'],
  ['readdir of a file', async (t) => t.fs.readdir(t.me, await file(t), 0, 10), 'ENOTDIR'],
  ['readdir of nothing', (t) => t.fs.readdir(t.me, t.missing, 0, 10), 'ENOENT', 'ESTALE'],
  ['getxattr of nothing', (t) => t.fs.getxattr(t.me, t.missing, name('user.a')), 'ESTALE'],
  ['setxattr of nothing', (t) => t.fs.setxattr(t.me, t.missing, name('user.a'), value, 'set'), 'ESTALE'],
  ['removexattr of nothing', (t) => t.fs.removexattr(t.me, t.missing, name('user.a')), 'ESTALE'],
  ['listxattr of nothing', (t) => t.fs.listxattr(t.me, t.missing), 'ESTALE'],
  ['sync of nothing', (t) => t.fs.sync(t.me, t.missing), 'ESTALE'],
  ['versions of nothing', (t) => t.fs.versions(t.me, t.missing, 0, 1), 'ESTALE'],
  ['a version of nothing', (t) => t.fs.readVersion(t.me, t.missing, 1, new Uint8Array(1), 0), 'ESTALE'],
];

export const errorCases: readonly Case[] = [
  ...table.map(
    ([title, call, ...codes]): Case => ({
      title: `${title} is ${codes.join(' or ')} (FS-3)`,
      ...(title.includes('version') ? { needs: 'versions' as const } : {}),
      ...(title.includes('xattr') ? { needs: 'xattrs' as const } : {}),
      run: (t) => fails(call(t), ...codes),
    }),
  ),
  {
    title: 'O_TMPFILE in what is no directory is ENOTDIR (FS-3)',
    needs: 'tmpfile',
    run: async (t) => {
      await fails(t.fs.tmpfile(t.me, await file(t), 0o600, RW), 'ENOTDIR');
    },
  },
  {
    title: 'a refused create leaves nothing behind (FS-3)',
    run: async (t) => {
      const node = await t.put('f', 'kept');
      for (let i = 0; i < 5; i++) await fails(t.create('f'), 'EEXIST');
      if ((await t.lookup('f')).node !== node || (await t.text(node)) !== 'kept')
        throw new Error('the file changed');
    },
  },
];
