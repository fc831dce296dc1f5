import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { daemonPid, mountNexus, project, run } from '../mount/harness.ts';

const main = join(project, 'dist/app/main.js');

describe('the daemon', () => {
  it('is started once by commands that come at the same time', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, i) => nexus.nexus(['write', `/workspace/f${i}`, '--text', String(i)])),
    );
    expect(results.map(({ code, stderr }) => [code, stderr])).toEqual(
      Array.from({ length: 6 }, () => [0, '']),
    );
    expect((await nexus.nexus(['ls', '/workspace'])).stdout).toBe('f0\nf1\nf2\nf3\nf4\nf5\n');
  });

  it('keeps everybody else out of its data directory, and says who holds it', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await nexus.nexus(['ls', '/']);
    const pid = await nexus.pid();
    const second = await run(process.execPath, [main, '--data', nexus.data]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`${nexus.data} is in use by the daemon with pid ${pid}`);
    expect(await nexus.pid()).toBe(pid);
  });

  it('ends by stop, and starts again with what it had', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await nexus.nexus(['write', '/workspace/f', '--text', 'kept']);
    expect((await nexus.nexus(['status'])).code).toBe(0);
    const stopped = await nexus.nexus(['stop']);
    expect(stopped.code).toBe(0);
    expect(daemonPid(nexus.data)).toBeUndefined();
    expect(await nexus.nexus(['status'])).toMatchObject({ code: 3, stdout: '' });
    expect(await nexus.nexus(['stop'])).toMatchObject({ code: 0 });
    expect((await nexus.nexus(['cat', '/workspace/f'])).stdout).toBe('kept');
  });

  it('ends in order on SIGTERM', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await nexus.nexus(['write', '/workspace/f', '--text', 'kept']);
    process.kill(await nexus.pid(), 'SIGTERM');
    await expect.poll(() => daemonPid(nexus.data), { timeout: 60_000 }).toBeUndefined();
    expect(readFileSync(join(nexus.data, 'daemon.log'), 'utf8')).toMatch(/got SIGTERM[^]*stopped/);
    expect((await nexus.nexus(['cat', '/workspace/f'])).stdout).toBe('kept');
  });

  it('leaves what was acknowledged when it is killed (FS-5)', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    for (let i = 0; i < 5; i++) await nexus.nexus(['write', `/workspace/f${i}`, '--text', `text ${i}`]);
    await nexus.kill9();
    for (let i = 0; i < 5; i++) {
      expect((await nexus.nexus(['cat', `/workspace/f${i}`])).stdout).toBe(`text ${i}`);
    }
    expect((await nexus.nexus(['fsck', '--deep'])).code).toBe(0);
  });

  it('is reached through paths longer than a socket address', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    const data = join(nexus.root, 'd'.repeat(100), 'e'.repeat(100));
    mkdirSync(data, { recursive: true });
    const env = { NEXUS_DATA: data };
    expect(await nexus.nexus(['write', '/workspace/f', '--text', 'far'], { env })).toMatchObject({ code: 0 });
    expect((await nexus.nexus(['cat', '/workspace/f'], { env })).stdout).toBe('far');
    expect((await nexus.nexus(['stop'], { env })).code).toBe(0);
  });

  it('survives clients that speak something else', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await nexus.nexus(['ls', '/']);
    const pid = await nexus.pid();
    const messages = [
      'GET / HTTP/1.1\r\n\r\n',
      '{"id":1}\n',
      '[]\n',
      'null\n',
      '{"id":1,"op":"files.list"}\n',
      '{"id":1,"op":"constructor","input":{}}\n',
      '{"id":1,"chunk":"AAAA"}\n{"id":9,"cancel":true}\n',
      'x'.repeat(3 * 1024 * 1024),
    ];
    for (const message of messages) {
      await new Promise<void>((resolve) => {
        const socket = createConnection(join(nexus.data, 'control.sock'), () => socket.end(message));
        socket.on('error', () => undefined);
        socket.on('data', () => undefined);
        socket.on('close', () => resolve());
      });
    }
    expect(await nexus.pid()).toBe(pid);
  });

  it('answers wrong input with what is wrong about it', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    await nexus.nexus(['ls', '/']);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = createConnection(join(nexus.data, 'control.sock'), () =>
        socket.write('{"id":7,"op":"files.list","input":{"path":"relative","limit":"many"}}\n'),
      );
      socket.on('error', reject);
      socket.once('data', (data) => {
        resolve(String(data));
        socket.destroy();
      });
    });
    const { id, error } = JSON.parse(answer) as { id: number; error: { code: string; message: string } };
    expect(id).toBe(7);
    expect(error.code).toBe('usage');
    expect(error.message).toMatch(/path begins with .*limit/);
  });

  it('lets nobody but the owner in', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can become somebody else');
    await using nexus = await mountNexus({ mounts: 0 });
    await nexus.nexus(['ls', '/']);
    const args = [join(project, 'dist/cli/main.js'), 'ls', '/', '--data', nexus.data];
    const { code, stderr } = await run(process.execPath, args, { uid: 65_534 });
    expect(code).toBe(3);
    expect(stderr).toContain('belongs to another user');
  });

  it('logs where it was told to, and tells when it cannot start', async () => {
    await using nexus = await mountNexus({ mounts: 0 });
    mkdirSync(nexus.data);
    writeFileSync(join(nexus.data, 'format'), 'nexus 99\n');
    const { code, stderr } = await nexus.nexus(['ls', '/']);
    expect(code).toBe(33);
    expect(stderr).toContain('written by a newer Nexus (format 99');
    expect(readFileSync(join(nexus.data, 'daemon.log'), 'utf8')).toContain('cannot start: ');
  });
});
