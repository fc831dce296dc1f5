/**
 * Runs steps on mounts with real system calls: driver.js NOISE DIR…, a request a line on standard input, an answer a line on
 * standard output. NOISE is the file that written bytes are cut from; each DIR is one tree as one mount shows it.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

process.umask(0);
const [noiseFile, ...dirs] = process.argv.slice(2);
const noise = fs.readFileSync(noiseFile);
const handles = new Map();
const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC } = fs.constants;
const flagsOf = {
  read: O_RDONLY,
  write: O_RDWR,
  append: O_RDWR | O_APPEND,
  truncate: O_RDWR | O_TRUNC,
  exclusive: O_RDWR | O_CREAT | O_EXCL,
};

function bytesOf({ length, seed }) {
  if (seed === 0) return Buffer.alloc(length);
  const from = ((seed % 32) * 65_536) % (noise.length - length);
  return noise.subarray(from, from + length);
}

function digest(bytes) {
  if (bytes.length <= 40) return bytes.toString('latin1');
  return `${bytes.length} bytes ${createHash('sha1').update(bytes).digest('hex')}`;
}

function refuse(code) {
  throw Object.assign(new Error(code), { code });
}

function writeAll(fd, bytes, offset) {
  let done = fs.writeSync(fd, bytes, 0, bytes.length, offset);
  while (done < bytes.length) done += fs.writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

function readRange(fd, offset, length) {
  const bytes = Buffer.alloc(length);
  let done = 0;
  for (let count = 1; count > 0 && done < length; done += count) {
    count = fs.readSync(fd, bytes, done, length - done, offset + done);
  }
  return bytes.subarray(0, done);
}

function open(path, how) {
  const fd = fs.openSync(path, flagsOf[how], 0o644);
  if (how !== 'read' || !fs.fstatSync(fd).isDirectory()) return fd;
  fs.closeSync(fd);
  return refuse('EISDIR');
}

function through(path, how, use) {
  const fd = open(path, how);
  try {
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function typeOf(stat) {
  return stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'file';
}

function statText(stat) {
  const type = typeOf(stat);
  const size = type === 'directory' ? '' : ` size ${stat.size}`;
  return `${type} ${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid} nlink ${stat.nlink}${size}`;
}

const onPath = {
  mkdir: ({ mode }, path) => fs.mkdirSync(path, mode & 0o1777),
  create: ({ mode }, path) => fs.closeSync(fs.openSync(path, O_RDWR | O_CREAT | O_EXCL, mode)),
  symlink: ({ target }, path) => fs.symlinkSync(target, path),
  link: ({ to, root }, path) => fs.linkSync(path, join(root, to)),
  unlink: (_, path) => fs.unlinkSync(path),
  rmdir: (_, path) => fs.rmdirSync(path),
  rename: ({ to, root }, path) => fs.renameSync(path, join(root, to)),
  chmod: ({ mode }, path) => fs.chmodSync(path, mode),
  chown: ({ uid, gid }, path) => fs.lchownSync(path, uid, gid),
  truncate: ({ size }, path) => fs.truncateSync(path, size),
  resize: ({ size }, path) => fs.truncateSync(path, size),
  write: ({ data, offset }, path) =>
    through(path, 'write', (fd) => writeAll(fd, Buffer.from(data, 'latin1'), offset)),
  put: ({ data }, path) => through(path, 'truncate', (fd) => writeAll(fd, bytesOf(data), 0)),
  extend: ({ data }, path) => through(path, 'append', (fd) => writeAll(fd, bytesOf(data), 0)),
  patch: ({ data, offset }, path) => through(path, 'write', (fd) => writeAll(fd, bytesOf(data), offset)),
  stat: (_, path) => statText(fs.lstatSync(path)),
  read: (_, path) => digest(fs.readFileSync(path)),
  list: (_, path) => fs.readdirSync(path).sort().join(' '),
  open({ handle, how }, path) {
    const old = handles.get(handle);
    handles.delete(handle);
    if (old !== undefined) fs.closeSync(old);
    handles.set(handle, open(path, how));
  },
};

const onHandle = {
  close({ handle }, fd) {
    handles.delete(handle);
    fs.closeSync(fd);
  },
  fsync: (_, fd) => fs.fsyncSync(fd),
  fstat(_, fd) {
    const { size, nlink } = fs.fstatSync(fd);
    return `size ${size} nlink ${nlink}`;
  },
  pwrite: ({ data, offset }, fd) => writeAll(fd, bytesOf(data), offset),
  pread: ({ offset, length }, fd) => digest(readRange(fd, offset, length)),
  ftruncate: ({ size }, fd) => fs.ftruncateSync(fd, size),
};

function runStep(step, dir) {
  try {
    const root = join(dirs[step.via], dir);
    const value =
      step.op in onHandle
        ? onHandle[step.op](step, handles.get(step.handle) ?? refuse('EBADF'))
        : onPath[step.op]({ ...step, root }, join(root, step.path));
    return typeof value === 'string' ? { value } : {};
  } catch (error) {
    if (error.code === undefined) throw error;
    return { code: error.code };
  }
}

/** Every node below a directory; mtimes too, which no reference tree knows but which a restart must keep. */
function state(root) {
  const found = [];
  const walk = (path) => {
    const stat = fs.lstatSync(join(root, path), { bigint: true });
    found.push([path, stat]);
    if (!stat.isDirectory()) return;
    for (const name of fs.readdirSync(join(root, path))) walk(path === '/' ? `/${name}` : `${path}/${name}`);
  };
  walk('/');
  found.sort(([a], [b]) => (a < b ? -1 : 1));
  const first = new Map();
  for (const [path, { ino }] of found) if (!first.has(ino)) first.set(ino, path);
  return found.map(([path, stat]) => {
    const type = typeOf(stat);
    const at = join(root, path);
    const bytes =
      type === 'file'
        ? fs.readFileSync(at)
        : Buffer.from(type === 'symlink' ? fs.readlinkSync(at, 'buffer') : '');
    const { uid, gid, nlink, ino } = stat;
    const numbers = {
      mode: Number(stat.mode) & 0o7777,
      uid: Number(uid),
      gid: Number(gid),
      nlink: Number(nlink),
    };
    return [
      path,
      { type, ...numbers, content: digest(bytes), first: first.get(ino), mtime: String(stat.mtimeNs) },
    ];
  });
}

/** Numbers below a bound from a seed (a linear congruential generator's high bits). */
function random(seed) {
  let state = BigInt(seed) * 2_862_933_555_777_941_757n + 3_037_000_493n;
  return (below) => {
    state = BigInt.asUintN(64, state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n);
    return Number((state >> 33n) % BigInt(below));
  };
}

/** What an atomic replacement puts in place: its text says how it must look, whole. */
function record(tag, length) {
  return Buffer.from(`${tag} ${length}\n`.padEnd(length, tag));
}

/** What is wrong with it; undefined for a whole one. */
function damage(bytes) {
  const [head] = bytes.toString('latin1').split('\n', 1);
  const [tag, length] = head.split(' ');
  const whole = record(tag, Number(length ?? 0));
  if (bytes.equals(whole)) return undefined;
  const differs = bytes.findIndex((byte, i) => byte !== whole[i]);
  return `${bytes.length} bytes that begin with '${head}' and differ from ${differs === -1 ? 'their end' : differs} on`;
}

const expected = new Set(['EEXIST', 'ENOENT']);
/** ESTALE, which Node has no name for: a name that was replaced twice while it was being opened. */
const stale = -116;

/** Works on names that others work on at the same time; tells what it was answered, for the sums to be done at the end. */
function share({ name, seed, count, dir }) {
  const next = random(seed);
  const done = { lines: [], won: [], increments: 0, broken: [] };
  const mount = () => join(dirs[next(dirs.length)], dir);
  const at = (file) => join(mount(), file);
  const works = [
    (n) => {
      const line = `${name} ${n} ${'.'.repeat(next(200))}\n`;
      appending(at('log'), (fd) => writeAll(fd, Buffer.from(line), null));
      done.lines.push(line);
    },
    (n) => {
      fs.writeFileSync(at(`replaced/part-${name}-${n}`), record(`${name}-${n}`, 30 + next(9000)));
      // Both names through one mount: between two it is EXDEV.
      const root = mount();
      fs.renameSync(join(root, `replaced/part-${name}-${n}`), join(root, `replaced/x${next(3)}`));
    },
    () => {
      const damaged = damage(fs.readFileSync(at(`replaced/x${next(3)}`)));
      if (damaged !== undefined) done.broken.push(`a replaced file is not whole: ${damaged}`);
    },
    () => {
      fs.mkdirSync(at('locked/lock'));
      const there = fs.existsSync(at('locked/counter'));
      const before = there ? Number(fs.readFileSync(at('locked/counter'), 'utf8')) : 0;
      fs.writeFileSync(at('locked/counter'), String(before + 1));
      fs.rmdirSync(at('locked/lock'));
      done.increments++;
    },
    (n) => {
      fs.closeSync(fs.openSync(at(`once-${n}`), 'wx'));
      done.won.push(n);
    },
    (n) => {
      const root = mount();
      fs.linkSync(join(root, `replaced/x${next(3)}`), join(root, `link-${name}-${n}`));
      fs.unlinkSync(at(`link-${name}-${n}`));
    },
  ];
  for (let n = 0; n < count; n++) {
    try {
      works[next(works.length)](n);
    } catch (error) {
      if (!expected.has(error.code) && error.errno !== stale) done.broken.push(String(error));
    }
  }
  return done;
}

function appending(path, use) {
  const fd = fs.openSync(path, 'a');
  try {
    use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

const requests = {
  run: ({ dir, steps }) => steps.map((step) => runStep(step, dir)),
  state: ({ dir, via }) => state(join(dirs[via], dir)),
  share,
  /** After a kill closing fails: nobody is there to be told. */
  closeAll() {
    for (const fd of handles.values()) {
      try {
        fs.closeSync(fd);
      } catch (error) {
        if (error.code !== 'ENOTCONN' && error.code !== 'ECONNABORTED') throw error;
      }
    }
    handles.clear();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { request, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { answer: requests[request](rest) ?? null };
  } catch (error) {
    answer = { error: String(error.stack) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
