import { createHash, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mountNexus, project, run } from '../mount/harness.ts';
import type { MountedNexus } from '../mount/harness.ts';

let nexus: MountedNexus;

beforeAll(async () => {
  nexus = await mountNexus({ mounts: 0 });
});

afterAll(async () => {
  await nexus[Symbol.asyncDispose]();
});

async function ok(args: readonly string[], input?: string | Uint8Array): Promise<string> {
  const result = await nexus.nexus(args, input === undefined ? {} : { input });
  expect(result, args.join(' ')).toMatchObject({ code: 0, stderr: '' });
  return result.stdout;
}

describe('commands on files, without a mount', () => {
  it('starts the daemon on demand; what was written is there', async () => {
    await ok(['write', '/workspace/a.txt'], 'hello\n');
    expect(await ok(['cat', '/workspace/a.txt'])).toBe('hello\n');
    await ok(['write', '/workspace/a.txt', '--text', 'more', '--append']);
    expect(await ok(['cat', '/workspace/a.txt'])).toBe('hello\nmore');
    expect(statSync(join(nexus.data, 'control.sock')).mode & 0o777).toBe(0o600);
  });

  it('makes one version a write, and reads each by path@N (VER-1, VER-2)', async () => {
    for (const text of ['one', 'two', 'three']) await ok(['write', '/workspace/v.txt', '--text', text]);
    const versions = (await nexus.json(['versions', '/workspace/v.txt'])) as {
      number: number;
      size: number;
      author: string;
    }[];
    expect(versions.map(({ number, size }) => [number, size])).toEqual([
      [1, 3],
      [2, 3],
      [3, 5],
    ]);
    expect(versions[0]!.author).toMatch(/^user:/);
    expect(await ok(['cat', '/workspace/v.txt@1', '/workspace/v.txt@2'])).toBe('onetwo');
    await ok(['write', '/workspace/v.txt@2', '--text', 'a file of that name']);
    expect(await ok(['cat', '/workspace/v.txt@2'])).toBe('a file of that name');
    const missing = await nexus.nexus(['cat', '/workspace/v.txt@9']);
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toContain('they go from 1 to 3');
  });

  it('passes megabytes unchanged in both directions', async () => {
    const bytes = randomBytes(5 * 1024 * 1024 + 17);
    await ok(['write', '/workspace/big.bin'], bytes);
    const script = `"${join(project, 'scripts/nexus')}" cat /workspace/big.bin | sha256sum`;
    const { stdout } = await run('bash', ['-c', script], { env: { NEXUS_DATA: nexus.data } });
    expect(stdout.slice(0, 64)).toBe(createHash('sha256').update(bytes).digest('hex'));
    const [version] = (await nexus.json(['versions', '/workspace/big.bin'])) as { size: number }[];
    expect(version!.size).toBe(bytes.length);
    const stat = (await nexus.json(['stat', '/workspace/big.bin'])) as { hash: string };
    expect(stat.hash).toMatch(/^[0-9a-f]{64}$/);
  });

  it('ends quietly when its reader goes away', async () => {
    await ok(['write', '/workspace/lines'], 'line\n'.repeat(400_000));
    const script = `"${join(project, 'scripts/nexus')}" cat /workspace/lines | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout } = await run('bash', ['-c', script], { env: { NEXUS_DATA: nexus.data } });
    expect(stdout).toBe('line\n0\n');
  });

  it('lists, makes, moves and removes', async () => {
    await ok(['mkdir', '--parents', '/workspace/x/y/z']);
    await ok(['write', '/workspace/x/f', '--text', '1']);
    expect(await ok(['ls', '/workspace/x'])).toBe('f\ny\n');
    const long = await ok(['ls', '-l', '/workspace/x']);
    expect(long).toMatch(/^drwxr-xr-x .* y$/m);
    expect(long).toMatch(/^-rw-r--r-- .* f$/m);
    await ok(['mv', '/workspace/x/f', '/workspace/x/y/g']);
    expect((await nexus.nexus(['mv', '--no-clobber', '/workspace/x/y/g', '/workspace/a.txt'])).code).toBe(1);
    const refused = await nexus.nexus(['rm', '/workspace/x']);
    expect(refused).toMatchObject({
      code: 1,
      stderr: 'nexus rm: /workspace/x: the directory is not empty\n',
    });
    await ok(['rm', '--recursive', '/workspace/x']);
    expect(await ok(['ls', '/'])).toBe('workspace\n');
    expect(await nexus.nexus(['ls', '/workspace/x'])).toMatchObject({
      code: 1,
      stderr: 'nexus ls: /workspace/x: no such file or directory\n',
    });
  });

  it('lists large directories page by page', async () => {
    await ok(['mkdir', '/workspace/many']);
    const script = `for i in $(seq 30); do "$0" write /workspace/many/f$i --text $i & [ $((i % 5)) = 0 ] && wait; done; wait`;
    await run('bash', ['-c', script, join(project, 'scripts/nexus')], { env: { NEXUS_DATA: nexus.data } });
    const names = (await ok(['ls', '/workspace/many'])).trim().split('\n');
    expect(names.length).toBe(30);
  });

  it('refuses to change the root of the tree (FS-3)', async () => {
    expect(await nexus.nexus(['write', '/f', '--text', 'x'])).toMatchObject({ code: 1 });
    expect((await nexus.nexus(['mkdir', '/d'])).stderr).toContain('/d: files live below the mount points');
    expect((await nexus.nexus(['rm', '-r', '/workspace'])).stderr).toMatch(/^nexus rm: \/workspace: /);
  });

  it('prints errors as JSON on request', async () => {
    const { code, stderr } = await nexus.nexus(['cat', '/workspace/none', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'ENOENT', message: '/workspace/none: no such file or directory' },
    });
  });
});
