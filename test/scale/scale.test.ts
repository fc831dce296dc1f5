/** Large directories, large files, bounded memory (FS-7, CAS-2). Small sizes by default; the full ones with NEXUS_LONG. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mountNexus, whyNoMounts, type MountedNexus } from '../mount/harness.ts';
import { shell } from '../programs/shell.ts';

const long = process.env['NEXUS_LONG'] !== undefined;
const entries = long ? 1_000_000 : 20_000;
const bigMiB = long ? 10_240 : 600;
const limitMiB = 300;
const hour = 3_600;

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

/**
 * Percentile of the milliseconds that stat(2) takes, told by a process that stats until `file` exists. Each name is another one, and none is
 * there: the kernel has no answer of its own.
 */
const statUntil = (file: string): string => `python3 - <<'PY'
import os, time
took = []
while not os.path.lexists('${file}') or len(took) < 500:
    t = time.perf_counter()
    try: os.stat('none-%d' % len(took))
    except FileNotFoundError: pass
    took.append(time.perf_counter() - t); time.sleep(0.0005)
took.sort(); print(took[int(len(took) * 0.99)] * 1000)
PY`;

describe.skipIf(whyNoMounts() !== undefined).each([true, false])(
  'scale with passthrough %s',
  (passthrough) => {
    let mounted: MountedNexus;
    let work: string;
    beforeAll(async () => {
      mounted = await mountNexus({ passthrough });
      work = `${mounted.dirs[0]}/workspace`;
    });
    afterAll(async () => {
      await mounted[Symbol.asyncDispose]();
    });

    it(`a directory of ${entries} entries: create, list, stat, delete (FS-7)`, {
      timeout: hour * 1000,
    }, async () => {
      await shell(
        work,
        `python3 - <<'PY'
import os
os.mkdir('many'); os.chdir('many')
for i in range(${entries}):
    os.close(os.open('entry-%d' % i, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
PY`,
        hour,
      );
      expect(await shell(work, 'ls -f many | wc -l', hour)).toBe(`${entries + 2}\n`);
      expect(
        await shell(
          work,
          `python3 - <<'PY'
import os
seen = set()
with os.scandir('many') as it:
    for e in it: seen.add(e.name); assert e.stat().st_size == 0
assert len(seen) == ${entries}, len(seen)
assert os.stat('many/entry-${entries - 1}').st_nlink == 1
print('ok')
PY`,
          hour,
        ),
      ).toBe('ok\n');
      expect(await residentMiB(await mounted.pid())).toBeLessThan(limitMiB);
      await shell(work, 'rm -r many', hour);
      expect(await shell(work, 'ls | wc -l')).toBe('0\n');
      expect(await residentMiB(await mounted.pid())).toBeLessThan(limitMiB);
    });

    it('a sparse file of 100 GB (FS-7)', async () => {
      await shell(
        work,
        'truncate -s 100G sparse && printf middle | dd of=sparse bs=1 seek=50G conv=notrunc status=none && printf end >> sparse',
      );
      expect(
        await shell(
          work,
          'stat -c %s sparse && dd if=sparse bs=1 skip=50G count=6 status=none && tail -c 4 sparse | tr "\\0" .',
        ),
      ).toBe(`${100 * 2 ** 30 + 3}\nmiddle.end`);
      expect(Number(await shell(work, 'du -k sparse | cut -f1'))).toBeLessThan(10_000);
      await shell(work, 'rm sparse');
    });

    it(`appending 4 KiB to a file of ${bigMiB} MiB touches little (CAS-2)`, {
      timeout: hour * 1000,
    }, async () => {
      await shell(work, `head -c ${bigMiB}M /dev/zero | tr '\\0' 'n' > big`, hour);
      const took = Number(
        await shell(
          work,
          `python3 - <<'PY'
import os, time
best = 1e9
for i in range(7):
    t = time.perf_counter(); fd = os.open('big', os.O_WRONLY | os.O_APPEND); os.write(fd, b'a' * 4096); os.close(fd)
    best = min(best, time.perf_counter() - t)
print(best * 1000)
PY`,
          hour,
        ),
      );
      console.log(`append and close: ${took.toFixed(2)} ms`);
      expect(took).toBeLessThan(long ? 20 : 200);
      expect(await shell(work, 'stat -c %s big')).toBe(`${bigMiB * 2 ** 20 + 7 * 4096}\n`);
      expect(await residentMiB(await mounted.pid())).toBeLessThan(limitMiB);
      await shell(work, 'rm big');
    });

    it('a large file written, closed and removed does not make another client wait (FS-7)', {
      timeout: hour * 1000,
    }, async () => {
      const [p99] = await Promise.all([
        shell(work, statUntil('done'), hour),
        shell(work, `head -c ${bigMiB}M /dev/zero | tr '\\0' 'w' > busy; rm busy; touch done`, hour),
      ]);
      console.log(`stat beside it, p99: ${Number(p99).toFixed(2)} ms`);
      // The aim is 2 ms on a quiet machine; here only a held loop is to be found out.
      expect(Number(p99)).toBeLessThan(long ? 20 : 100);
    });

    it('eight clients at once all get on (FS-7)', { timeout: 600_000 }, async () => {
      const client = (i: number): string =>
        `mkdir c${i} && for n in $(seq 60); do echo $n > c${i}/$n; done; cat c${i}/* | wc -l`;
      const done = await Promise.all(Array.from({ length: 8 }, (_, i) => shell(work, client(i), 500)));
      expect(done).toEqual(Array.from({ length: 8 }, () => '60\n'));
    });
  },
);
