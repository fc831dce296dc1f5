import { closeSync, openSync, writeSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FileHandle, NodeId } from '../../src/fs/types.ts';
import { at, bytesOf, caller, close, openStack, passing, put, readAll, slurp, writing } from './fixture.ts';
import type { Stack, StackOptions } from './fixture.ts';

/** One file, and what it must hold. */
interface World {
  stack: Stack;
  node: NodeId;
  handle: FileHandle | undefined;
  bytes: Buffer;
}

type Step = { readonly text: string; readonly run: (world: World) => Promise<void> };

const MOST = 1_500_000;

function resized(bytes: Buffer, size: number): Buffer {
  const whole = Buffer.alloc(size);
  bytes.copy(whole, 0, 0, size);
  return whole;
}

function overwritten(bytes: Buffer, data: Buffer, offset: number): Buffer {
  const whole = resized(bytes, Math.max(bytes.length, offset + data.length));
  data.copy(whole, offset);
  return whole;
}

async function opened(world: World): Promise<FileHandle> {
  world.handle ??= await world.stack.volume.open(caller, world.node, writing);
  return world.handle;
}

const offset = fc.oneof(
  fc.integer({ min: 0, max: MOST }),
  fc.integer({ min: 0, max: 350 }).map((page) => page * 4096),
  fc.constantFrom(0, 1, 4095, 4097, 262_143, 262_144, 262_145),
);
const length = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 300_000 }));

const write = fc.tuple(offset, length, fc.integer({ min: 1, max: 1000 })).map(
  ([from, count, seed]): Step => ({
    text: `write ${String(count)} at ${String(from)}`,
    async run(world) {
      const data = bytesOf(count, seed);
      const handle = await opened(world);
      if (handle.io === 'backing') {
        const fd = openSync(`/proc/self/fd/${String(handle.backing)}`, 'r+');
        writeSync(fd, data, 0, count, from);
        closeSync(fd);
      } else expect(await handle.write(caller, data, from)).toBe(count);
      world.bytes = overwritten(world.bytes, data, from);
    },
  }),
);

const truncate = offset.map(
  (size): Step => ({
    text: `truncate to ${String(size)}`,
    async run(world) {
      await world.stack.volume.setattr(caller, world.node, { size });
      world.bytes = resized(world.bytes, size);
    },
  }),
);

const zero = fc.tuple(offset, length, fc.constantFrom(3, 16, 17)).map(
  ([from, count, mode]): Step => ({
    text: `fallocate ${String(mode)} ${String(count)} at ${String(from)}`,
    async run(world) {
      await (await opened(world)).allocate(caller, mode, from, count);
      const end = from + count;
      if (mode === 16 && end > world.bytes.length) world.bytes = resized(world.bytes, end);
      if (from < world.bytes.length) world.bytes.fill(0, from, Math.min(end, world.bytes.length));
    },
  }),
);

const copy = fc.tuple(offset, offset, length).map(
  ([from, to, count]): Step => ({
    text: `copy ${String(count)} from ${String(from)} to ${String(to)}`,
    async run(world) {
      const handle = await opened(world);
      const part = Buffer.from(world.bytes.subarray(from, from + count));
      if (from < to + part.length && to < from + part.length) return;
      expect(await handle.copyRange(caller, from, handle, to, count)).toBe(part.length);
      if (part.length > 0) world.bytes = overwritten(world.bytes, part, to);
    },
  }),
);

const settle = fc.constantFrom<Step>(
  {
    text: 'close',
    async run(world) {
      if (world.handle !== undefined) await close(world.handle);
      world.handle = undefined;
    },
  },
  {
    text: 'flush',
    async run(world) {
      await world.handle?.flush(caller);
    },
  },
  {
    text: 'fsync',
    async run(world) {
      await world.handle?.fsync(caller, false);
    },
  },
  {
    text: 'close and open for the kernel to write',
    async run(world) {
      if (world.handle !== undefined) await close(world.handle);
      world.handle = await world.stack.volume.open(caller, world.node, passing);
    },
  },
  {
    text: 'close, and let the slot go',
    async run(world) {
      if (world.handle !== undefined) await close(world.handle);
      world.handle = undefined;
      await world.stack.volume.drain();
    },
  },
);

async function check(world: World): Promise<void> {
  const { size } = await world.stack.volume.getattr(caller, world.node);
  expect(size).toBe(world.bytes.length);
  const read =
    world.handle === undefined
      ? await slurp(world.stack.volume, world.node)
      : await readAll(world.handle, size);
  expect(read.equals(world.bytes)).toBe(true);
}

async function play(
  options: StackOptions,
  initial: number,
  steps: readonly Step[],
  crash: boolean,
): Promise<void> {
  await using stack = await openStack(options);
  const bytes = bytesOf(initial, 11);
  const world: World = { stack, node: await put(stack.volume, at('f'), bytes), handle: undefined, bytes };
  for (const step of steps) {
    await step.run(world);
    await check(world);
  }
  if (crash) {
    await using again = await openStack({ ...options, directory: await stack.crash() });
    expect((await slurp(again.volume, world.node)).equals(world.bytes)).toBe(true);
  }
  if (world.handle !== undefined) await close(world.handle);
  await check({ ...world, handle: undefined });
  await stack.content.settle();
  await check({ ...world, handle: undefined });
}

const initial = fc.constantFrom(0, 10, 5000, 262_144, 262_145, 1_000_000);
const steps = fc.array(fc.oneof(write, write, truncate, zero, copy, settle), { maxLength: 14 });

describe('a file under random operations holds what a buffer would (CAS-2, FS-2)', () => {
  it('over memory', async () => {
    await fc.assert(
      fc.asyncProperty(initial, steps, (size, run) => play({ kv: 'memory' }, size, run, false)),
      { numRuns: 60 },
    );
  });

  it('over LevelDB, killed at the end and recovered (FS-5)', async () => {
    await fc.assert(
      fc.asyncProperty(initial, steps, (size, run) => play({ kv: 'level' }, size, run, true)),
      { numRuns: 30 },
    );
  });

  it('on a host with coarse times and coarse holes (FS-5)', async () => {
    const host = { preciseTimes: false, pageHoles: false };
    await fc.assert(
      fc.asyncProperty(initial, steps, (size, run) => play({ kv: 'level', host }, size, run, true)),
      { numRuns: 20 },
    );
  });
});
