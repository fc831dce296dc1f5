/** The build script: it does nothing twice, and says what is missing. */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildNative } from './mounted.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../scripts/build-native.js', import.meta.url));
const addon = fileURLToPath(new URL('../../native/build/nexus.node', import.meta.url));

describe('build-native', () => {
  beforeAll(buildNative);

  it('leaves a current addon alone', async () => {
    const before = statSync(addon);
    const { stdout, stderr } = await run(process.execPath, [script]);
    expect(stdout + stderr).toBe('');
    expect(statSync(addon)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it('names the compiler that is missing and keeps the addon there is', async () => {
    const before = statSync(addon);
    const env = { ...process.env, CXX: 'no-such-compiler' };
    await expect(run(process.execPath, [script, '--force'], { env })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no-such-compiler is not installed') as string,
    });
    expect(statSync(addon).ino).toBe(before.ino);
  });
});
