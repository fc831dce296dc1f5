import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataDirectory } from '../../src/app/data-directory.ts';
import { Linger } from '../../src/app/linger.ts';

let path: string;

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'nexus-test-'));
});

afterEach(() => {
  rmSync(path, { recursive: true, force: true });
});

const running = (): string => readFileSync(join(path, 'running'), 'utf8');

describe('the data directory', () => {
  it('takes a clean stop for what it is', async () => {
    const first = await openDataDirectory(path);
    expect(first.powerCut).toBe(false);
    expect(running()).toMatch(/^[0-9a-f-]{36} \d+ \d+\n$/);
    await first.close(true);
    expect(running).toThrow('ENOENT');
    const second = await openDataDirectory(path);
    expect(second.powerCut).toBe(false);
    await second.close(true);
  });

  it('tells a killed daemon from a machine that went down (FS-4)', async () => {
    const killed = await openDataDirectory(path);
    await killed.close(false);
    const after = await openDataDirectory(path);
    expect(after.powerCut).toBe(false);
    await after.close(false);
    const [boot = '', ...rest] = running().split(' ');
    writeFileSync(
      join(path, 'running'),
      [boot.replace(/^./, (char) => (char === '0' ? '1' : '0')), ...rest].join(' '),
    );
    const restarted = await openDataDirectory(path);
    expect(restarted.powerCut).toBe(true);
    await restarted.close(false);
  });

  it('goes on calling it a power cut until everything is recovered', async () => {
    const first = await openDataDirectory(path);
    await first.close(true);
    writeFileSync(join(path, 'running'), 'another boot 1 1\n');
    const died = await openDataDirectory(path);
    await died.close(false);
    const again = await openDataDirectory(path);
    expect(again.powerCut).toBe(true);
    await again.recovered();
    await again.close(false);
    const killed = await openDataDirectory(path);
    expect(killed.powerCut).toBe(false);
    await killed.close(true);
  });

  it('has one user at a time', async () => {
    const first = await openDataDirectory(path);
    await expect(openDataDirectory(path)).rejects.toMatchObject({ kind: 'data-locked' });
    await first.close(true);
    const second = await openDataDirectory(path);
    await second.close(true);
  });

  it('leaves directories of others alone', async () => {
    writeFileSync(join(path, 'thesis.tex'), 'x');
    await expect(openDataDirectory(path)).rejects.toMatchObject({ kind: 'data-foreign' });
    expect(() => readFileSync(join(path, 'format'))).toThrow('ENOENT');
  });
});

describe('an unused daemon', () => {
  it('ends when mounts and clients have been gone for a while, not before', async () => {
    let ended = 0;
    using linger = new Linger(30, () => ended++);
    linger.count('mounts', 1);
    linger.count('clients', 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ended).toBe(0);
    linger.count('mounts', 0);
    linger.count('clients', 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ended).toBe(0);
    linger.count('clients', 0);
    await expect.poll(() => ended).toBe(1);
  });

  it('stays when it is told to', async () => {
    let ended = 0;
    using linger = new Linger(Infinity, () => ended++);
    linger.count('mounts', 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(ended).toBe(0);
  });
});
