/**
 * A load whose every step is told before and after: load.js run DIR SEED, and load.js verify DIR LOG.
 * The log has one JSON line a step: {n, op, …} when it begins, {n, done: true} when the call returned.
 * verify prints one line for each difference between what was acknowledged and what is there.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

const names = Array.from({ length: 24 }, (_, i) => `f${i}`);

/** Deterministic pseudo-random numbers below 2**32 (mulberry32's construction: an odd increment, then mixing). */
function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** The bytes that step n writes: every step's are different, sizes from nothing to some blocks of content. */
export function bytesOf(n, size) {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i += 16) bytes.write(`${n}:${i}`.padEnd(15) + '\n', i, 'latin1');
  return bytes;
}

const sizes = [0, 1, 100, 4096, 9000, 40_000, 300_000, 1_500_000];

function choose(next, n) {
  const name = names[next(names.length)];
  const kind = next(20);
  if (kind < 9) return { n, op: 'write', name, size: sizes[next(sizes.length)], sync: next(6) === 0 };
  if (kind < 13) return { n, op: 'append', name, size: sizes[1 + next(5)], sync: next(6) === 0 };
  if (kind < 15) return { n, op: 'rename', name, to: names[next(names.length)] };
  if (kind < 17) return { n, op: 'unlink', name };
  return { n, op: 'held', size: sizes[1 + next(4)] };
}

function writeAll(path, flags, bytes, sync) {
  const fd = openSync(path, flags);
  try {
    if (bytes.length > 0) writeSync(fd, bytes);
    if (sync) fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Only ENOENT says that a name is not there: a dead mount must end the load. */
function renameIfThere(from, to) {
  try {
    renameSync(from, to);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

function run(dir, seed) {
  const tell = (line) => writeSync(1, `${JSON.stringify(line)}\n`);
  const next = random(seed);
  mkdirSync(dir, { recursive: true });
  // Written to again and again and never closed: its bytes count as well.
  const held = openSync(join(dir, 'held'), 'a');
  for (let n = 1; ; n++) {
    const step = choose(next, n);
    const path = join(dir, step.name ?? 'held');
    tell(step);
    if (step.op === 'write') writeAll(path, 'w', bytesOf(n, step.size), step.sync);
    else if (step.op === 'append') writeAll(path, 'a', bytesOf(n, step.size), step.sync);
    else if (step.op === 'rename') renameIfThere(path, join(dir, step.to));
    else if (step.op === 'unlink') rmSync(path, { force: true });
    else if (step.op === 'held') writeSync(held, bytesOf(n, step.size));
    tell({ n, done: true });
  }
}

const empty = Buffer.alloc(0);

/** What the step leaves in the model: a map of names to content. */
function apply(model, step) {
  const old = model.get(step.name);
  if (step.op === 'write') model.set(step.name, bytesOf(step.n, step.size));
  else if (step.op === 'append')
    model.set(step.name, Buffer.concat([old ?? empty, bytesOf(step.n, step.size)]));
  else if (step.op === 'held')
    model.set('held', Buffer.concat([model.get('held') ?? empty, bytesOf(step.n, step.size)]));
  else if (step.op === 'unlink') model.delete(step.name);
  else if (step.op === 'rename' && old !== undefined && step.to !== step.name) {
    model.delete(step.name);
    model.set(step.to, old);
  }
}

/** Is `is` what the file may hold if the step was under way: the old content, or a beginning of the new one? */
function underWay(is, before, after, step) {
  const same = (a, b) => (a === undefined || b === undefined ? a === b : a.equals(b));
  if (same(is, before) || same(is, after)) return true;
  if (is === undefined || after === undefined || step.op === 'rename' || step.op === 'unlink') return false;
  return (
    is.length <= after.length &&
    is.equals(after.subarray(0, is.length)) &&
    (step.op === 'write' || is.length >= (before?.length ?? 0))
  );
}

function verify(dir, log) {
  const model = new Map();
  let pending;
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    if (!line.endsWith('}')) continue;
    const step = JSON.parse(line);
    if (!step.done) pending = step;
    else {
      apply(model, pending);
      pending = undefined;
    }
  }
  const after = new Map(model);
  if (pending !== undefined) apply(after, pending);
  const there = new Set(existsSync(dir) ? readdirSync(dir) : []);
  const all = new Set(
    [...model.keys(), ...after.keys(), ...there].filter((name) => name !== 'held' || model.has('held')),
  );
  for (const name of all) {
    const is = there.has(name) ? readFileSync(join(dir, name)) : undefined;
    const touched = pending !== undefined && [pending.name ?? 'held', pending.to].includes(name);
    const good = touched
      ? underWay(is, model.get(name), after.get(name), pending)
      : is?.equals(model.get(name) ?? Buffer.from('absent'));
    if (good || (is === undefined && !model.has(name))) continue;
    console.log(
      `${name}: ${is?.length ?? 'no'} bytes, expected ${model.get(name)?.length ?? 'none'}; under way: ${JSON.stringify(pending)}`,
    );
  }
  console.log(`verified ${all.size} files`);
}

const [mode, dir, argument] = process.argv.slice(2);
if (mode === 'run') run(dir, Number(argument));
else if (mode === 'verify') verify(dir, argument);
