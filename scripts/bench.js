/**
 * Compares, in one run on one machine, a host directory with our mounts and, where installed, bindfs:
 * node scripts/bench.js [--files N] [--mib N] [--rounds N] [--only micro|programs|permissions] [--json FILE]
 * Figures are medians over interleaved rounds; goals are ratios within the run, or the microseconds the README aims at.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '2000' },
    mib: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});

/** What each figure should reach in the passthrough column: a limit in microseconds, or a share of the host's figure. */
const goals = {
  stat: { most: 15 },
  'create+write+close': { most: 100 },
  'open+read+close': { most: 40 },
  'readdir+stat': { most: 2.5 },
  rename: { most: 45 },
  unlink: { most: 45 },
  'write 100 B': { most: 1 },
  'write MiB/s': { leastOfHost: 0.9 },
  'cold read MiB/s': { leastOfHost: 0.9 },
  'git clone s': { mostOfHost: 1.5 },
  'tar x s': { mostOfHost: 3 },
  'npm ci s': { mostOfHost: 1.3 },
  'rm -rf s': { mostOfHost: 6 },
};

const work = mkdtempSync(
  join(process.env.BENCH_DIR ?? (existsSync('/var/tmp') ? '/var/tmp' : tmpdir()), 'nexus-bench.'),
);
const nexus = join(root, 'scripts/nexus');
const undo = [];

/** Runs a command to its end; throws with its output when it fails. Asynchronous: the mount must be able to answer. */
function run(command, args, cwd = '/') {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let error = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (error += data));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${command} ${args.join(' ')}: ${error}`)),
    );
  });
}

const sh = (script, cwd) => run('sh', ['-c', `cd "$0" && ${script}`, cwd]);

async function mountNexus(name, ...flags) {
  const dir = join(work, name);
  mkdirSync(dir);
  const data = join(work, `${name}.data`);
  await run(nexus, ['mount', dir, '--data', data, ...flags]);
  undo.push(() => run(nexus, ['stop', '--data', data]));
  return join(dir, 'workspace');
}

/** A mount of an agent that owns the volume: registered, granted, and asked about at each operation. */
async function mountAgent(name) {
  const data = ['--data', join(work, `${name}.data`)];
  await run(nexus, ['user', 'create', 'bench', ...data]);
  await run(nexus, ['agent', 'register', 'bench', '--owner', 'bench', ...data]);
  await run(nexus, [
    'rebac',
    'grant',
    'agent',
    'bench',
    'file',
    '/workspace',
    '--relation',
    'owner',
    ...data,
  ]);
  return mountNexus(name, '--as', 'agent:bench');
}

async function columns() {
  const host = join(work, 'host');
  mkdirSync(host);
  const found = {
    host,
    nexus: await mountNexus('passthrough'),
    'nexus plain': await mountNexus('plain', '--no-passthrough'),
    // Each operation asks the guard, as for a subject whose rights can be taken back at any moment.
    'nexus agent': await mountAgent('agent'),
  };
  if (spawnSync('bindfs', ['--version']).status === 0) {
    const dir = join(work, 'bindfs');
    mkdirSync(dir);
    mkdirSync(join(work, 'bound'));
    await run('bindfs', [join(work, 'bound'), dir]);
    undo.push(() => run('umount', [dir]));
    found.bindfs = dir;
  }
  return found;
}

/** A small repository, an archive and a lock file, made here: the programs' input. */
async function makeInput() {
  const input = join(work, 'input');
  mkdirSync(input);
  cpSync(join(root, 'package.json'), join(input, 'npm/package.json'), { recursive: true });
  cpSync(join(root, 'package-lock.json'), join(input, 'npm/package-lock.json'));
  await sh(
    `git init -q repo && cd repo && git config user.email a@example.org && git config user.name a &&
     for d in $(seq 40); do mkdir -p src/$d; for f in $(seq 25); do seq $d $((d * f + 400)) > src/$d/$f.txt; done; done &&
     git add . && git commit -qm one && git gc -q && cd .. && tar cf repo.tar -C repo src`,
    input,
  );
  return input;
}

async function seconds(work) {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function programs(dir, input) {
  const figures = {};
  const time = async (name, script) => (figures[name] = await seconds(() => sh(script, dir)));
  await time('git clone s', `git clone -q ${input}/repo clone`);
  await time('tar x s', `mkdir tar && tar xf ${input}/repo.tar -C tar`);
  await time('grep -r s', 'grep -r "no such line" clone/src || true');
  await time(
    'sqlite s',
    'for i in $(seq 1000); do echo "insert into t values ($i);"; done | { echo "create table t(a);"; cat; } | sqlite3 t.db',
  );
  await sh(`cp -r ${input}/npm npm`, dir);
  await time(
    'npm ci s',
    'cd npm && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --loglevel=error',
  );
  await time('rm -rf s', 'rm -rf npm/node_modules');
  await sh('rm -rf clone tar t.db npm', dir);
  return figures;
}

const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

function verdict(name, figures) {
  const goal = goals[name];
  const ours = figures.nexus;
  if (goal?.most !== undefined)
    return ours <= goal.most ? `ok (<= ${goal.most})` : `MISSED (<= ${goal.most})`;
  if (goal?.mostOfHost !== undefined)
    return `${(ours / figures.host).toFixed(2)}x host, aim ${goal.mostOfHost}`;
  if (goal?.leastOfHost !== undefined)
    return `${(ours / figures.host).toFixed(2)}x host, aim ${goal.leastOfHost}`;
  return '';
}

/** What asking for permission makes of a time: the median of agent's to administrator's in each round, both without passthrough. */
function costOfAsking(name, byColumn) {
  const [plain, agent] = [byColumn['nexus plain'], byColumn['nexus agent']];
  const ratios = plain.map((figure, round) => agent[round] / figure);
  return name.includes('MiB/s') ? 1 / median(ratios) : median(ratios);
}

async function main() {
  const client = join(work, 'client');
  await run('cc', ['-O2', '-o', client, join(root, 'test/bench/client.c')]);
  const dirs = await columns();
  const input = options.only === 'micro' ? undefined : await makeInput();
  const samples = {};
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [column, dir] of Object.entries(dirs)) {
      const figures = {};
      if (options.only !== 'programs') {
        const place = join(dir, `micro${round}`);
        await sh(`mkdir micro${round}`, dir);
        Object.assign(figures, JSON.parse(await run(client, [place, options.files, options.mib])));
        await sh(`rmdir micro${round}`, dir);
      }
      if (input !== undefined) Object.assign(figures, await programs(dir, input));
      for (const [name, figure] of Object.entries(figures))
        ((samples[name] ??= {})[column] ??= []).push(figure);
    }
  }
  const names = Object.keys(dirs);
  console.log(
    `${cpus().length} x ${cpus()[0]?.model}, ${options.rounds} rounds, medians; us an operation unless said`,
  );
  console.log(
    [''.padEnd(20), ...names.map((name) => name.padStart(13)), 'asking'.padStart(9), '  goal'].join(' '),
  );
  for (const [name, byColumn] of Object.entries(samples)) {
    const figures = Object.fromEntries(
      Object.entries(byColumn).map(([column, list]) => [column, median(list)]),
    );
    const cells = names.map((column) =>
      (figures[column]?.toFixed(figures[column] < 100 ? 2 : 0) ?? '').padStart(13),
    );
    const guarded = costOfAsking(name, byColumn).toFixed(2).padStart(9);
    console.log([name.padEnd(20), ...cells, guarded, `  ${verdict(name, figures)}`].join(' '));
  }
  if (options.json) writeFileSync(options.json, JSON.stringify(samples, null, 2));
}

try {
  if (options.only !== 'permissions') await main();
  if (options.only === undefined || options.only === 'permissions')
    console.log(
      await run(process.execPath, ['--expose-gc', join(root, 'scripts/bench-permissions.js')], root),
    );
} finally {
  for (const step of undo.reverse()) await step().catch((error) => console.error(String(error)));
  rmSync(work, { recursive: true, force: true });
}
