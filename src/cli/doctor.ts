/** `nexus doctor`: looks at everything a mount needs, and says how to mend what is missing. */
import { accessSync, constants, existsSync, readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { Failure } from '../api/failure.ts';
import { loadNative } from '../host/native.ts';
import { findDaemon } from './daemon.ts';
import { checkFuse, inPath } from './preflight.ts';
import { command, dataOf } from './program.ts';
import type { Common } from './program.ts';
import { columns, print, printJson, sizeText } from './terminal.ts';

interface Finding {
  readonly what: string;
  /** `note`: mounts work without it. */
  readonly state: 'ok' | 'note' | 'problem';
  readonly text: string;
  /** The command that mends it. */
  readonly mend?: string;
}

type Look = () => Finding | Promise<Finding>;

function ok(what: string, text: string): Finding {
  return { what, state: 'ok', text };
}

const node: Look = () => {
  const { node: version } = process.versions;
  if (Number(version.split('.')[0]) >= 20) return ok('node', `version ${version}`);
  return {
    what: 'node',
    state: 'problem',
    text: `version ${version} is too old: 20 or newer is needed`,
    mend: 'install Node.js 20 or newer from https://nodejs.org/',
  };
};

const addon: Look = () => {
  try {
    loadNative();
    return ok('addon', 'loads');
  } catch (error) {
    return { what: 'addon', state: 'problem', text: String(error), mend: 'npm run native' };
  }
};

const fuse: Look = () => {
  try {
    checkFuse();
    return ok('fuse', '/dev/fuse can be opened');
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const mend =
      error.kind === 'fusermount-missing'
        ? 'apt-get install fuse3'
        : existsSync('/dev/fuse')
          ? 'chmod 666 /dev/fuse'
          : 'modprobe fuse';
    return { what: 'fuse', state: 'problem', text: error.message, mend };
  }
};

const fusermount: Look = () => {
  const path = inPath(['fusermount3', 'fusermount']);
  if (path !== undefined) return ok('fusermount3', path);
  return {
    what: 'fusermount3',
    state: 'note',
    text: 'not installed: only root can mount',
    mend: 'apt-get install fuse3',
  };
};

/** Passthrough came with Linux 6.9 and needs CAP_SYS_ADMIN. */
const passthrough: Look = () => {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 9)) {
    return {
      what: 'passthrough',
      state: 'note',
      text: `Linux ${release()} has none (6.9 brought it): files are read and written through the daemon`,
    };
  }
  if (process.getuid?.() === 0) return ok('passthrough', `Linux ${release()}, root`);
  return {
    what: 'passthrough',
    state: 'note',
    text: 'only root has it: files are read and written through the daemon',
  };
};

const allowOther: Look = () => {
  if (process.getuid?.() === 0) return ok('allow_other', 'mounts of root are open to all users');
  try {
    if (/^\s*user_allow_other\s*$/m.test(readFileSync('/etc/fuse.conf', 'utf8'))) {
      return ok('allow_other', 'mounts of users are open to others');
    }
  } catch {
    // Without the file nothing is allowed.
  }
  return {
    what: 'allow_other',
    state: 'note',
    text: 'mounts of users are for themselves only',
    mend: 'echo user_allow_other >> /etc/fuse.conf   # as root, only if others are to see mounts of users',
  };
};

function existing(path: string): string {
  return existsSync(path) ? path : existing(dirname(path));
}

function dataLook(data: string): Finding {
  const place = existing(data);
  try {
    accessSync(place, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return {
      what: 'data',
      state: 'problem',
      text: `${place} cannot be written`,
      mend: `chown -R $(id -u) ${place}`,
    };
  }
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  if (free >= 256 * 1024 * 1024) return ok('data', `${data}, ${sizeText(free)} free`);
  return {
    what: 'data',
    state: free < 16 * 1024 * 1024 ? 'problem' : 'note',
    text: `${data} has only ${sizeText(free)} free`,
    mend: 'nexus gc, or free space on that disk',
  };
}

async function daemonLook(data: string): Promise<Finding> {
  using client = await findDaemon(data);
  if (!client) return ok('daemon', 'none runs; the next mount starts one');
  const { pid, mounts } = await client.call('status', {});
  return ok('daemon', `pid ${pid}, ${mounts.length} mounts`);
}

async function run(flags: Common): Promise<void> {
  const data = dataOf(flags);
  const looks: Look[] = [
    node,
    addon,
    fuse,
    fusermount,
    passthrough,
    allowOther,
    () => dataLook(data),
    () => daemonLook(data),
  ];
  const findings: Finding[] = [];
  for (const look of looks) findings.push(await look());
  if (flags.json === true) await printJson(findings);
  else {
    await print(columns(findings.map(({ what, state, text }) => [state, what, text])));
    for (const { what, mend } of findings) if (mend !== undefined) await print(`to mend ${what}: ${mend}\n`);
  }
  const problems = findings.filter((finding) => finding.state === 'problem');
  if (problems.length > 0) {
    throw new Failure('problems', `mounts do not work here: ${problems.map((each) => each.what).join(', ')}`);
  }
}

export function doctorCommand(): Command {
  return command('doctor', 'Check what mounts need on this machine', [
    'nexus doctor',
    'nexus doctor --json',
  ]).action(run);
}
