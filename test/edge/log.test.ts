import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { project, run } from '../mount/harness.ts';

it('a long log is put aside when a daemon starts', async () => {
  const data = await mkdtemp(join(tmpdir(), 'nexus-log-'));
  const nexus = (...args: string[]) => run(join(project, 'scripts/nexus'), [...args, '--data', data]);
  try {
    await writeFile(join(data, 'daemon.log'), '');
    await truncate(join(data, 'daemon.log'), 9 * 1024 * 1024);
    expect((await nexus('ls', '/')).stdout).toContain('workspace');
    expect((await stat(join(data, 'daemon.log'))).size).toBeLessThan(10_000);
    expect((await stat(join(data, 'daemon.log.old'))).size).toBe(9 * 1024 * 1024);
  } finally {
    await nexus('stop');
    await rm(data, { recursive: true, force: true });
  }
});
