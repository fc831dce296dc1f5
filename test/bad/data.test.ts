import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../../src/api/failure.ts';
import type { FailureKind } from '../../src/api/failure.ts';
import { mountNexus, run } from '../mount/harness.ts';
import type { MountedNexus, Result } from '../mount/harness.ts';

const root = process.getuid?.() === 0;

function expectFailure(result: Result, kind: FailureKind, text: string | RegExp): void {
  expect(result.stderr).toMatch(text);
  expect(result.code).toBe(exitCodes[kind]);
  expect(result.stderr).not.toMatch(/\n {4}at /);
}

/** A file system of its own as the data directory, for as long as the test runs. */
async function tmpfs(nexus: MountedNexus, options: string): Promise<{ path: string } & AsyncDisposable> {
  mkdirSync(nexus.data);
  const { code, stderr } = await run('mount', ['-t', 'tmpfs', '-o', options, 'none', nexus.data]);
  if (code !== 0) throw new Error(stderr);
  return {
    path: nexus.data,
    [Symbol.asyncDispose]: async () => {
      await nexus.nexus(['stop']);
      await run('umount', ['-l', nexus.data]);
    },
  };
}

describe('a data directory that cannot be used', () => {
  it('is a file, or holds something else', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    const file = join(nexus.root, 'file');
    writeFileSync(file, '');
    expectFailure(
      await nexus.nexus(['ls', '/', '--data', file]),
      'data-foreign',
      `${file} is not a directory`,
    );
    const other = join(nexus.root, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'thesis.tex'), '');
    expectFailure(
      await nexus.nexus(['ls', '/', '--data', other]),
      'data-foreign',
      'holds other files (thesis.tex)',
    );
    expect(readdirSync(other).sort()).toEqual(['daemon.log', 'lock', 'thesis.tex']);
  });

  it('is held by somebody who does not answer', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await nexus.nexus(['ls', '/']);
    await nexus.nexus(['stop']);
    const held = spawn('flock', [join(nexus.data, 'lock'), 'cat'], {
      cwd: '/',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    try {
      const waiting = await nexus.nexus(['ls', '/']);
      expectFailure(waiting, 'data-locked', `${nexus.data} is in use by`);
    } finally {
      held.stdin.end();
    }
    await once(held, 'close');
    expect((await nexus.nexus(['ls', '/'])).code).toBe(0);
  });

  it.skipIf(!root)('is read-only', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await using disk = await tmpfs(nexus, 'ro');
    expectFailure(await nexus.nexus(['ls', '/']), 'data-read-only', `${disk.path} cannot be written (EROFS)`);
    const doctor = await nexus.nexus(['doctor']);
    expect(doctor.code).toBe(exitCodes.problems);
    expect(doctor.stdout).toMatch(/^problem +data/m);
  });

  it.skipIf(!root)('is full', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await using disk = await tmpfs(nexus, 'size=8k');
    expectFailure(await nexus.nexus(['ls', '/']), 'data-full', `there is no space left for ${disk.path}`);
  });

  it.skipIf(!root)('becomes full: the write fails, everything else goes on (FS-3)', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await using disk = await tmpfs(nexus, 'size=24m');
    expect((await nexus.nexus(['write', '/workspace/kept', '--text', 'kept'])).code).toBe(0);
    expect(readdirSync(disk.path)).toContain('format');
    const written = await nexus.nexus(['write', '/workspace/large'], {
      input: Buffer.alloc(40 * 1024 * 1024, 'x'),
    });
    expectFailure(written, 'failed', /^nexus write: \/workspace\/large: /);
    expect((await nexus.nexus(['cat', '/workspace/kept'])).stdout).toBe('kept');
    expect((await nexus.nexus(['rm', '/workspace/large'])).code).toBe(0);
    await nexus.nexus(['stop']);
    expect((await nexus.nexus(['cat', '/workspace/kept'])).stdout).toBe('kept');
    expect((await nexus.nexus(['fsck'])).code).toBe(0);
  });

  it('was written by a newer program, or its format file is damaged', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await nexus.nexus(['ls', '/']);
    await nexus.nexus(['stop']);
    expect(readFileSync(join(nexus.data, 'format'), 'utf8')).toBe('nexus 1\n');
    writeFileSync(join(nexus.data, 'format'), 'nexus 2\n');
    expectFailure(await nexus.nexus(['ls', '/']), 'data-newer', 'format 2; this one knows 1');
    writeFileSync(join(nexus.data, 'format'), '\0\0\0');
    expectFailure(await nexus.nexus(['ls', '/']), 'data-corrupt', 'format is damaged');
  });

  it('is damaged: it says so, and fsck --repair opens it with what is left (CAS-3)', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    for (let i = 0; i < 4; i++) await nexus.nexus(['write', `/workspace/f${i}`, '--text', `text ${i}`]);
    await nexus.nexus(['stop']);
    const meta = join(nexus.data, 'meta');
    const journal = readdirSync(meta, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /journal|\.log|^\d/.test(entry.name))
      .map((entry) => join(meta, entry.name))
      .sort((a, b) => statSync(b).size - statSync(a).size)[0];
    expect(journal).toBeDefined();
    const bytes = readFileSync(journal!);
    const broken = Buffer.from(bytes);
    const used = bytes.findLastIndex((byte) => byte !== 0);
    for (let i = 0; i < 8; i++) broken[Math.floor(used / 2) + i] = 0xff ^ broken[Math.floor(used / 2) + i]!;
    writeFileSync(journal!, broken);
    expectFailure(
      await nexus.nexus(['cat', '/workspace/f0']),
      'data-corrupt',
      /is damaged: .*nexus fsck --repair/s,
    );
    expectFailure(await nexus.nexus(['fsck']), 'data-corrupt', 'nexus fsck --repair');
    const repaired = await nexus.nexus(['fsck', '--repair']);
    expect([0, exitCodes.problems]).toContain(repaired.code);
    expect(repaired.stdout).toContain('checked ');
    expect((await nexus.nexus(['ls', '/workspace'])).code).toBe(0);
    expect((await nexus.nexus(['write', '/workspace/new', '--text', 'works'])).code).toBe(0);
  });

  it('lost a file: reading it is an error, never wrong bytes, and fsck names it (CAS-1, CAS-3)', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    const bytes = Buffer.alloc(100_000, 'precious ');
    await nexus.nexus(['write', '/workspace/big'], { input: bytes });
    await nexus.nexus(['write', '/workspace/small', '--text', 'fine']);
    expect((await nexus.nexus(['fsck', '--deep'])).code).toBe(0);
    await nexus.nexus(['stop']);
    const { stdout } = await run('find', [join(nexus.data, 'content'), '-type', 'f', '-size', '+20k']);
    const packs = stdout.trim().split('\n');
    expect(packs.length).toBeGreaterThan(0);
    for (const pack of packs) truncateSync(pack, 1000);
    const read = await nexus.nexus(['cat', '/workspace/big']);
    expect(read.code).toBe(1);
    expect(read.stderr).toContain('/workspace/big: ');
    expect((await nexus.nexus(['cat', '/workspace/small'])).stdout).toBe('fine');
    const checked = await nexus.nexus(['fsck', '--deep']);
    expect(checked.code).toBe(exitCodes.problems);
    expect(checked.stdout).toMatch(/^problem: content\//m);
    const report = await nexus.nexus(['fsck', '--deep', '--json']);
    expect((JSON.parse(report.stdout) as { problems: unknown[] }).problems.length).toBeGreaterThan(0);
  });
});
