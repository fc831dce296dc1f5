/** A mount whose data directory is full: nothing acknowledged is lost, deleting works, and when there is room everything does. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type MountedNexus, mountNexus, whyNoMounts } from '../mount/harness.ts';
import { attempt, shell } from '../programs/shell.ts';

const script = fileURLToPath(new URL('fill.py', import.meta.url));
const reason = whyNoMounts() ?? (process.getuid?.() === 0 ? undefined : 'loop mounts need root');

/** An ext4 of 64 MiB, with 8 MiB of it taken by `ballast`. */
async function smallDisk(): Promise<{ readonly path: string; readonly work: string } & AsyncDisposable> {
  const work = await mkdtemp(join(tmpdir(), 'nexus-full-'));
  const path = join(work, 'disk');
  await mkdir(path);
  await shell(
    '/',
    `truncate -s 64M ${work}/image && mkfs.ext4 -q -m 0 ${work}/image && mount -o loop ${work}/image ${path}`,
  );
  await writeFile(join(path, 'ballast'), Buffer.alloc(8 << 20, 1), { flush: true });
  return {
    path,
    work,
    async [Symbol.asyncDispose]() {
      await attempt('/', `umount ${path} || umount -l ${path}`);
      await rm(work, { recursive: true, force: true });
    },
  };
}

async function fsck(mounted: MountedNexus): Promise<void> {
  const { code, stdout, stderr } = await mounted.nexus(['fsck', '--json']);
  expect(code, stdout + stderr).toBe(0);
}

describe.skipIf(reason !== undefined).each([true, false])(
  `a full data directory${reason === undefined ? '' : ` (${reason})`}, passthrough %s`,
  (passthrough) => {
    it('loses nothing acknowledged, deletes, survives kill -9, goes on with room (FS-3, FS-5, FS-8)', {
      timeout: 300_000,
    }, async () => {
      await using disk = await smallDisk();
      await using mounted = await mountNexus({ passthrough, data: join(disk.path, 'data') });
      const dir = join(mounted.workspace, 'full');
      const log = join(disk.work, 'log');
      const run = (mode: string): Promise<string> => shell('/', `python3 ${script} ${mode} ${dir} ${log}`);
      await shell('/', `mkdir ${dir}`);
      expect(await run('fill')).toMatch(/^\d\d+ files\n$/);
      const good = /^\d+ files\n$/;
      expect(await run('verify')).toMatch(good);
      await run('delete');
      expect(await run('verify')).toMatch(good);

      await mounted.kill9();
      await mounted.remount();
      expect(await run('verify')).toMatch(good);
      await fsck(mounted);

      // Versions keep what was deleted: only what no version names is freed.
      const { code, stderr } = await mounted.nexus(['gc']);
      expect(code, stderr).toBe(0);
      expect(await run('verify')).toMatch(good);
      await run('delete');
      expect((await mounted.nexus(['stop'])).code).toBe(0);
      await mounted.remount();
      expect(await run('verify')).toMatch(good);

      await rm(join(disk.path, 'ballast'));
      await shell(
        dir,
        `head -c 3000000 /dev/urandom > ${disk.work}/new; cp ${disk.work}/new new; cmp ${disk.work}/new new; rm new`,
      );
      expect(await run('verify')).toMatch(good);
      await fsck(mounted);
    });
  },
);
