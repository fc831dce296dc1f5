/** Random steps on a volume, contents and open files included, against the reference tree. Replay: MODEL_SEED=… (and MODEL_PATH=…). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aimed } from './aim.ts';
import { OpenTree, type Step, aims, volumeSteps } from './steps.ts';
import { World, type WorldOptions } from './volume-world.ts';

const long = process.env['NEXUS_LONG'] === undefined ? 1 : 10;
const { MODEL_SEED: seed, MODEL_PATH: path } = process.env;

type Event =
  | { readonly step: Step; readonly aim: number }
  | { readonly event: 'close' | 'kill' | 'drain' | 'settle' | 'collect' | 'sync' };

const events = fc.constantFrom<Event>(
  { event: 'close' },
  { event: 'kill' },
  { event: 'drain' },
  { event: 'settle' },
  { event: 'collect' },
  { event: 'sync' },
);

const runs = fc.array(
  fc.oneof(
    { weight: 30, arbitrary: fc.record({ step: volumeSteps, aim: aims }) },
    { weight: 2, arbitrary: events },
  ),
  {
    maxLength: 200,
    size: 'max',
  },
);

async function happen(
  world: World,
  tree: OpenTree,
  event: Extract<Event, { event: string }>['event'],
): Promise<void> {
  switch (event) {
    case 'close':
      tree.closeAll();
      await world.stop();
      return world.start();
    case 'kill':
      tree.closeAll();
      await world.kill();
      return world.start();
    case 'drain':
      return world.volume.drain();
    case 'settle':
      return world.content.settle();
    case 'collect':
      return world.collect();
    case 'sync':
      return world.kv.sync();
  }
}

/** The newest version of a closed file is what it holds. */
async function checkVersions(world: World, tree: OpenTree): Promise<void> {
  const state = tree.digests();
  for (const file of tree.closed()) {
    const newest = await world.newest(file);
    expect([file, newest ?? '']).toEqual([file, state.get(file)?.content]);
  }
}

async function play(options: WorldOptions, run: readonly Event[]): Promise<void> {
  await using world = await World.open(options);
  const tree = new OpenTree();
  for (const [i, next] of run.entries()) {
    if ('event' in next) {
      await happen(world, tree, next.event);
      expect([i, await world.state()]).toEqual([i, tree.digests()]);
      await checkVersions(world, tree);
    } else {
      const step = aimed(tree, next.step, next.aim);
      expect([i, step, await world.run(step)]).toEqual([i, step, tree.run(step)]);
    }
  }
  expect(await world.state()).toEqual(tree.digests());
  await checkVersions(world, tree);
  await world.stop();
  await world.start();
  tree.closeAll();
  expect(await world.state()).toEqual(tree.digests());
  expect(await world.problems()).toEqual([]);
  expect(world.errors).toEqual([]);
}

describe('a volume does what Linux does (FS-2, FS-3, FS-5, CAS-2, VER-1)', () => {
  it.each<[WorldOptions, number]>([
    [{ kv: 'memory', passthrough: false }, 12],
    [{ kv: 'memory', passthrough: true }, 12],
    [{ kv: 'level', passthrough: false }, 8],
    [{ kv: 'level', passthrough: true }, 8],
  ])(
    '%o',
    async (options, count) => {
      await fc.assert(
        fc.asyncProperty(runs, (run) => play(options, run)),
        {
          numRuns: count * long,
          // Small arrays are as likely as long ones otherwise.
          unbiased: true,
          // Making a failure smaller must end before the test does.
          interruptAfterTimeLimit: 200_000 * long,
          ...(seed === undefined ? {} : { seed: Number(seed) }),
          ...(path === undefined ? {} : { path }),
        },
      );
    },
    300_000 * long,
  );
});
