/**
 * Power cut: the data directory lies on an ext4 image; right after fsync returned the image is copied as it is,
 * and a second daemon starts on the copy. What was synced must be there and whole, of files still open too (FS-4).
 */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mountNexus, whyNoMounts, type MountedNexus } from '../mount/harness.ts';
import { attempt, shell } from '../programs/shell.ts';

/** `act` is Python run in the tree, the files it opened stay open while the image is copied; `check` runs on the copy. */
interface Scenario {
  readonly name: string;
  readonly act: string;
  readonly check: string;
}

const big = "b''.join(b'%015d\\n' % i for i in range(70000))";

const scenarios: Scenario[] = [
  {
    name: 'a small file, fsync',
    act: "f = open('a', 'wb', 0); f.write(b'small'); fsync(f)",
    check: "assert read('a') == b'small'",
  },
  {
    name: 'a small file, fdatasync',
    act: "f = open('a', 'wb', 0); f.write(b'small'); os.fdatasync(f.fileno())",
    check: "assert read('a') == b'small'",
  },
  {
    name: 'a file of 1 MiB',
    act: `f = open('a', 'wb', 0); f.write(${big}); fsync(f)`,
    check: `assert read('a') == ${big}`,
  },
  {
    name: 'closed, then synced',
    act: `f = open('a', 'wb', 0); f.write(${big}); f.close(); g = open('a', 'rb'); fsync(g)`,
    check: `assert read('a') == ${big}`,
  },
  {
    name: 'O_SYNC',
    act: "fd = os.open('a', os.O_CREAT | os.O_WRONLY | os.O_SYNC); os.write(fd, b'x' * 5000)",
    check: "assert read('a') == b'x' * 5000",
  },
  {
    name: 'O_DSYNC appended',
    act: "fd = os.open('a', os.O_CREAT | os.O_WRONLY | os.O_DSYNC | os.O_APPEND)\nfor i in range(9): os.write(fd, b'%d' % i)",
    check: "assert read('a') == b'012345678'",
  },
  {
    name: 'the directory of a new file',
    act: "open('a', 'wb').close(); os.mkdir('d'); fsyncdir('.')",
    check: "assert read('a') == b'' and os.path.isdir('d')",
  },
  {
    name: 'write, rename, fsync of the directory',
    act: "f = open('t', 'wb', 0); f.write(b'new'); fsync(f); f.close(); os.rename('t', 'a'); fsyncdir('.')",
    check: "assert read('a') == b'new' and not os.path.exists('t')",
  },
  {
    name: 'unlink, fsync of the directory',
    act: "open('a', 'wb').close(); open('b', 'wb').close(); os.unlink('a'); fsyncdir('.')",
    check: "assert os.listdir('.') == ['b']",
  },
  {
    name: 'overwritten in place',
    act: "f = open('a', 'wb', 0); f.write(b'1' * 9000); fsync(f); f.seek(100); f.write(b'2' * 100); fsync(f)",
    check: "assert read('a') == b'1' * 100 + b'2' * 100 + b'1' * 8800",
  },
  {
    name: 'a large file changed in place',
    act: `f = open('a', 'wb', 0)\nfor i in range(6): f.write(${big})\nf.close(); g = open('a', 'r+b', 0); g.seek(3000000); g.write(b'edit'); fsync(g)`,
    check: `c = read('a'); e = bytearray(${big} * 6); e[3000000:3000004] = b'edit'; assert c == bytes(e)`,
  },
  {
    name: 'truncated',
    act: `f = open('a', 'wb', 0); f.write(${big}); fsync(f); f.truncate(1000); fsync(f)`,
    check: `assert read('a') == ${big}[:1000]`,
  },
  {
    name: 'twice, the second not synced',
    act: "f = open('a', 'wb', 0); f.write(b'one'); fsync(f); f.write(b'two')",
    check: "assert read('a') in (b'one', b'onetwo')",
  },
  {
    name: 'a hundred files',
    act: "for i in range(100):\n  f = open('f%d' % i, 'wb', 0); f.write(b'%d' % i * 50); fsync(f); f.close()",
    check: "assert all(read('f%d' % i) == b'%d' % i * 50 for i in range(100))",
  },
  {
    name: 'a mapping, msync',
    act: "f = open('a', 'w+b', 0); f.truncate(8192); m = mmap.mmap(f.fileno(), 8192); m[10:14] = b'page'; m.flush(); fsync(f)",
    check: "assert read('a')[10:14] == b'page'",
  },
  {
    name: 'mode, owner, attribute',
    act: "f = open('a', 'wb', 0); os.chmod('a', 0o640); os.chown('a', 7, 8); os.setxattr('a', 'user.k', b'v'); fsync(f)",
    check:
      "s = os.stat('a'); assert (s.st_mode & 0o777, s.st_uid, s.st_gid) == (0o640, 7, 8) and os.getxattr('a', 'user.k') == b'v'",
  },
];

const prelude = `import os, sys, mmap
def fsync(f): os.fsync(f.fileno())
def fsyncdir(d): fd = os.open(d, os.O_RDONLY); os.fsync(fd); os.close(fd)
def read(p): return open(p, 'rb').read()
`;

const reason = whyNoMounts() ?? (process.getuid?.() === 0 ? undefined : 'loop mounts need root');

/** An ext4 image mounted on a directory of its own. */
async function mountImage(work: string, image: string, name: string): Promise<string> {
  const dir = join(work, name);
  await mkdir(dir, { recursive: true });
  await shell('/', `mount -o loop ${image} ${dir}`);
  return dir;
}

describe.skipIf(reason !== undefined).each([true, false])('power cut with passthrough %s', (passthrough) => {
  let work: string;
  let mounted: MountedNexus;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'nexus-power.'));
    await shell(
      '/',
      `truncate -s 400M ${work}/disk && mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 ${work}/disk`,
    );
    const disk = await mountImage(work, join(work, 'disk'), 'on');
    mounted = await mountNexus({ passthrough, data: join(disk, 'data') });
  });
  afterAll(async () => {
    await mounted[Symbol.asyncDispose]();
    await attempt('/', `umount ${work}/on || umount -l ${work}/on`);
    await rm(work, { recursive: true, force: true });
  });

  it.each(scenarios)('keeps: $name (FS-4)', { timeout: 120_000 }, async (scenario) => {
    const folder = scenario.name.replace(/\W+/g, '-');
    const child = spawn(
      'python3',
      [
        '-c',
        `${prelude}os.makedirs(sys.argv[1]); os.chdir(sys.argv[1])\n${scenario.act}\nprint('synced', flush=True); sys.stdin.read()`,
        `${mounted.dirs[0]}/workspace/${folder}`,
      ],
      { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] },
    );
    try {
      const said = await new Promise<string>((resolve) => {
        child.stdout.once('data', (data: Buffer) => resolve(data.toString()));
        child.once('exit', (code) => resolve(`exit ${code}`));
      });
      expect(said.trim()).toBe('synced');
      await shell('/', `cp --sparse=always ${work}/disk ${work}/copy`);
    } finally {
      child.stdin.end();
    }
    const disk = await mountImage(work, join(work, 'copy'), 'after');
    try {
      await using second = await mountNexus({ passthrough, data: join(disk, 'data') });
      const dir = `${second.dirs[0]}/workspace/${folder}`;
      const outcome = await attempt(dir, `python3 - <<'PY'\n${prelude}${scenario.check}\nPY`);
      expect(outcome.code, outcome.err).toBe(0);
      const fsck = await second.nexus(['fsck', '--json']);
      expect(fsck.code, fsck.stdout + fsck.stderr).toBe(0);
    } finally {
      await attempt('/', `umount ${disk} || umount -l ${disk}`);
    }
  });

  it('sqlite with synchronous=EXTRA loses no transaction (FS-4)', { timeout: 120_000 }, async () => {
    const db = `${mounted.dirs[0]}/workspace/${passthrough ? 'p' : 'n'}.db`;
    await shell(
      '/',
      `sqlite3 ${db} "pragma synchronous=EXTRA; create table t(a); insert into t values (1);"`,
    );
    await shell(
      '/',
      `for i in 2 3 4 5; do sqlite3 ${db} "pragma synchronous=EXTRA; insert into t values ($i);"; done; cp --sparse=always ${work}/disk ${work}/copy`,
    );
    const disk = await mountImage(work, join(work, 'copy'), 'after');
    try {
      await using second = await mountNexus({ passthrough, data: join(disk, 'data') });
      const copy = `${second.dirs[0]}/workspace/${passthrough ? 'p' : 'n'}.db`;
      expect(
        await shell('/', `sqlite3 ${copy} "pragma integrity_check; select group_concat(a) from t;"`),
      ).toBe('ok\n1,2,3,4,5\n');
    } finally {
      await attempt('/', `umount ${disk} || umount -l ${disk}`);
    }
  });
});
