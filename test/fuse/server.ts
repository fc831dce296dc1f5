/** The process that serves the mounts of a test: `server.ts OPTIONS DIR...`, ends tidily when its standard input does. */
import { writeSync } from 'node:fs';
import { Locks } from '../../src/fuse/locks.ts';
import type { FuseMount } from '../../src/fuse/mount.ts';
import { openFuseMount } from '../../src/fuse/mount.ts';
import { loadNative } from '../../src/host/native.ts';
import { observe } from '../../src/vfs/observe.ts';
import { MemoryFs } from './memory-fs.ts';

function tell(event: string, more: object = {}): void {
  writeSync(1, `${JSON.stringify({ event, ...more })}\n`);
}

const [options = '{}', ...dirs] = process.argv.slice(2);
const { passthrough = false, uid } = JSON.parse(options) as { passthrough?: boolean; uid?: number };
const native = loadNative();
if (uid !== undefined) process.setuid?.(uid);
const memory = new MemoryFs();
const fs = observe(memory);
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
      writtenElsewhere: (node) => dirs.length > 1 && memory.unseen(node),
      log: (text) => tell('log', { text }),
    });
    fs.subscribe(mount);
    mounts.push(mount);
    void mount.ended.then((reason) => tell('ended', { index, reason: reason ?? null }));
  }
  tell('ready', { paths: mounts.map(({ path }) => path) });
} catch (error) {
  tell('failed', { code: (error as { code?: string }).code, text: String(error) });
  process.exitCode = 3;
}
await new Promise((resolve) => process.stdin.once('close', resolve).resume());
for (const mount of mounts) {
  tell('stats', mount.stats());
  await mount[Symbol.asyncDispose]();
}
tell('closed', { seen: memory.seen.length });
memory[Symbol.dispose]();
