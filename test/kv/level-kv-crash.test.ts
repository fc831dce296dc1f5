import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { compileStore } from './compiled.ts';
import { stateAfter } from './numbered.ts';
import { contentOf } from './snapshot.ts';
import { temporaryDirectory } from './temporary.ts';

/** Runs the child until it has acknowledged `acks` transactions more, kills it, gives the last number it printed. */
function runAndKill(
  program: string,
  directory: string,
  checkpointBytes: number,
  acks: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, directory, String(checkpointBytes)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let errors = '';
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
      if (output.split('\n').length > acks) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (_code, signal) => {
      if (signal === 'SIGKILL') resolve(Number(output.split('\n').at(-2)));
      else reject(new Error(`the child ended by itself: ${errors}`));
    });
  });
}

describe('LevelKv after kill -9', () => {
  for (const [name, checkpointBytes] of [
    ['with hardly a checkpoint', 1 << 20],
    ['in the middle of many checkpoints', 3000],
  ] as const) {
    it(`keeps every acknowledged transaction and no half of one, ${name}`, async () => {
      const program = join(
        compileStore('test/kv/crash-child.ts', 'test/kv/numbered.ts'),
        'test/kv/crash-child.js',
      );
      const directory = temporaryDirectory();
      for (let round = 0; round < 10; round++) {
        const acknowledged = await runAndKill(
          program,
          directory,
          checkpointBytes,
          1 + ((round * 389) % 1000),
        );
        await using kv = await openLevelKv(directory, { checkpointBytes });
        const state = await contentOf(kv);
        const count = Number(state['count']);
        expect(count).toBeGreaterThanOrEqual(acknowledged);
        expect(state).toEqual(stateAfter(count));
      }
    });
  }
});
