/**
 * What permissions cost: checks in memory, a million tuples, a restricted listing in a tree of a million files, a tuple write with a
 * hundred mounts up. Run by scripts/bench.js; alone: node --expose-gc scripts/bench-permissions.js [--files N] [--mounts N]
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: { files: { type: 'string', default: '1000000' }, mounts: { type: 'string', default: '100' } },
});
const load = (path) => import(join(root, 'dist', path));
const { Access } = await load('access/access.js');
const { Registry } = await load('identity/registry.js');
const { MemoryKv } = await load('kv/memory-kv.js');
const { Engine } = await load('rebac/engine.js');
const { parseModel } = await load('rebac/model.js');
const { MemoryTuples } = await load('rebac/memory-tuples.js');
const { defaultModel } = await load('rebac/default-model.js');
const { TupleStore } = await load('rebac/store.js');
const { ControlClient } = await load('cli/control-client.js');

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const report = (name, value, unit, most) =>
  console.log(
    `${name.padEnd(56)} ${value.toFixed(value < 10 ? 3 : 1).padStart(10)} ${unit.padEnd(4)} ${value <= most ? 'ok' : 'MISSED'} (<= ${most})`,
  );

/** Microseconds a call, the median of seven rounds. */
function time(count, call) {
  const rounds = [];
  for (let round = 0; round < 7; round++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < count; i++) call(i);
    rounds.push(Number(process.hrtime.bigint() - start) / 1000 / count);
  }
  return median(rounds);
}

const caller = (subject) => ({
  subject,
  zone: 'default',
  uid: 0,
  gid: 0,
  groups: [],
  pid: 1,
  umask: 0,
  via: 1,
});
const permitted = (id) => ({ type: 'file', id: String(id) });

/** A tree of directories of 100, ten deep at most, that costs no memory: the parent of n is n / 100. */
function wideTree(files) {
  const directories = Math.ceil(files / 100);
  return {
    size: files,
    lineage: (node) => {
      if (node < 1 || node > files) return undefined;
      return {
        parents: node === 1 ? [] : [Math.max(1, Math.floor(node / 100))],
        directory: node <= directories,
        owner: undefined,
      };
    },
  };
}

async function checks() {
  const tree = wideTree(Number(options.files));
  const kv = new MemoryKv();
  const registry = await Registry.open({ kv });
  await registry.createUser('default', 'alice');
  const store = await TupleStore.open({ kv, zone: 'default' });
  const access = await Access.open({
    tree,
    root: 1,
    zones: { store: async () => store },
    registry,
    admins: () => false,
    zoneOf: () => 'default',
  });
  await store.write({
    writes: [{ object: permitted(2), relation: 'viewer', subject: { type: 'user', id: 'alice' } }],
  });
  const alice = caller('user:alice');
  const inside = 2_000_000 % tree.size === 0 ? 200 : 20_000;
  for (let i = 0; i < 20_000; i++) await access.allows(alice, 'read', 200 + (i % 100));
  report(
    'hot check',
    time(500_000, () => access.allows(alice, 'read', inside)),
    'us',
    0.1,
  );
  // Another directory each time: the first question about each is answered from its parents.
  let next = 20_000;
  report(
    'cold check (a directory never asked about)',
    time(1000, () => access.allows(alice, 'read', next++ * 10)),
    'us',
    5,
  );
  const entries = Array.from({ length: 10_000 }, (_, i) => 20_000 + i);
  const listings = [];
  for (let round = 0; round < 7; round++) {
    await store.write({
      writes: [
        { object: permitted(300 + round), relation: 'viewer', subject: { type: 'user', id: 'alice' } },
      ],
    });
    const start = performance.now();
    let seen = 0;
    for (const entry of entries) if (await access.allows(alice, 'see', entry)) seen++;
    if (seen === 0) throw new Error('nothing was seen');
    listings.push(performance.now() - start);
  }
  report(`seeing through 10,000 entries in a tree of ${options.files}`, median(listings), 'ms', 30);
  access[Symbol.dispose]();
}

/** 200,000 memberships of 10,000 groups, 800,000 grants: a quarter of them to groups. */
function* manyTuples() {
  for (let group = 0; group < 10_000; group++) {
    const object = { type: 'group', id: `g${group}` };
    for (let i = 0; i < 20; i++)
      yield {
        object,
        relation: 'member',
        subject: { type: 'user', id: `u${(group * 7 + i * 131) % 50_000}` },
      };
  }
  for (let i = 0; i < 800_000; i++) {
    const subject =
      i % 4 === 0
        ? { type: 'group', id: `g${i % 10_000}`, relation: 'member' }
        : { type: 'user', id: `u${i % 50_000}` };
    yield { object: permitted(i), relation: i % 3 === 0 ? 'editor' : 'viewer', subject };
  }
}

async function million() {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const tuples = new MemoryTuples();
  tuples.write(manyTuples());
  globalThis.gc?.();
  report(
    '1,000,000 tuples and 10,000 groups in memory',
    (process.memoryUsage().rss - before) / 2 ** 20,
    'MiB',
    300,
  );
  const engine = new Engine(parseModel(defaultModel), tuples);
  const durations = [];
  for (let i = 0; i < 2000; i++) {
    const subject = { type: 'user', id: `u${(i * 37) % 50_000}` };
    const question = { subject, relation: 'can_read', object: permitted((i * 37) % 800_000) };
    const start = process.hrtime.bigint();
    await engine.check(question);
    durations.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  console.log(
    `${'engine check among them (any model)'.padEnd(56)} ${median(durations).toFixed(2).padStart(10)} us`,
  );
}

async function mounts() {
  const work = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'nexus-bench.'));
  const data = join(work, 'data');
  const nexus = (...args) =>
    execFileSync(join(root, 'scripts/nexus'), args, {
      cwd: '/',
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, NEXUS_DATA: data },
    });
  try {
    mkdirSync(join(work, 'admin'));
    nexus('mount', join(work, 'admin'));
    execFileSync(
      'sh',
      ['-c', 'mkdir -p "$0/shared" && echo x > "$0/shared/x"', join(work, 'admin/workspace')],
      { cwd: '/' },
    );
    nexus('user', 'create', 'alice');
    const client = await ControlClient.connect(data);
    for (let i = 0; i < Number(options.mounts); i++) {
      const dir = join(work, `m${i}`);
      mkdirSync(dir);
      await client.call('agents.register', { name: `a${i}`, owner: 'alice' });
      await client.call('mounts.add', {
        dir,
        as: `agent:a${i}`,
        zone: 'default',
        readOnly: false,
        passthrough: false,
      });
    }
    // Each kernel has something to drop only when it was shown something.
    const look = async () =>
      promisify(execFile)(
        'sh',
        ['-c', 'for m in "$0"/m*; do cat "$m/workspace/shared/x" || exit 1; done', work],
        {
          cwd: '/',
        },
      );
    const times = { one: [], all: [] };
    for (let round = 0; round < 10; round++) {
      for (const [who, subject] of [
        ['one', { type: 'agent', name: 'a7' }],
        ['all', { type: 'user', name: 'alice' }],
      ]) {
        const tuple = { subject, object: { type: 'file', name: '/workspace/shared' }, relation: 'viewer' };
        for (const operation of ['rebac.grant', 'rebac.revoke']) {
          if (operation === 'rebac.revoke' && who === 'all') await look();
          const start = performance.now();
          await client.call(operation, tuple);
          if (operation === 'rebac.revoke') times[who].push(performance.now() - start);
        }
      }
    }
    report(`revocation that concerns 1 of ${options.mounts} mounts`, median(times.one), 'ms', 5);
    report(`revocation that concerns all ${options.mounts} mounts`, median(times.all), 'ms', 5);
    client[Symbol.dispose]();
  } finally {
    try {
      nexus('stop');
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
}

await checks();
await million();
if (process.getuid() === 0) await mounts();
