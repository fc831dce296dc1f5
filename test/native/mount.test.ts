/** Mounting: by root through mount(2), by anybody through fusermount3. */
import { execFile } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Native } from '../../src/host/native.ts';
import { loadNative } from '../../src/host/native.ts';
import { buildNative, whyNoMount } from './mounted.ts';

const run = promisify(execFile);
const reason = whyNoMount();
let native: Native;
let dir: string;

beforeAll(async () => {
  await buildNative();
  native = loadNative();
});
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nexus-mount-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe.skipIf(reason !== undefined)(
  `mountRoot${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    it('mounts with the options given and unmounts (FS-8)', async () => {
      const point = join(dir, 'a b');
      mkdirSync(point);
      const fd = native.mountRoot(
        point,
        'source-name',
        'fuse.nexustest',
        2 | 4,
        'allow_other,max_read=65536',
      );
      try {
        const { stdout } = await run('grep', ['nexustest', '/proc/self/mountinfo']);
        expect(stdout).toContain('nosuid,nodev');
        expect(stdout).toContain('fuse.nexustest source-name');
        expect(stdout).toContain('allow_other,max_read=65536');
        const { stdout: flags } = await run('grep', ['flags', `/proc/${process.pid}/fdinfo/${fd}`]);
        expect(Number.parseInt(flags.split('\t')[1] ?? '', 8) & 0o2000000).not.toBe(0);
      } finally {
        native.unmount(point, false);
        closeSync(fd);
      }
      expect(() => native.unmount(point, false)).toThrow(
        expect.objectContaining({ code: 'EINVAL', syscall: 'umount2' }),
      );
    });

    it('says what failed on what', () => {
      const absent = join(dir, 'absent');
      expect(() => native.mountRoot(absent, 's', 'fuse', 0, '')).toThrow(
        expect.objectContaining({
          code: 'ENOENT',
          errno: -2,
          message: expect.stringContaining(absent) as string,
        }),
      );
      const before = readdirSync('/proc/self/fd').length;
      expect(() => native.mountRoot(dir, 's', 'fuse', 0, 'no_such_option')).toThrow(
        expect.objectContaining({ code: 'EINVAL', syscall: 'mount' }),
      );
      expect(readdirSync('/proc/self/fd').length).toBe(before);
    });
  },
);

describe('mountUser', () => {
  const source = fileURLToPath(new URL('./child/pass-descriptor.c', import.meta.url));
  let tools: string;
  let program: string;

  async function played(play: string): Promise<unknown> {
    process.env['PLAY'] = play;
    try {
      return await native.mountUser(program, dir, 'ro,fsname=x').catch((error: unknown) => error);
    } finally {
      delete process.env['PLAY'];
    }
  }

  beforeAll(async () => {
    tools = mkdtempSync(join(tmpdir(), 'nexus-tools-'));
    program = join(tools, 'pass-descriptor');
    await run('g++', ['-x', 'c', source, '-o', program]);
  });
  afterAll(() => {
    rmSync(tools, { recursive: true, force: true });
  });

  it('resolves to the descriptor that the program passes (FS-9)', async () => {
    const fds = await Promise.all([1, 2, 3, 4, 5, 6].map(() => native.mountUser(program, dir, '')));
    expect(new Set(fds).size).toBe(6);
    for (const fd of fds) {
      expect(fstatSync(fd).ino).toBe(statSync(dir).ino);
      closeSync(fd);
    }
  });

  it('rejects with what the program printed, however much, and keeps nothing open (FS-9)', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const refused = await played('refuse');
    expect((refused as Error).message).toMatch(/^fusermount3: you may not\n/);
    expect((refused as Error).message.length).toBeLessThan(6000);
    // It passed a descriptor, then failed.
    expect(await played('late')).toMatchObject({ message: `arguments: -o ro,fsname=x -- ${dir}` });
    expect(await played('silent')).toMatchObject({ message: `${program} ended with status 3` });
    expect(await played('killed')).toMatchObject({ message: `${program} was ended by signal 6` });
    expect(await played('nothing')).toMatchObject({ message: `${program} passed no descriptor back` });
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('says that the program is absent, and refuses auto_unmount (FS-9)', async () => {
    await expect(native.mountUser('no-such-fusermount', dir, '')).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'posix_spawn',
      message: expect.stringContaining('no-such-fusermount') as string,
    });
    expect(() => native.mountUser(program, dir, 'auto_unmount')).toThrow('without auto_unmount');
  });

  it.skipIf(reason !== undefined)(
    'mounts through fusermount3 where it is installed (FS-9)',
    async ({ skip }) => {
      const found = await run('fusermount3', ['--version']).catch(() => undefined);
      if (found === undefined) skip('fusermount3 is not installed');
      const fd = await native.mountUser('fusermount3', dir, 'fsname=nexus-user');
      try {
        const { stdout } = await run('grep', [dir, '/proc/self/mountinfo']);
        expect(stdout).toContain('nexus-user');
      } finally {
        await run('fusermount3', ['-u', '-z', dir]);
        closeSync(fd);
      }
    },
  );
});
