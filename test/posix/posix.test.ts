/** The POSIX suite on the host's own file system: the oracle. A case which fails here is a wrong case. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { describePosix } from './describe.ts';

let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'posix-host-'));
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describePosix(
  'posix on the host',
  () => directory,
  () => directory,
);
