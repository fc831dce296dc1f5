/** Ordinary programs on a mount, with passthrough and without (FS-1). */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mountNexus, whyNoMounts, type MountedNexus } from '../mount/harness.ts';
import { attempt, shell } from './shell.ts';

const modes: readonly { title: string; passthrough: boolean; as?: string }[] = [
  { title: 'with passthrough', passthrough: true },
  { title: 'without passthrough', passthrough: false },
  { title: 'as an agent', passthrough: false, as: 'agent:tester' },
];

const smallProject = `
mkdir -p src && cd src
for i in $(seq 12); do printf 'int f%d(int a) { return a + %d; }\\n' $i $i > f$i.c; done
{ for i in $(seq 12); do echo "int f$i(int);"; done; echo '#include <stdio.h>'; echo 'int main(void) { int a = 0;'
  for i in $(seq 12); do echo "a = f$i(a);"; done; echo 'printf("%d\\n", a); return 0; }'; } > main.c
printf 'objects = main.o %s\\nall: sum\\nsum: $(objects)\\n\\tgcc -o $@ $(objects)\\nclean:\\n\\trm -f sum *.o\\n' "$(for i in $(seq 12); do printf 'f%d.o ' $i; done)" > Makefile
`;

const makeRepository = `
git init -q repo && cd repo && git config user.email a@example.org && git config user.name a
for d in $(seq 10); do mkdir -p dir$d; for f in $(seq 20); do seq $d $((d * f + 50)) > dir$d/$f.txt; done; done
head -c 700000 /dev/urandom > blob.bin
git add . && git commit -qm one
sed -i 's/^5$/five/' dir*/*.txt && git commit -qam two
`;

for (const mode of modes) {
  describe.skipIf(whyNoMounts() !== undefined)(`programs ${mode.title}`, () => {
    let mounted: MountedNexus;
    let work: string;
    let other: string;
    let tries = 0;
    beforeAll(async () => {
      const { passthrough, as } = mode;
      mounted = await mountNexus({ passthrough, mounts: 2, ...(as === undefined ? {} : { as }) });
    });
    beforeEach(async () => {
      const [here, there] = mounted.dirs.map((dir) => `${dir}/workspace`);
      tries++;
      work = `${here}/${tries}`;
      other = `${there}/${tries}`;
      await shell(here ?? '', `mkdir ${tries}`);
    });
    afterAll(async () => {
      await mounted[Symbol.asyncDispose]();
    });
    const run = (script: string, seconds?: number): Promise<string> => shell(work, script, seconds);

    it('git: init, commit, clone, gc, fsck, status (FS-1)', async () => {
      await run(
        `mkdir git && cd git && ${makeRepository} cd .. && git clone -q repo copy && cd copy && git gc -q && git fsck --strict`,
      );
      expect(await run('cd git/copy && git status --porcelain && git log --oneline | wc -l')).toBe('2\n');
      await run('cd git && diff -r --exclude=.git repo copy');
      expect(
        await run(
          'cd git/copy && echo new > dir1/1.txt && git diff --stat | tail -1 && git stash -q && git status --porcelain',
        ),
      ).toContain('1 file changed');
    });

    it('make with gcc builds, rebuilds nothing, then one file (FS-1)', async () => {
      await run(`mkdir make && cd make && ${smallProject} make -s && ./sum`);
      expect(await run('cd make/src && ./sum')).toBe('78\n');
      expect(await run('cd make/src && make')).toContain('Nothing to be done');
      await run(
        'cd make/src && touch -d "+2 seconds" f3.c && make | grep -q "f3.c" && make clean && ls | grep -c "\\.o$" | grep -q 0 || true',
      );
    });

    it('tar x, diff -r, cp -a, find, rm -r (FS-1)', async () => {
      await run(
        'mkdir tar && cd tar && tar -C /etc --exclude=shadow* --exclude=gshadow* -cf etc.tar . 2>/dev/null; mkdir out && tar -C out -xf etc.tar',
      );
      await run('cd tar && cp -a --reflink=auto out again && diff -r --no-dereference out again');
      expect(
        await run(
          'cd tar && a=$(find out -printf "%P %y %s %m %T@\\n" | sort | md5sum) && b=$(find again -printf "%P %y %s %m %T@\\n" | sort | md5sum) && [ "$a" = "$b" ] && echo same',
        ),
      ).toBe('same\n');
      await run('cd tar && rm -r out again && [ "$(ls)" = etc.tar ]');
    });

    it('rsync -a twice: the second copies nothing (FS-1)', async () => {
      await run(
        'mkdir rsync && cd rsync && mkdir from && for i in $(seq 40); do seq $i > from/$i; done && ln -s 1 from/link && mkfifo from/pipe && rsync -aH from/ to/',
      );
      expect(await run('cd rsync && rsync -aHi from/ to/ | wc -l')).toBe('0\n');
      await run('cd rsync && diff -r --no-dereference --exclude=pipe from to');
    });

    it('sqlite3 in rollback and WAL mode (FS-1)', async () => {
      for (const journal of ['delete', 'wal']) {
        await run(`sqlite3 ${journal}.db "pragma journal_mode=${journal}; create table t(a integer primary key, b text);" >/dev/null
for i in $(seq 100); do echo "insert into t(b) values ('$i');"; done | sqlite3 ${journal}.db`);
        expect(await run(`sqlite3 ${journal}.db "pragma integrity_check; select count(*) from t;"`)).toBe(
          'ok\n100\n',
        );
      }
    });

    it('sqlite3: writers on two mounts at once lose nothing (FS-2)', async () => {
      await run('sqlite3 two.db "create table t(a integer primary key, b text);"');
      const writer =
        'for i in $(seq 60); do sqlite3 -cmd ".timeout 60000" two.db "insert into t(b) values (\'$i\');"; done';
      await Promise.all([shell(work, writer), shell(other, writer)]);
      expect(await run('sqlite3 two.db "pragma integrity_check; select count(*) from t;"')).toBe('ok\n120\n');
    });

    it('sqlite3 with a write-ahead log on two mounts: what it says it kept is kept (FS-2, FS-11)', async () => {
      await run(
        'sqlite3 wal2.db "pragma journal_mode=wal; create table t(a integer primary key, b text);" >/dev/null',
      );
      const writer =
        'kept=0; for i in $(seq 60); do sqlite3 -cmd ".timeout 60000" wal2.db "insert into t(b) values (\'$i\');" 2>/dev/null && kept=$((kept + 1)); done; echo $kept';
      const kept = await Promise.all([attempt(work, writer), attempt(other, writer)]);
      const rows = kept.reduce((sum, { out }) => sum + Number(out), 0);
      const [sound, found] = (
        await run('sqlite3 wal2.db "pragma integrity_check; select count(*) from t;"')
      ).split('\n');
      expect(sound).toBe('ok');
      expect(rows).toBeGreaterThan(0);
      if (mode.passthrough) expect(rows).toBe(120);
      // Without passthrough the memory they would share is refused to whoever comes second. sqlite may meet
      // the refusal only after it has committed, so that it reports a failure and yet keeps the row.
      expect(Number(found)).toBeGreaterThanOrEqual(rows);
      expect(Number(found)).toBeLessThanOrEqual(120);
    });

    it('three programs write through one mount and rename through the other: no name is old (FS-11)', async () => {
      await run('mkdir both');
      const program = (me: number): string => `python3 - <<'PY'
import os
for i in range(150):
    with open('both/part-${me}', 'wb') as f: f.write(b'x')
    os.rename('${other}/both/part-${me}', '${other}/both/done-${me}-%d' % i)
PY`;
      await Promise.all([1, 2, 3].map((me) => run(program(me))));
      expect(await run('ls both | wc -l; find both -type f -size 0')).toBe('450\n');
    });

    it('atomic save, sed -i, dd with holes, tail of a growing file (FS-1)', async () => {
      await run(
        'echo one > save && ln save kept && echo two > .save.swp && mv .save.swp save && [ "$(cat save kept | tr -d "\\n")" = twoone ]',
      );
      await run('for i in 1 2 3; do sed -i "s/two/two$i/" save; done && [ "$(cat save)" = two321 ]');
      await run(
        'dd if=/dev/zero of=holes bs=1 count=0 seek=50M status=none && printf x | dd of=holes bs=1 seek=30M conv=notrunc status=none',
      );
      expect(
        await run(
          'stat -c %s holes && cp --sparse=always holes copy && cmp holes copy && du -k holes | cut -f1',
        ),
      ).toMatch(/^52428800\n\d{1,4}\n$/);
      await run(
        ': > log; (for i in $(seq 50); do echo $i >> log; done) & tail -n +1 -f --pid=$! log > seen; wait; [ "$(sort -n seen | uniq | wc -l)" = 50 ]',
      );
    });

    it('a script and a program run from the mount, set-id bits and modes hold (FS-1)', async () => {
      await run(
        'printf "#!/bin/sh\\necho ran\\n" > s && chmod 755 s && [ "$(./s)" = ran ] && cp /bin/true t && ./t',
      );
      expect((await attempt(work, 'chmod 644 s && ./s')).code).not.toBe(0);
    });

    it('npm ci of a real lock file (FS-1)', async () => {
      await run(
        `mkdir npm && cd npm && cat > package.json <<'JSON'
{ "name": "sample", "version": "1.0.0", "dependencies": { "is-number": "7.0.0", "picomatch": "4.0.2" } }
JSON
npm install --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null`,
        170,
      );
      expect(await run("cd npm && node -p \"require('picomatch')('*.js')('a.js')\"")).toBe('true\n');
      await run('cd npm && rm -rf node_modules && [ ! -e node_modules ]');
    });

    it('fsck finds nothing afterwards (CAS-3)', async () => {
      const outcome = await mounted.nexus(['fsck', '--json']);
      expect(outcome.code, outcome.stderr + outcome.stdout).toBe(0);
    });
  });
}
