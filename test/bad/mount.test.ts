import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/api/failure.ts';
import type { FailureKind } from '../../src/api/failure.ts';
import { directoryOf, mountNexus, project, run, whyNoMounts } from '../mount/harness.ts';
import type { MountedNexus, Result } from '../mount/harness.ts';

const reason = whyNoMounts();
const root = process.getuid?.() === 0;
const nobody = 65_534;

function expectFailure(result: Result, kind: FailureKind, text: string | RegExp): void {
  expect(result.stderr).toMatch(text);
  expect(result.code).toBe(exitCodes[kind]);
  expect(result.stderr).toMatch(/^nexus [a-z]+: /m);
  expect(result.stderr).not.toMatch(/\n {4}at /);
}

function directory(nexus: MountedNexus, name: string): string {
  const dir = join(nexus.root, name);
  mkdirSync(dir);
  return dir;
}

describe.skipIf(reason !== undefined)(
  `mounting where it cannot work${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    it('refuses a directory that is missing, no directory, or not empty', async () => {
      await using nexus = await mountNexus({ mounts: 0 });
      const none = join(nexus.root, 'none');
      expectFailure(
        await nexus.nexus(['mount', none]),
        'dir-missing',
        `${none} does not exist: \`mkdir -p ${none}\` makes it`,
      );
      const file = join(nexus.root, 'file');
      writeFileSync(file, '');
      expectFailure(await nexus.nexus(['mount', file]), 'dir-not-directory', `${file} is not a directory`);
      expectFailure(
        await nexus.nexus(['mount', join(file, 'below')]),
        'dir-not-directory',
        'not a directory',
      );
      const full = directory(nexus, 'full');
      writeFileSync(join(full, 'precious'), '');
      expectFailure(await nexus.nexus(['mount', full]), 'dir-not-empty', `${full} is not empty`);
      expect((await nexus.nexus(['mount', '--allow-non-empty', full])).code).toBe(0);
      expect((await run('ls', [full])).stdout).toBe('workspace\n');
      expect((await nexus.nexus(['umount', full])).code).toBe(0);
      expect((await run('ls', [full])).stdout).toBe('precious\n');
    });

    it('refuses a directory that is mounted: by this daemon, by another, by another file system', async () => {
      await using nexus = await mountNexus();
      expectFailure(
        await nexus.nexus(['mount', nexus.dir]),
        'dir-mounted-here',
        `${nexus.dir} is mounted already`,
      );
      const link = join(nexus.root, 'link');
      symlinkSync(nexus.dir, link);
      expectFailure(
        await nexus.nexus(['mount', link]),
        'dir-mounted-here',
        `${nexus.dir} is mounted already`,
      );
      await using other = await mountNexus({ mounts: 0 });
      expectFailure(
        await other.nexus(['mount', nexus.dir]),
        'dir-mounted-otherwise',
        'a Nexus mount of another daemon',
      );
      expectFailure(
        await nexus.nexus(['mount', '/proc']),
        'dir-mounted-otherwise',
        /\/proc is a mount point of proc \(proc\)/,
      );
      expect((await run('ls', [nexus.dir])).stdout).toBe('workspace\n');
    });

    it('refuses a directory inside a mount, and one that overlaps the data directory', async () => {
      await using nexus = await mountNexus();
      const inside = join(nexus.workspace, 'inside');
      expect((await run('mkdir', [inside])).code).toBe(0);
      expectFailure(await nexus.nexus(['mount', inside]), 'dir-inside-mount', 'lies inside a Nexus mount');
      await using other = await mountNexus({ mounts: 0 });
      expectFailure(await other.nexus(['mount', inside]), 'dir-inside-mount', 'lies inside a Nexus mount');
      const env = { NEXUS_DATA: join(nexus.workspace, 'data') };
      expectFailure(
        await other.nexus(['mount', directory(other, 'm')], { env }),
        'dir-inside-mount',
        'lies inside a Nexus mount',
      );
      const below = join(nexus.data, 'm');
      mkdirSync(below);
      expectFailure(
        await nexus.nexus(['mount', below]),
        'dir-overlaps-data',
        'lies inside the data directory',
      );
      const args = ['mount', '--allow-non-empty', nexus.root];
      expectFailure(await nexus.nexus(args), 'dir-overlaps-data', 'contains the data directory');
    });

    it('refuses subjects and zones that are none', async () => {
      await using nexus = await mountNexus({ mounts: 0 });
      const dir = directory(nexus, 'm');
      for (const as of ['alice', 'agent:', 'agent:a b', 'Agent:x']) {
        expectFailure(
          await nexus.nexus(['mount', dir, '--as', as]),
          'usage',
          'a subject looks like user:alice',
        );
      }
      expectFailure(await nexus.nexus(['mount', dir, '--zone', 'a/b']), 'usage', 'a zone is a name');
    });

    it('recovers a dead mount, once and three times (FS-8)', async () => {
      await using nexus = await mountNexus();
      for (let i = 0; i < 3; i++) {
        await run('sh', ['-c', `echo ${i} > ${nexus.workspace}/f${i}`]);
        await nexus.kill9();
        // ECONNABORTED for a call that was under way when the last descriptor of the server was closed.
        expect((await run('stat', ['-f', nexus.dir], { env: { LC_ALL: 'C' } })).stderr).toMatch(
          /not connected|connection abort/,
        );
        const { stderr, code } = await nexus.nexus(['mount', nexus.dir]);
        expect(code).toBe(0);
        expect(stderr).toContain(`${nexus.dir} was left by a daemon that is gone: recovering it`);
        expect((await run('cat', [join(nexus.workspace, `f${i}`)])).stdout).toBe(`${i}\n`);
      }
      const mounts = (await run('findmnt', ['-n', nexus.dir])).stdout;
      expect(mounts.trim().split('\n').length).toBe(1);
    });

    it('unmounts a dead mount, and tells what is no mount (FS-8)', async () => {
      await using nexus = await mountNexus();
      await nexus.kill9();
      expect((await nexus.nexus(['umount', nexus.dir])).code).toBe(0);
      expect((await run('findmnt', ['-n', nexus.dir])).stdout).toBe('');
      expectFailure(await nexus.nexus(['umount', nexus.dir]), 'not-mounted', `${nexus.dir} is not mounted`);
      expectFailure(await nexus.nexus(['umount', join(nexus.root, 'none')]), 'not-mounted', 'is not mounted');
      expectFailure(await nexus.nexus(['umount', '/proc']), 'not-mounted', 'no Nexus mount');
    });

    it('does not take away a mount in use, unless told to', async () => {
      await using nexus = await mountNexus();
      const script = `cd "$1/workspace" && exec 3>held && "$2" umount "$1"; echo "code $?"; "$2" umount --lazy "$1"; echo "code $?"; echo late >&3 && echo written`;
      const { stdout, stderr } = await run(
        'bash',
        ['-c', script, 'x', nexus.dir, join(project, 'scripts/nexus')],
        {
          env: { NEXUS_DATA: nexus.data },
        },
      );
      expect(stderr).toContain('is in use');
      expect(stdout).toContain(`code ${exitCodes['mount-busy']}\n`);
      expect(stdout).toContain('code 0\n');
      expect((await nexus.json(['status'])) as { mounts: unknown[] }).toMatchObject({ mounts: [] });
    });

    it('unmounts from another data directory what a living daemon has', async () => {
      await using nexus = await mountNexus();
      await using other = await mountNexus({ mounts: 0 });
      expect((await other.nexus(['umount', nexus.dir])).code).toBe(0);
      await expect
        .poll(async () => ((await nexus.json(['status'])) as { mounts: unknown[] }).mounts.length, {
          timeout: 30_000,
        })
        .toBe(0);
      await nexus.remount();
      expect((await run('ls', [nexus.dir])).stdout).toBe('workspace\n');
    });

    it('stays in the foreground until Ctrl-C, and unmounts then (FS-8)', async () => {
      await using nexus = await mountNexus({ mounts: 0 });
      const dir = directory(nexus, 'm');
      const script = `"$2" mount --foreground "$1" & pid=$!
      for i in $(seq 300); do [ -d "$1/workspace" ] && break; sleep 0.1; done
      echo hi > "$1/workspace/f"; kill -INT $pid; wait $pid; echo "code $?"`;
      // bash starts background jobs with SIGINT ignored unless it controls jobs.
      const { stdout } = await run('bash', ['-m', '-c', script, 'x', dir, join(project, 'scripts/nexus')], {
        env: { NEXUS_DATA: nexus.data },
      });
      expect(stdout).toBe('code 0\n');
      expect((await run('findmnt', ['-n', dir])).stdout).toBe('');
      expect((await nexus.nexus(['status'])).code).toBe(exitCodes.unreachable);
      expect((await nexus.nexus(['cat', '/workspace/f'])).stdout).toBe('hi\n');
    });

    it.skipIf(!root)('says what is missing: /dev/fuse', async () => {
      await using nexus = await mountNexus({ mounts: 0 });
      const dir = directory(nexus, 'm');
      const script = `mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 && exec "$2" mount "$1"`;
      const args = ['-m', 'bash', '-c', script, 'x', dir, join(project, 'scripts/nexus')];
      const result = await run('unshare', args, { env: { NEXUS_DATA: nexus.data } });
      expectFailure(
        result,
        'fuse-unavailable',
        '/dev/fuse does not exist: load the module with `modprobe fuse`',
      );
    });

    it.skipIf(!root)('says what is missing for users: fusermount3', async () => {
      await using nexus = await mountNexus({ mounts: 0 });
      const dir = await directoryOf(nobody, nexus.root, 'm');
      const bin = directory(nexus, 'bin');
      symlinkSync(process.execPath, join(bin, 'node'));
      const args = [join(project, 'dist/cli/main.js'), 'mount', dir];
      const env = { NEXUS_DATA: join(dir, '../nodata'), PATH: bin };
      expectFailure(
        await run(process.execPath, args, { uid: nobody, env }),
        'fusermount-missing',
        'fusermount3 is not installed',
      );
      const doctor = await run(process.execPath, [join(project, 'dist/cli/main.js'), 'doctor'], {
        uid: nobody,
        env,
      });
      expect(doctor.code).toBe(exitCodes.problems);
      expect(doctor.stdout).toContain('to mend fuse: apt-get install fuse3');
    });
  },
);
