/** Mounts as their users meet them: commands of the shell on directories, through the kernel. */
import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { daemonPid, directoryOf, mountNexus, project, run, whyNoMounts } from './harness.ts';
import type { MountedNexus } from './harness.ts';

const reason = whyNoMounts();
const noUsers = whyNoMounts(65_534);
const nobody = 65_534;

/** Runs a script of the shell; `$1`, `$2`… are the volume as each mount shows it. */
async function shell(nexus: MountedNexus, script: string): Promise<string> {
  const volumes = nexus.dirs.map((dir) => join(dir, 'workspace'));
  const { code, stdout, stderr } = await run('bash', ['-euc', script, 'bash', ...volumes]);
  if (code !== 0) throw new Error(`exit code ${code}: ${stdout}${stderr}`);
  return stdout;
}

function versionsOf(nexus: MountedNexus, path: string): Promise<readonly { size: number; author: string }[]> {
  return nexus.json(['versions', path]) as Promise<readonly { size: number; author: string }[]>;
}

describe.skipIf(reason !== undefined)(`a mount${reason === undefined ? '' : ` (${reason})`}`, () => {
  it('is there when the command returns, and gone when umount returns (FS-1, FS-8)', async () => {
    await using nexus = await mountNexus();
    expect(await shell(nexus, 'findmnt -no FSTYPE,SOURCE "$1/.."')).toContain('fuse.nexus');
    await shell(nexus, 'echo hello > "$1/f"; [ "$(cat "$1/f")" = hello ]');
    expect((await nexus.nexus(['umount', nexus.dir])).code).toBe(0);
    expect((await run('ls', [nexus.dir])).stdout).toBe('');
    await nexus.remount();
    expect(await shell(nexus, 'cat "$1/f"')).toBe('hello\n');
  });

  it('makes one version a close after a change, by the subject of the mount (VER-1, ID-1)', async () => {
    await using nexus = await mountNexus({ mounts: 2, as: ['user:alice', 'agent:builder'] });
    await shell(
      nexus,
      'for i in 1 2; do echo "version $i" > "$1/f"; done; echo three >> "$2/f"; cat "$1/f" > /dev/null',
    );
    const versions = await versionsOf(nexus, '/workspace/f');
    expect(versions.map(({ author }) => author)).toEqual(['user:alice', 'user:alice', 'agent:builder']);
    expect(versions.map(({ size }) => size)).toEqual([10, 10, 16]);
    expect((await nexus.nexus(['cat', '/workspace/f@2'])).stdout).toBe('version 2\n');
  });

  it('makes one version of a redirection, and one of a file that is emptied (VER-1)', async () => {
    await using nexus = await mountNexus();
    await shell(nexus, 'echo full > "$1/f"; : > "$1/f"');
    await expect
      .poll(async () => (await versionsOf(nexus, '/workspace/f')).map(({ size }) => size))
      .toEqual([5, 0]);
  });

  it('shows changes of one mount in the others at once (FS-11)', async () => {
    await using nexus = await mountNexus({ mounts: 2 });
    await shell(
      nexus,
      `for i in $(seq 20); do
         [ ! -e "$2/n$i" ]; echo "$i" > "$1/n$i"; [ "$(cat "$2/n$i")" = "$i" ]
         echo more >> "$2/n$i"; [ "$(stat -c %s "$1/n$i")" = "$(($(printf %s "$i" | wc -c) + 6))" ]
         mv "$1/n$i" "$1/m$i"; [ ! -e "$2/n$i" ]; [ -e "$2/m$i" ]
         chmod 600 "$2/m$i"; [ "$(stat -c %a "$1/m$i")" = 600 ]
         ln "$1/m$i" "$1/l$i"; [ "$(stat -c %h "$2/m$i")" = 2 ]
         rm "$2/m$i" "$2/l$i"; [ ! -e "$1/m$i" ]
       done
       mkdir "$1/d"; touch "$2/d/x"; [ "$(ls "$1/d")" = x ]; rm -r "$2/d"; [ "$(ls "$1")" = "" ]`,
    );
  });

  it('shows what another mount is writing, byte for byte (FS-11)', async () => {
    await using nexus = await mountNexus({ mounts: 2 });
    await shell(
      nexus,
      `echo start > "$1/f"; cat "$2/f" > /dev/null; stat "$2/f" > /dev/null
       exec 5>> "$1/f"
       for i in $(seq 50); do
         echo "line $i" >&5
         [ "$(tail -1 "$2/f")" = "line $i" ]
         [ "$(stat -c %s "$1/f")" = "$(stat -c %s "$2/f")" ]
       done`,
    );
  });

  it.each([[], ['--no-passthrough']])(
    'keeps appending at the end, whoever made the file longer meanwhile %s (FS-2, FS-11)',
    async (...options) => {
      await using nexus = await mountNexus({ mounts: 2, options });
      // With a set-id bit the kernel does no I/O by itself: it appends where it believes the end is.
      const script = `
import os, sys
here, there = sys.argv[1] + '/f', sys.argv[2] + '/f'
with open(here, 'wb') as f: f.write(b'start ')
os.chmod(here, 0o4755)
with open(here, 'ab+', buffering=0) as log:
    log.write(b'one ')
    with open(there, 'r+b') as f: f.seek(16384); f.write(b'x' * 195)
    log.write(b'y' * 262145)
    end = 16384 + 195
    assert os.pread(log.fileno(), 100000, 16384) == (b'x' * 195 + b'y' * 100000)[:100000], 'what was appended'
    assert os.fstat(log.fileno()).st_size == end + 262145, 'size'
for path in (here, there):
    data = open(path, 'rb').read()
    assert data == b'start one ' + bytes(16384 - 10) + b'x' * 195 + b'y' * 262145, path
`;
      const { code, stderr } = await run('python3', [
        '-c',
        script,
        ...nexus.dirs.map((dir) => `${dir}/workspace`),
      ]);
      expect(stderr).toBe('');
      expect(code).toBe(0);
    },
  );

  it.each([[], ['--no-passthrough']])(
    'takes every line that several programs append through two mounts, whole %s (FS-2, FS-11)',
    async (...options) => {
      await using nexus = await mountNexus({ mounts: 2, options });
      const writer = `
import os, random, sys
me = sys.argv[1]
for i in range(300):
    fd = os.open(random.choice(sys.argv[2:]) + '/log', os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, ('%s-%d ' % (me, i)).encode() + me.encode() * random.randrange(400) + b'\\n')
    os.close(fd)
`;
      const writers = ['a', 'b', 'c'];
      const volumes = nexus.dirs.map((dir) => `${dir}/workspace`);
      const ends = await Promise.all(writers.map((me) => run('python3', ['-c', writer, me, ...volumes])));
      expect(ends.map(({ stderr }) => stderr)).toEqual(['', '', '']);
      for (const volume of volumes) {
        const { stdout } = await run('cat', [`${volume}/log`]);
        const lines = stdout.split('\n').slice(0, -1);
        expect(lines.filter((line) => !/^([abc])-\d+ \1*$/.test(line))).toEqual([]);
        expect(new Set(lines.map((line) => line.split(' ')[0])).size).toBe(900);
      }
    },
  );

  it('shows the changes of commands (FS-11)', async () => {
    await using nexus = await mountNexus();
    await shell(nexus, '[ ! -e "$1/f" ]; ls "$1" > /dev/null');
    await nexus.nexus(['write', '/workspace/f', '--text', 'from outside']);
    expect(await shell(nexus, 'ls "$1"; cat "$1/f"')).toBe('f\nfrom outside');
    await nexus.nexus(['write', '/workspace/f', '--text', 'again']);
    expect(await shell(nexus, 'cat "$1/f"')).toBe('again');
    await nexus.nexus(['rm', '/workspace/f']);
    expect(await shell(nexus, '[ -e "$1/f" ] || echo gone')).toBe('gone\n');
  });

  it('lets nothing be changed through a read-only one (FS-3)', async () => {
    await using nexus = await mountNexus({ readOnly: true });
    await nexus.nexus(['write', '/workspace/f', '--text', 'text']);
    const script = `cat "$1/f"; export LC_ALL=C
      for change in 'touch $1/n' 'rm $1/f' 'mkdir $1/d' 'mv $1/f $1/g' 'ln $1/f $1/g' 'chmod 600 $1/f' 'truncate -s 0 $1/f' 'setfattr -n user.a $1/f'; do
        eval "$change" 2>&1 | grep -o 'Read-only file system' || echo "$change"
      done`;
    expect(await shell(nexus, script)).toBe(`text${'Read-only file system\n'.repeat(8)}`);
  });

  it('works without passthrough as well', async () => {
    await using nexus = await mountNexus({ passthrough: false });
    await shell(
      nexus,
      'head -c 3000000 /dev/urandom > /tmp/$$; cp /tmp/$$ "$1/f"; cmp /tmp/$$ "$1/f"; rm /tmp/$$',
    );
    const state = (await nexus.json(['status'])) as {
      mounts: { passthrough: boolean; operations: Record<string, { count: number }> }[];
    };
    expect(state.mounts[0]).toMatchObject({ passthrough: false });
    expect(
      Object.values(state.mounts[0]!.operations).reduce((sum, each) => sum + each.count, 0),
    ).toBeGreaterThan(10);
  });

  it('ends in order on SIGTERM: unmounted, everything kept (FS-8)', async () => {
    await using nexus = await mountNexus({ mounts: 2 });
    await shell(nexus, 'for i in $(seq 20); do echo $i > "$1/$i"; done');
    const pid = await nexus.pid();
    process.kill(pid, 'SIGTERM');
    await expect.poll(() => daemonPid(nexus.data), { timeout: 60_000 }).toBeUndefined();
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    for (const dir of nexus.dirs) expect(mounts).not.toContain(` ${dir} `);
    await nexus.remount();
    expect((await shell(nexus, 'ls "$2"')).trim().split('\n').length).toBe(20);
  });

  it('keeps what was acknowledged over a kill, files still open included (FS-5)', async () => {
    await using nexus = await mountNexus();
    const pid = daemonPid(nexus.data)!;
    await run('bash', [
      '-c',
      `cd "$1"; for i in $(seq 50); do echo $i > $i; done; exec 5> open; echo written >&5; kill -9 ${pid}`,
      'x',
      nexus.workspace,
    ]);
    await nexus.remount();
    expect(await shell(nexus, 'for i in $(seq 50); do [ "$(cat "$1/$i")" = $i ]; done; cat "$1/open"')).toBe(
      'written\n',
    );
    expect((await nexus.nexus(['fsck', '--deep'])).code).toBe(0);
  });

  it.skipIf(noUsers !== undefined || process.getuid?.() !== 0)(
    `works for an ordinary user${noUsers === undefined ? '' : ` (${noUsers})`} (FS-9)`,
    async () => {
      await using nexus = await mountNexus({ mounts: 0 });
      chmodSync(nexus.root, 0o755);
      const dir = await directoryOf(nobody, nexus.root, 'mnt');
      const data = await directoryOf(nobody, nexus.root, 'userdata');
      const how = { uid: nobody, env: { NEXUS_DATA: data, HOME: nexus.root } };
      const cli = (...args: string[]): ReturnType<typeof run> =>
        run(process.execPath, [join(project, 'dist/cli/main.js'), ...args], how);
      expect(await cli('mount', dir)).toMatchObject({ code: 0 });
      try {
        const script =
          'cd "$1/workspace" && echo mine > f && stat -c %u:%a f && cat f && ln -s f s && mkdir d && mv f d/ && ls d';
        expect(await run('bash', ['-c', script, 'x', dir], how)).toMatchObject({
          code: 0,
          stdout: '65534:644\nmine\nf\n',
        });
        process.kill(daemonPid(data)!, 'SIGKILL');
        await expect.poll(() => daemonPid(data)).toBeUndefined();
        expect(await cli('mount', dir)).toMatchObject({ code: 0 });
        expect((await run('ls', [join(dir, 'workspace')], how)).stdout).toBe('d\ns\n');
        expect(await cli('umount', dir)).toMatchObject({ code: 0 });
        expect((await run('findmnt', ['-n', dir])).stdout).toBe('');
      } finally {
        await cli('stop');
        await run('umount', ['-l', dir]);
      }
    },
  );
});
