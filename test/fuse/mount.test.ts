/** Through a real kernel: the server in one process, its clients in others. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseMountInfo } from '../../src/fuse/mount-info.ts';
import { Client, isMounted, Mounts, removeClient, shell, whyNoMount } from './mounted.ts';

const reason = whyNoMount();
const suffix = reason === undefined ? '' : ` (skipped: ${reason})`;

it('reads mountinfo, escapes and optional fields included', () => {
  const lines = [
    '36 35 98:0 / /mnt/a\\040b\\134 rw,noatime master:1 propagate_from:2 - fuse.nexus the\\040source rw,errors=continue',
    '37 35 0:41 / /mnt/c ro - ext4 /dev/root rw',
    'nonsense',
  ];
  expect(parseMountInfo(lines.join('\n'))).toEqual([
    { path: '/mnt/a b\\', fsType: 'fuse.nexus', source: 'the source', device: '98:0', options: 'rw,noatime' },
    { path: '/mnt/c', fsType: 'ext4', source: '/dev/root', device: '0:41', options: 'ro' },
  ]);
});

describe.skipIf(reason !== undefined)(`a mount${suffix}`, () => {
  afterAll(removeClient);

  it.each([false, true])(
    'is a file system like any other (passthrough: %s) (FS-1, FS-2)',
    async (passthrough) => {
      await using mounts = await Mounts.open(1, { passthrough });
      const script = `
      cd "$A" && mkdir -p a/b && echo hello > a/b/file && cat a/b/file && mv a/b c && ls a c
      ln -s c/file link && cat link && ln c/file hard && stat -c '%h %F' hard && chmod 640 hard && stat -c %a c/file
      head -c 5000000 /dev/urandom > big && cp big copy && cmp big copy && stat -c %s copy
      echo more >> c/file && sed -i s/hello/HELLO/ c/file && cat c/file hard
      touch -d '1969-12-31 23:59:50.123456789 UTC' c/file && stat -c %y c/file
      truncate -s 3 big && wc -c < big && (exec 3<>copy; rm copy; stat -L -c %h /proc/self/fd/3)
      mkfifo fifo && stat -c %F fifo && mknod null c 1 3 && echo x > null && stat -c %t:%T null
      rm -rf c && ls && df --output=size . | tail -1
      setfattr -n user.a -v b big 2> /dev/null; [ -e absent ]; touch absent && [ -e absent ] && echo there`;
      expect(await shell(mounts, script)).toBe(
        `hello
a:

c:
file
hello
2 regular file
640
5000000
HELLO
more
hello
more
1969-12-31 23:59:50.123456789 +0000
3
0
fifo
1:3
a
big
fifo
hard
link
null
     4000
there
`,
      );
      expect(await shell(mounts, 'cat /sys/class/bdi/$(stat -c %Hd:%Ld "$A")/read_ahead_kb')).toMatch(
        /^(1024|128)\n$/,
      );
      mounts.stop();
      const { operations, malformed } = (await mounts.event('stats')) as unknown as {
        operations: Record<string, { count: number; p50: number; p99: number }>;
        malformed: number;
      };
      expect(malformed).toBe(0);
      expect(operations['lookup']?.count).toBeGreaterThan(5);
      expect(operations['lookup']?.p99).toBeGreaterThanOrEqual(operations['lookup']?.p50 ?? NaN);
      // With passthrough the kernel reads and writes by itself.
      expect((operations['write']?.count ?? 0) > 5).toBe(!passthrough);
    },
  );

  it("shows two mounts each other's names, attributes and content at once (FS-11)", async () => {
    await using mounts = await Mounts.open(2);
    const [A = '', B = ''] = mounts.dirs;
    using a = await Client.start();
    using b = await Client.start();
    // Each is asked before too, so that the kernel has something cached that is wrong afterwards.
    expect(await b.call(`list ${B}`)).toBe('ok');
    expect(await b.call(`size ${B}/new`)).toBe('ENOENT');
    expect(await a.call(`open 0 rw ${A}/new`)).toBe('ok');
    expect(await b.call(`size ${B}/new`)).toBe('ok 0');
    expect(await b.call(`list ${B}`)).toBe('ok new');
    expect(await b.call(`list ${B}`)).toBe('ok new');
    expect(await a.call('write 0 0 hello')).toBe('ok');
    expect(await b.call(`size ${B}/new`)).toBe('ok 5');
    expect(await b.call(`open 0 ro ${B}/new`)).toBe('ok');
    expect(await b.call('read 0 0 10')).toBe('ok hello');
    expect(await b.call('map 0 10')).toBe('EACCES');
    expect(await a.call('write 0 1 E')).toBe('ok');
    expect(await b.call('read 0 0 10')).toBe('ok hEllo');
    for (let i = 0; i < 30; i++) {
      expect(await a.call(`open 1 rw ${A}/f${i}`)).toBe('ok');
      expect((await b.call(`list ${B}`)).split(' ').length).toBe(i + 3);
      expect(await a.call('close 1')).toBe('ok');
    }
    expect(await shell(mounts, 'rm "$A"/f*; mv "$A/new" "$A/old"; ls "$B"')).toBe('old\n');
    expect(await b.call(`size ${B}/new`)).toBe('ENOENT');
    expect(await b.call(`list ${B}`)).toBe('ok old');
  });

  it('keeps listings cached, and drops them for its own changes (FS-2)', async () => {
    await using mounts = await Mounts.open(1);
    const [A = ''] = mounts.dirs;
    using client = await Client.start();
    await shell(mounts, 'touch "$A/a" "$A/b"');
    for (let i = 0; i < 20; i++) expect(await client.call(`list ${A}`)).toBe('ok a b');
    await shell(mounts, 'mv "$A/a" "$A/c"');
    expect(await client.call(`list ${A}`)).toBe('ok b c');
    await shell(mounts, 'rm "$A/b"; ln -s x "$A/a"; mkdir "$A/d"');
    expect(await client.call(`list ${A}`)).toBe('ok a c d');
    mounts.stop();
    const { operations } = (await mounts.event('stats')) as unknown as {
      operations: Record<string, { count: number }>;
    };
    expect((operations['readdir']?.count ?? 0) + (operations['readdirplus']?.count ?? 0)).toBeLessThan(12);
    expect(operations['opendir']?.count).toBe(1);
  });

  it('maps files into memory, shared between processes of one mount (FS-2)', async () => {
    await using mounts = await Mounts.open(1);
    const [A = ''] = mounts.dirs;
    using a = await Client.start();
    using b = await Client.start();
    expect(await a.call(`open 0 rw ${A}/file`)).toBe('ok');
    expect(await a.call('write 0 0 hello')).toBe('ok');
    expect(await a.call('map 0 5')).toBe('ok');
    expect(await a.call('peek 0 5')).toBe('ok hello');
    expect(await b.call(`open 0 rw ${A}/file`)).toBe('ok');
    expect(await b.call('map 0 5')).toBe('ok');
    expect(await a.call('poke 1 E')).toBe('ok');
    expect(await b.call('peek 0 5')).toBe('ok hEllo');
    expect(await b.call('read 0 0 5')).toBe('ok hEllo');
  });

  it('locks between two mounts, waits, is interrupted, finds deadlocks (FS-2, FS-11)', async () => {
    await using mounts = await Mounts.open(2);
    const [A = '', B = ''] = mounts.dirs;
    using a = await Client.start();
    using b = await Client.start();
    expect(await a.call(`open 0 rw ${A}/file`)).toBe('ok');
    expect(await b.call(`open 0 rw ${B}/file`)).toBe('ok');
    expect(await a.call('posix 0 w 0 10')).toBe('ok');
    expect(await b.call('posix 0 r 9 1')).toBe('EAGAIN');
    expect(await b.call('getlk 0 r 0 100')).toBe(`ok w 0 10 ${a.pid}`);
    await b.call('alarm 200');
    expect(await b.call('posixw 0 r 9 1')).toBe('EINTR');
    // Closing any descriptor of the file gives its locks up.
    expect(await a.call(`open 1 ro ${A}/file`)).toBe('ok');
    expect(await a.call('close 1')).toBe('ok');
    expect(await b.call('posix 0 r 9 1')).toBe('ok');
    expect(await a.call('posix 0 w 0 1')).toBe('ok');
    const waiting = b.call('posixw 0 w 0 1');
    // Whichever of the two asks second is refused; the other has its lock when that one gives up.
    const [mine, theirs] = await Promise.all([
      a.call('posixw 0 w 9 1').then(async (answer) => [answer, await a.call('posix 0 u 0 0')]),
      waiting.then(async (answer) => [answer, await b.call('posix 0 u 0 0')]),
    ]);
    expect([mine[0], theirs[0]].sort()).toEqual(['EDEADLK', 'ok']);
    expect([mine[1], theirs[1]]).toEqual(['ok', 'ok']);
    expect(await a.call('flock 0 ex nb')).toBe('ok');
    expect(await b.call('flock 0 sh nb')).toBe('EAGAIN');
    const shared = b.call('flock 0 sh wait');
    expect(await a.call('close 0')).toBe('ok');
    expect(await shared).toBe('ok');
  });

  it('gives locks up with the last descriptor, of readers and open file descriptions too (FS-2)', async () => {
    await using mounts = await Mounts.open(1);
    const [A = ''] = mounts.dirs;
    using a = await Client.start();
    using b = await Client.start();
    await shell(mounts, 'touch "$A/file"');
    expect(await a.call(`open 0 ro ${A}/file`)).toBe('ok');
    expect(await b.call(`open 0 rw ${A}/file`)).toBe('ok');
    expect(await a.call('posix 0 r 0 0')).toBe('ok');
    expect(await b.call('posix 0 w 0 0')).toBe('EAGAIN');
    expect(await a.call('close 0')).toBe('ok');
    expect(await b.call('posix 0 w 0 0')).toBe('ok');
    expect(await b.call('posix 0 u 0 0')).toBe('ok');
    expect(await a.call(`open 0 rw ${A}/file`)).toBe('ok');
    expect(await a.call('ofd 0 w 0 0')).toBe('ok');
    expect(await b.call('posix 0 w 0 0')).toBe('EAGAIN');
    expect(await a.call('close 0')).toBe('ok');
    expect(await b.call('posix 0 w 0 0')).toBe('ok');
  });

  it('ends when it is unmounted, and unmounts when the server ends, even in use (FS-8)', async () => {
    await using mounts = await Mounts.open(2);
    const [A = '', B = ''] = mounts.dirs;
    using client = await Client.start();
    expect(await client.call(`open 0 rw ${B}/file`)).toBe('ok');
    await shell(mounts, 'umount "$A"');
    expect(await mounts.event('ended')).toMatchObject({ index: 0, reason: null });
    mounts.stop();
    await mounts.event('closed');
    expect([isMounted(A), isMounted(B)]).toEqual([false, false]);
    expect(await client.call('write 0 0 x')).toBe('ENOTCONN');
  });

  it('takes the place of a server that died, and of nobody who lives (FS-8)', async () => {
    await using mounts = await Mounts.open(1);
    const [A = ''] = mounts.dirs;
    await using second = new Mounts([A], {});
    await expect(second.event('ready')).rejects.toThrow('EBUSY');
    await mounts.kill();
    expect(await shell(mounts, 'stat -f "$A"')).toContain('not connected');
    await using third = new Mounts([A], {});
    await third.event('ready');
    expect(await shell(third, 'echo x > "$A/file" && cat "$A/file"')).toBe('x\n');
    third.stop();
    await third.event('closed');
    expect(isMounted(A)).toBe(false);
  });

  it('says what is wrong with a mount point (FS-3)', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'nexus-fuse-'));
    writeFileSync(join(dir, 'file'), '');
    try {
      await using absent = new Mounts([join(dir, 'absent')], {});
      await expect(absent.event('ready')).rejects.toThrow('make the directory first');
      await using file = new Mounts([join(dir, 'file')], {});
      await expect(file.event('ready')).rejects.toThrow('ENOTDIR');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('refuses to be mounted inside another mount (FS-3)', async () => {
    await using mounts = await Mounts.open(1);
    const inner = join(mounts.dirs[0] ?? '', 'inner');
    await shell(mounts, 'mkdir "$A/inner"');
    await using nested = new Mounts([inner], {});
    await expect(nested.event('ready')).rejects.toThrow('EINVAL');
    nested.dirs.length = 0;
  });

  it('asks fusermount3 for ordinary users, and says so where there is none (FS-9)', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'nexus-fuse-'));
    chmodSync(dir, 0o777);
    const mountPoint = join(dir, 'mount');
    mkdirSync(mountPoint);
    try {
      await using without = new Mounts([mountPoint], { uid: 65534 }, { ...process.env, PATH: dir });
      await expect(without.event('ready')).rejects.toThrow('install fuse3');
      writeFileSync(join(dir, 'fusermount3'), '#!/bin/sh\necho "called with $*" >&2; exit 1\n', {
        mode: 0o755,
      });
      await using refused = new Mounts([mountPoint], { uid: 65534 }, { ...process.env, PATH: dir });
      await expect(refused.event('ready')).rejects.toThrow(
        /called with .*default_permissions,fsname=nexus test,subtype=nexus,nosuid,nodev.* -- .*mount/,
      );
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
