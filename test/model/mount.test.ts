/**
 * Random steps of several processes through two mounts of one volume, against the reference tree: each process in a directory of
 * its own, where every answer is known, and all in a shared one, where the sums must be right. Replay: MODEL_SEED=….
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { mountNexus, run, whyNoMounts, type MountedNexus } from '../mount/harness.ts';
import { aimed } from './aim.ts';
import { Driver, type Shared, type TimedState } from './driver.ts';
import { noise } from './noise.ts';
import { OpenTree, aims, mountSteps, type Step } from './steps.ts';
import type { NodeState } from './tree.ts';

const long = process.env['NEXUS_LONG'] === undefined ? 1 : 10;
const base = Number(process.env['MODEL_SEED'] ?? Math.floor(Math.random() * 1e6));
const workers = 3;
const rounds = 3 * long;
const batch = 150;
const reason = whyNoMounts() ?? (process.getuid?.() === 0 ? undefined : 'the reference acts as root');

const work = mkdtempSync(join(tmpdir(), 'nexus-model-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const noiseFile = join(work, 'noise');
writeFileSync(noiseFile, noise);

/** Where what went wrong can be made again. */
const replay = (seed: number): string => `MODEL_SEED=${seed}`;

interface Worker {
  readonly driver: Driver;
  readonly dir: string;
  readonly tree: OpenTree;
}

function untimed(state: ReadonlyMap<string, TimedState>): Map<string, NodeState> {
  return new Map(
    [...state].map(([path, { type, mode, uid, gid, nlink, content, first }]) => [
      path,
      { type, mode, uid, gid, nlink, content, first },
    ]),
  );
}

/** One batch of a worker: every answer, then the whole directory through both mounts. */
async function runBatch({ driver, dir, tree }: Worker, seed: number): Promise<void> {
  const random = fc.sample(fc.tuple(mountSteps, aims), { seed, numRuns: batch });
  const steps: Step[] = [];
  const expected = random.map(([step, aim]) => {
    const next = aimed(tree, step, aim);
    steps.push(next);
    return tree.run(next);
  });
  const answers = await driver.run(dir, steps);
  for (const [i, step] of steps.entries()) {
    const told = `step ${i} of ${dir}, ${replay(base)}: ${JSON.stringify(steps.slice(0, i + 1)).slice(-3000)}`;
    expect([step, answers[i]], told).toEqual([step, expected[i]]);
  }
  await checkState({ driver, dir, tree }, seed);
}

async function checkState({ driver, dir, tree }: Worker, seed: number): Promise<Map<string, TimedState>> {
  const wanted = tree.digests();
  const states = [await driver.state(dir, seed % 2), await driver.state(dir, (seed + 1) % 2)] as const;
  for (const state of states) expect(untimed(state), `${dir}, ${replay(base)}`).toEqual(wanted);
  expect(states[0], `times of ${dir}, ${replay(base)}`).toEqual(states[1]);
  return states[0];
}

async function restart(mounted: MountedNexus, all: readonly Worker[], round: number): Promise<void> {
  const before = await Promise.all(all.map(({ driver, dir }) => driver.state(dir, 0)));
  // A file that is being written has the time its staging file got, which is a little later than the volume's clock says.
  const closed = all.map(({ tree }) => new Set([...tree.closed(), ...tree.directories()]));
  if (round % 2 === 0) {
    await mounted.kill9();
    for (const { driver } of all) await driver.closeAll();
  } else {
    for (const { driver } of all) await driver.closeAll();
    const { code, stderr } = await mounted.nexus(['stop']);
    expect(code, stderr).toBe(0);
  }
  for (const { tree } of all) tree.closeAll();
  await mounted.remount();
  for (const [i, worker] of all.entries()) {
    const after = await checkState(worker, round);
    const told = `times after ${round % 2 === 0 ? 'kill -9' : 'a restart'}, ${replay(base)}`;
    const times = (state = new Map<string, TimedState>()): string[] =>
      [...state].filter(([path]) => closed[i]?.has(path)).map(([path, { mtime }]) => `${path} ${mtime}`);
    expect(times(after), told).toEqual(times(before[i]));
  }
}

/** What all did together: nothing lost, nothing done twice, nothing seen half. */
async function checkShared(mounted: MountedNexus, shares: readonly Shared[]): Promise<void> {
  expect(
    shares.flatMap(({ broken }) => broken),
    replay(base),
  ).toEqual([]);
  for (const via of [0, 1]) {
    const dir = join(mounted.workspaceOf(via), 'shared');
    const { stdout, stderr } = await run('bash', [
      '-c',
      'cd "$0" && ls && echo -- && cat locked/counter && echo && cat log && ls locked replaced >&2',
      dir,
    ]);
    const [names = '', rest = ''] = stdout.split('--\n');
    const [counter, ...lines] = rest.split('\n');
    expect(Number(counter)).toBe(shares.reduce((sum, { increments }) => sum + increments, 0));
    expect(lines.slice(0, -1).sort()).toEqual(
      shares.flatMap((share) => share.lines.map((line) => line.slice(0, -1))).sort(),
    );
    const won = shares.flatMap((share) => share.won.map((n) => `once-${n}`)).sort();
    expect(
      names
        .split('\n')
        .filter((name) => name.startsWith('once-'))
        .sort(),
    ).toEqual(won);
    expect(names + stderr).not.toMatch(/^(link|lock$|part)/m);
  }
}

describe.skipIf(reason !== undefined).each([true, false])(
  `two mounts do what Linux does${reason === undefined ? '' : ` (${reason})`}, passthrough %s`,
  (passthrough) => {
    it(
      `${rounds * workers * batch} steps, restarts between (FS-2, FS-3, FS-5, FS-8, FS-11)`,
      async () => {
        await using mounted = await mountNexus({ passthrough, mounts: 2 });
        const roots = mounted.dirs.map((_, i) => mounted.workspaceOf(i));
        await using drivers = new Drivers(roots);
        const made = await run('bash', [
          '-c',
          'cd "$0" && umask 0 && mkdir -m 755 shared shared/replaced shared/locked w0 w1 w2',
          roots[0] ?? '',
        ]);
        expect(made.code, made.stderr).toBe(0);
        const all = drivers.each.map((driver, i) => ({ driver, dir: `w${i}`, tree: new OpenTree() }));
        const shares: Shared[] = [];
        for (let round = 0; round < rounds; round++) {
          await Promise.all(all.map((worker, i) => runBatch(worker, (base + round) * workers + i)));
          shares.push(
            ...(await Promise.all(
              all.map(({ driver }, i) =>
                driver.share(`${i}.${round}`, 'shared', (base + round) * workers + i, 60),
              ),
            )),
          );
          await checkShared(mounted, shares);
          await restart(mounted, all, round);
          await checkShared(mounted, shares);
        }
        const fsck = await mounted.nexus(['fsck', '--json']);
        expect(fsck.code, fsck.stdout + fsck.stderr).toBe(0);
      },
      120_000 * rounds,
    );
  },
);

class Drivers implements AsyncDisposable {
  readonly each: readonly Driver[];

  constructor(roots: readonly string[]) {
    this.each = Array.from({ length: workers }, () => new Driver(noiseFile, roots));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const driver of this.each) await driver[Symbol.asyncDispose]();
  }
}
