/** Through a real kernel: what a process holds of a mount is worth nothing as soon as the revocation has returned. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Mounts, shell, whyNoMount } from './mounted.ts';

const reason = whyNoMount();
const suffix = reason === undefined ? '' : ` (skipped: ${reason})`;
const script = fileURLToPath(new URL('hold.py', import.meta.url));
const trials = 100;

/** A process that holds everything in a directory. */
class Holder implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(dir: string, uid?: number) {
    const as = uid === undefined ? {} : { uid, gid: uid };
    this.#child = spawn('python3', ['-u', script, dir], { cwd: '/', ...as });
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** What each call gives now. */
  async ask(how: 'now' | 'again' = 'now'): Promise<Record<string, string>> {
    this.#child.stdin.write(`${how}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the holder has ended');
    return JSON.parse(value) as Record<string, string>;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

const fill = `
mkdir -p "$A/dir/sub" && cd "$A/dir" && head -c 300000 /dev/urandom > file && ln -s file link && echo deep > sub/deep
chmod -R a+rwX . && stat -c %i . file link sub sub/deep`;

async function filled(mounts: Mounts): Promise<number[]> {
  return (await shell(mounts, fill)).trim().split('\n').map(Number);
}

const visible = (answers: Record<string, string>): string[] =>
  Object.entries(answers)
    .filter(([, answer]) => answer === 'OK')
    .map(([title]) => title);

describe.skipIf(reason !== undefined)(`a revocation on a mount${suffix}`, () => {
  it(`ends everything held at once, a grant brings it back at once, ${trials} times (PERM-5)`, async () => {
    await using mounts = await Mounts.open(2, { restricted: true });
    const nodes = await filled(mounts);
    using first = new Holder(`${mounts.dirs[0] ?? ''}/dir`);
    using second = new Holder(`${mounts.dirs[1] ?? ''}/dir`);
    const took: number[] = [];
    for (let trial = 0; trial < trials; trial++) {
      for (const holder of [first, second]) {
        const before = await holder.ask('again');
        expect(visible(before), JSON.stringify(before)).toEqual(Object.keys(before));
      }
      took.push(await mounts.deny(...nodes));
      for (const [i, holder] of [first, second].entries()) {
        const after = await holder.ask();
        expect(visible(after), `trial ${trial}, mount ${i}`).toEqual([]);
        expect(after['pread']).toBe('EACCES');
        expect(after['fstat']).toBe('EACCES');
        expect(after['stat']).toBe('ENOENT');
        expect(after['look']).toBe('EFAULT');
      }
      await mounts.deny();
    }
    expect(took.sort((a, b) => a - b)[Math.floor(trials / 2)]).toBeLessThan(50);
  });

  it('of one entry takes it out of listings and away from who is in it, and leaves the rest (PERM-5)', async () => {
    await using mounts = await Mounts.open(1, { restricted: true });
    const [, , , sub = 0, deep = 0] = await filled(mounts);
    using holder = new Holder(`${mounts.dirs[0] ?? ''}/dir`);
    await holder.ask();
    const list = 'ls "$A/dir" | tr "\\n" " "; ls "$A/dir" | tr "\\n" " "';
    expect(await shell(mounts, list)).toBe('file link sub file link sub ');
    await mounts.deny(sub, deep);
    expect(await shell(mounts, list)).toBe('file link file link ');
    const answers = await holder.ask();
    expect(Object.keys(answers).filter((title) => answers[title] !== 'OK')).toEqual([
      'stat deep',
      'fstat of a directory',
      'list of a directory',
      'stat in a directory',
      'stat here',
      'list here',
      'open here',
      'create here',
    ]);
    await mounts.deny();
    expect(await shell(mounts, list)).toBe('file link sub file link sub ');
    expect(await shell(mounts, 'stat -c %h "$A/dir"')).toBe('1\n');
  });

  it('reaches a mount whose kernel is reading at that moment, and who uses it goes on (PERM-5)', async () => {
    await using mounts = await Mounts.open(1, { restricted: true });
    const [, file = 0] = await filled(mounts);
    const reading = shell(
      mounts,
      `for i in $(seq 300); do cat "$A/dir/file" > /dev/null 2>&1; ls -l "$A/dir" > /dev/null 2>&1; done; echo done`,
    );
    for (let i = 0; i < 50; i++) expect(await mounts.deny(...(i % 2 === 0 ? [file] : []))).toBeLessThan(900);
    expect(await reading).toBe('done\n');
  });

  it('of several users is asked for call by call, and can be unmounted (ID-1)', async () => {
    await using mounts = await Mounts.open(1, {
      restricted: true,
      users: { 0: 'user:root', 1000: 'user:alice' },
    });
    const nodes = await filled(mounts);
    const as = (uid: number, what: string): Promise<string> =>
      shell(
        mounts,
        `cd / && setpriv --reuid ${uid} --regid ${uid} --clear-groups sh -c '${what}' 2>&1 | head -1`,
      );
    expect(await as(1000, 'wc -c < "$A/dir/file"')).toBe('300000\n');
    expect(await as(1001, 'ls "$A"')).toMatch(/Permission denied/);
    await mounts.deny(...nodes);
    expect(await as(1000, 'cat "$A/dir/file"')).toMatch(/No such file|cannot/);
    await mounts.deny(1, ...nodes);
  });
});
