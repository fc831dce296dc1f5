/** The process that serves the mounts of a test: `server.ts OPTIONS DIR...`, ends tidily when its standard input does. */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Locks } from '../../src/fuse/locks.ts';
import type { FuseMount } from '../../src/fuse/mount.ts';
import { openFuseMount } from '../../src/fuse/mount.ts';
import { loadNative } from '../../src/host/native.ts';
import type { Authorizer } from '../../src/vfs/authorizer.ts';
import { guard } from '../../src/vfs/guard.ts';
import { observe } from '../../src/vfs/observe.ts';
import { MemoryFs } from './memory-fs.ts';

/** Everybody may do everything, but for nodes that do not exist for anybody. */
class Denied implements Authorizer {
  revision = 0;
  readonly tracks = false;
  nodes: ReadonlySet<number> = new Set();

  sees(node: number): boolean {
    return !this.nodes.has(node);
  }

  allows(_: unknown, __: unknown, node: number): boolean {
    return this.sees(node);
  }

  everything(): boolean {
    return false;
  }

  widens(): boolean {
    return false;
  }

  moved(): void {
    // Nobody inherits anything.
  }

  removed(): void {
    // Nothing is granted on single nodes.
  }
}

function tell(event: string, more: object = {}): void {
  writeSync(1, `${JSON.stringify({ event, ...more })}\n`);
}

const [options = '{}', ...dirs] = process.argv.slice(2);
const {
  passthrough = false,
  uid,
  restricted = false,
  users,
} = JSON.parse(options) as {
  passthrough?: boolean;
  uid?: number;
  /** Guarded, with rights that lines on the standard input change: a JSON array of the nodes nobody may see. */
  restricted?: boolean;
  users?: Record<string, string>;
};
const native = loadNative();
if (uid !== undefined) process.setuid?.(uid);
const memory = new MemoryFs();
const observed = observe(memory);
const rights = new Denied();
const fs = restricted ? guard(observed, rights) : observed;
const locks = new Locks();
const mounts: FuseMount[] = [];
try {
  for (const [index, dir] of dirs.entries()) {
    const mount = await openFuseMount({
      native,
      fs,
      dir,
      source: 'nexus test',
      via: index + 1,
      subject: 'user:test',
      zone: 'default',
      locks,
      passthrough,
      restricted,
      ...(users && { subjectOf: (of: number) => users[of] }),
      writtenElsewhere: (node) => dirs.length > 1 && memory.unseen(node),
      log: (text) => tell('log', { text }),
    });
    observed.subscribe(mount);
    mounts.push(mount);
    void mount.ended.then((reason) => tell('ended', { index, reason: reason ?? null }));
  }
  tell('ready', { paths: mounts.map(({ path }) => path) });
} catch (error) {
  tell('failed', { code: (error as { code?: string }).code, text: String(error) });
  process.exitCode = 3;
}
for await (const line of createInterface({ input: process.stdin })) {
  rights.nodes = new Set(JSON.parse(line) as number[]);
  rights.revision++;
  const began = performance.now();
  const everyone = users === undefined;
  await Promise.all(mounts.map((mount) => mount.revoke((node) => everyone && rights.sees(node))));
  tell('revoked', { ms: performance.now() - began });
}
for (const mount of mounts) {
  tell('stats', mount.stats());
  await mount[Symbol.asyncDispose]();
}
tell('closed', { seen: memory.seen.length });
memory[Symbol.dispose]();
