/**
 * Builds the native addon: compiles native/*.cc into native/build/nexus.node with the system's C++ compiler.
 * Does nothing when that is newer than every source and was built for this Node. Options: --force, --asan.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const script = fileURLToPath(import.meta.url);
const sourceDir = resolve(dirname(script), '../native');
const outputDir = join(sourceDir, 'build');
const output = join(outputDir, 'nexus.node');
const stampFile = join(outputDir, 'nexus.stamp');

const force = process.argv.includes('--force');
const asan = process.argv.includes('--asan');
const compiler = process.env['CXX'] ?? 'g++';
const warnings = ['-Wall', '-Wextra', '-Werror'];
const optimisation = asan ? ['-O1', '-g', '-fsanitize=address', '-fno-omit-frame-pointer'] : ['-O2'];
const language = ['-std=c++17', '-fPIC', '-fno-exceptions', '-fvisibility=hidden', '-pthread'];
const defines = [
  '-D_GNU_SOURCE',
  '-D_FILE_OFFSET_BITS=64',
  '-DNAPI_VERSION=8',
  '-DNODE_GYP_MODULE_NAME=nexus',
];
// A worker thread's end unloads an addon, but a thread that the kernel holds may still be inside this one.
const linking = ['-shared', '-pthread', '-Wl,-z,nodelete', ...(asan ? ['-fsanitize=address'] : [])];

/** Where node_api.h and uv.h are. */
function findHeaders() {
  const places = [
    process.env['NODE_HEADERS'],
    resolve(dirname(process.execPath), '../include/node'),
    '/usr/include/node',
  ].filter((place) => place !== undefined);
  const found = places.find(
    (place) => existsSync(join(place, 'node_api.h')) && existsSync(join(place, 'uv.h')),
  );
  if (found !== undefined) return found;
  throw new Error(
    `the headers of Node ${process.version} (node_api.h, uv.h) are in none of ${places.join(', ')}. ` +
      `Install Debian's package libnode-dev, or unpack node-${process.version}-headers.tar.gz from nodejs.org/dist ` +
      'and set NODE_HEADERS to its include/node folder.',
  );
}

/** What the result depends on besides the sources. */
function stamp() {
  return JSON.stringify({
    abi: process.versions.modules,
    uv: process.versions.uv,
    arch: process.arch,
    compiler,
    asan,
  });
}

async function isCurrent(sources) {
  if (force || !existsSync(output) || !existsSync(stampFile)) return false;
  if ((await readFile(stampFile, 'utf8')) !== stamp()) return false;
  const built = (await stat(output)).mtimeMs;
  const changed = await Promise.all([...sources, script].map(async (path) => (await stat(path)).mtimeMs));
  return changed.every((time) => time <= built);
}

async function compile(source, object, headers) {
  await run(compiler, [
    ...language,
    ...optimisation,
    ...warnings,
    ...defines,
    '-isystem',
    headers,
    '-c',
    source,
    '-o',
    object,
  ]);
}

async function build() {
  const sources = (await readdir(sourceDir))
    .filter((name) => /\.(cc|h)$/.test(name))
    .map((name) => join(sourceDir, name));
  if (await isCurrent(sources)) return;
  const headers = findHeaders();
  const started = new Date();
  await mkdir(outputDir, { recursive: true });
  const work = await mkdtemp(join(outputDir, 'work-'));
  try {
    const units = sources
      .filter((path) => path.endsWith('.cc'))
      .map((path, index) => ({ path, object: join(work, `${String(index)}.o`) }));
    const waiting = [...units];
    const worker = async () => {
      for (let unit = waiting.shift(); unit !== undefined; unit = waiting.shift())
        await compile(unit.path, unit.object, headers);
    };
    await Promise.all([worker(), worker()]);
    const linked = join(work, 'nexus.node');
    await run(compiler, [...units.map((unit) => unit.object), ...linking, '-o', linked]);
    // A source that is changed while this runs must count as newer.
    await utimes(linked, started, started);
    await writeFile(join(work, 'stamp'), stamp());
    // Renamed into place: a process that has the old one loaded keeps it, and none ever sees half of the new one.
    await rename(linked, output);
    await rename(join(work, 'stamp'), stampFile);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

try {
  await build();
} catch (error) {
  const missing = error.code === 'ENOENT' && error.path === compiler;
  console.error(
    missing
      ? `${compiler} is not installed; install Debian's package g++, or set CXX.`
      : error.stderr || error.message,
  );
  process.exitCode = 1;
}
