/** Turns the cases of the POSIX suite (the C program beside this file) into tests, for any directory. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Cases left out: a shell pattern over `area/name` (or an area), and why. */
export interface Exclusion {
  readonly pattern: string;
  readonly reason: string;
}

/** A directory, made when the tests begin. */
export type DirectorySource = () => string | Promise<string>;

interface CaseName {
  readonly area: string;
  readonly name: string;
  readonly id: string;
}

interface CaseResult extends CaseName {
  readonly assertions: number;
  readonly failures: readonly string[];
  readonly skipped?: string;
}

const launcher = fileURLToPath(new URL('../../scripts/posix', import.meta.url));
const buildAndRunTimeout = 1_200_000;
const MOST_RETRIED = 3;

/**
 * Runs the suite once on `directory` and shows every case as a test. `other` is a second mount of the same data; without
 * it the cases of two mounts show as skipped. What a file system lacks is declared in `exclusions`, each with a reason,
 * and an exclusion which names no case fails.
 */
export function describePosix(
  title: string,
  directory: DirectorySource,
  other?: DirectorySource,
  exclusions: readonly Exclusion[] = [],
): void {
  describe(title, async () => {
    const cases = await list([]);
    const results = new Map<string, CaseResult>();
    let running: ChildProcess | undefined;
    let ended = 'the suite did not start';

    beforeAll(async () => {
      const options = ['--json', '--jobs', '2'];
      if (other !== undefined) options.push('--other', await other());
      const scratch = await mkdtemp(join(tmpdir(), 'posix-exclusions-'));
      try {
        const file = join(scratch, 'exclusions');
        await writeFile(file, exclusions.map((e) => `${escapeSpaces(e.pattern)} ${e.reason}\n`).join(''));
        const run = async (more: readonly string[]): Promise<void> => {
          const child = start([await directory(), ...options, '--exclude', file, ...more]);
          running = child.process;
          for await (const line of child.lines) {
            const result = JSON.parse(line) as CaseResult | { totals: unknown };
            if ('area' in result) results.set(keyOf(result), result);
          }
          ended = await child.ended;
        };
        await run([]);
        // As vitest's `retry` does for other tests: one or two cases that a busy machine made fail get another chance, and must pass then.
        const failed = [...results.values()].filter(({ failures }) => failures.length > 0);
        if (failed.length <= MOST_RETRIED && process.env['CI'] !== undefined) {
          for (const one of failed) {
            process.stderr.write(`${title}: again: ${keyOf(one)}: ${one.failures.join('; ')}\n`);
            await run(['--only', keyOf(one)]);
          }
        }
      } finally {
        running = undefined;
        await rm(scratch, { recursive: true, force: true });
      }
    }, buildAndRunTimeout);

    afterAll(() => {
      running?.kill('SIGKILL');
    });

    for (const one of cases) {
      it(`${keyOf(one)} (${one.id})`, (context) => {
        const result = results.get(keyOf(one));
        if (result === undefined) throw new Error(`the case was not run: ${ended}`);
        if (result.failures.length === 0 && result.skipped !== undefined) context.skip(result.skipped);
        expect(result.failures).toEqual([]);
      });
    }

    it.each(exclusions)('the exclusion $pattern names a case', async ({ pattern }) => {
      expect(await list(['--only', pattern])).not.toEqual([]);
    });
  });
}

/** The exclusion file separates pattern and reason by a space: a space in the pattern is matched by `?`. */
function escapeSpaces(pattern: string): string {
  return pattern.replaceAll(' ', '?');
}

function keyOf(one: CaseName): string {
  return `${one.area}/${one.name}`;
}

async function list(options: readonly string[]): Promise<CaseName[]> {
  const child = start(['--list', '--json', ...options]);
  const found: CaseName[] = [];
  for await (const line of child.lines) found.push(JSON.parse(line) as CaseName);
  const ended = await child.ended;
  if (found.length === 0 && options.length === 0) throw new Error(`the POSIX suite lists no case: ${ended}`);
  return found;
}

function start(options: readonly string[]): {
  process: ChildProcess;
  lines: AsyncIterable<string>;
  ended: Promise<string>;
} {
  const process = spawn(launcher, options, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = createInterface({ input: process.stdout, crlfDelay: Infinity });
  let complaints = '';
  process.stderr.on('data', (text: Buffer) => {
    complaints = (complaints + text.toString()).slice(-4000);
  });
  const ended = once(process, 'close').then(
    ([code, signal]: (number | string | null)[]) =>
      `scripts/posix ended with ${String(code ?? signal)} ${complaints}`,
    (error: unknown) => `scripts/posix could not run: ${String(error)}`,
  );
  return { process, lines, ended };
}
