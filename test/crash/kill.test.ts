/** kill -9 of the daemon at random moments of a load: everything acknowledged is there afterwards (FS-5). */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mountNexus, whyNoMounts } from '../mount/harness.ts';
import { shell } from '../programs/shell.ts';

const load = fileURLToPath(new URL('load.js', import.meta.url));
const rounds = process.env['NEXUS_LONG'] === undefined ? 3 : 50;

/** Runs the load until `until` has ended the daemon under it; resolves when the load is gone. */
async function underLoad(dir: string, seed: number, log: string, until: () => Promise<void>): Promise<void> {
  const file = createWriteStream(log);
  const child = spawn(process.execPath, [load, 'run', dir, String(seed)], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  child.stdout.pipe(file);
  const gone = new Promise((resolve) => child.on('close', resolve));
  await until();
  const patience = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await gone;
  clearTimeout(patience);
  await new Promise((resolve) => file.close(resolve));
}

describe.skipIf(whyNoMounts() !== undefined).each([true, false])(
  'kill -9 with passthrough %s',
  (passthrough) => {
    it(`loses nothing acknowledged, ${rounds} times (FS-5, FS-8)`, { timeout: rounds * 60_000 }, async () => {
      const logs = await mkdtemp(join(tmpdir(), 'nexus-kill.'));
      await using mounted = await mountNexus({ passthrough });
      for (let round = 0; round < rounds; round++) {
        const dir = `${mounted.dirs[0]}/workspace/round${round}`;
        const log = join(logs, `${round}.log`);
        const moment = 150 + ((round * 7919) % 1400);
        await underLoad(dir, round * 31 + (passthrough ? 1 : 2), log, async () => {
          await new Promise((resolve) => setTimeout(resolve, moment));
          await mounted.kill9();
        });
        await mounted.remount();
        const found = await shell('/', `node ${load} verify ${dir} ${log}`);
        expect(found.trim(), `round ${round}, killed after ${moment} ms`).toMatch(/^verified \d+ files$/);
        const fsck = await mounted.nexus(['fsck', '--json']);
        expect(fsck.code, fsck.stdout + fsck.stderr).toBe(0);
      }
      await rm(logs, { recursive: true, force: true });
    });
  },
);
