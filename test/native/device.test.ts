/** The device over a real /dev/fuse: whole messages, lent buffers, notifications, errors of handlers. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildNative, Scenario, whyNoMount } from './mounted.ts';

const reason = whyNoMount();

describe.skipIf(reason !== undefined)(
  `device on a mount${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    let scenario: Scenario | undefined;

    async function start(name: string): Promise<Scenario> {
      scenario = new Scenario(name);
      await scenario.event('ready');
      return scenario;
    }

    beforeAll(buildNative);
    afterEach(async () => {
      await scenario?.[Symbol.asyncDispose]();
      scenario = undefined;
    });

    it('serves metadata and whole 1 MiB requests, and ends by itself after umount (FS-8, FS-10)', async () => {
      const mount = await start('serve');
      expect(await mount.shell('stat -c %F:%a "$DIR"')).toBe('directory:755\n');
      expect(await mount.shell('stat "$DIR/absent"')).toContain('No such file or directory');
      const copy =
        'head -c 3000000 /dev/urandom > /tmp/$$.in && cat /tmp/$$.in > "$DIR/file" && cmp /tmp/$$.in "$DIR/file"';
      expect(await mount.shell(`${copy} && stat -c %s "$DIR/file"; rm -f /tmp/$$.in`)).toBe('3000000\n');
      await mount.unmount();
      const end = await mount.event('end');
      expect(end).toMatchObject({ error: null, stats: { sendErrors: 0, pauses: 0, kept: 0, buffers: 4 } });
      expect(await mount.exit()).toBe(0);
      // EBADF: nothing can be sent on a closed device.
      expect(await mount.event('exit')).toMatchObject({ closed: -9 });
    });

    it('gives timers and immediates their turns under load, and polls adaptively (FS-10)', async () => {
      const mount = await start('serve');
      await mount.shell(
        'for n in 1 2 3; do find "$DIR" "$DIR" "$DIR" "$DIR" -maxdepth 0 -printf "%s" ; done',
      );
      await mount.shell('i=0; while [ $i -lt 3000 ]; do [ -e "$DIR/absent$i" ]; i=$((i+1)); done');
      await mount.unmount();
      const { stats } = (await mount.event('end')) as unknown as { stats: Record<string, number> };
      expect(stats['messages']).toBeGreaterThan(3000);
      expect(stats['spins']).toBeGreaterThanOrEqual(stats['spinHits'] ?? NaN);
      expect(await mount.exit()).toBe(0);
      expect((await mount.event('exit'))['immediates']).toBeGreaterThan(0);
    });

    it('drains microtasks between two messages (FS-10)', async () => {
      const mount = await start('microtasks');
      const clients = Array.from(
        { length: 8 },
        () => 'stat "$DIR" "$DIR/file" "$DIR/absent" > /dev/null 2>&1 &',
      );
      await mount.shell(`${clients.join(' ')} wait`);
      await mount.unmount();
      const { order } = (await mount.event('order')) as unknown as { order: string[] };
      expect(order.length).toBeGreaterThan(32);
      for (let i = 0; i + 1 < order.length; i += 2) {
        expect(order[i + 1]).toBe(order[i]?.replace('in', 'out'));
      }
    });

    it('keeps lent buffers whole until they are given back, and pauses when all are kept (FS-10)', async () => {
      const mount = await start('keep');
      const clients = Array.from({ length: 12 }, (_, n) => `stat "$DIR/absent${n}" > /dev/null 2>&1 &`);
      await mount.shell(`${clients.join(' ')} wait`);
      await mount.unmount();
      const { stats } = (await mount.event('end')) as unknown as { stats: Record<string, number> };
      expect(await mount.event('kept')).toMatchObject({ intact: 12, most: 4 });
      expect(stats).toMatchObject({ buffers: 4, kept: 0 });
      expect(stats['pauses']).toBeGreaterThan(0);
    });

    it('refuses keep() outside a message', async () => {
      scenario = new Scenario('keepOutside');
      expect(await scenario.event('refused')).toMatchObject({ code: 'ERR_INVALID_STATE' });
      expect(await scenario.exit()).toBe(0);
    });

    it('writes notifications from its own thread, and says when they are written (FS-11)', async () => {
      const mount = await start('notify');
      await mount.shell('stat "$DIR" "$DIR/file"');
      const { stats } = (await mount.event('notified')) as unknown as { stats: Record<string, number> };
      // Only the one that is no notification is an error: EINVAL.
      expect(stats).toMatchObject({ notifications: 102, notifyQueued: 0, notifyErrors: 1, notifyErrno: 22 });
      expect(await mount.shell('stat -c %a "$DIR"')).toBe('755\n');
    });

    it('brings what a handler throws to uncaughtException and goes on', async () => {
      const mount = await start('throws');
      expect(await mount.shell('stat -c %a "$DIR"')).toBe('755\n');
      expect(await mount.event('uncaught')).toMatchObject({ message: 'thrown by the handler' });
      expect(await mount.shell('stat -c %a "$DIR/file"')).toBe('644\n');
      await mount.unmount();
      expect(await mount.exit()).toBe(0);
    });

    it('ends the process where nobody catches what a handler throws', async () => {
      const mount = await start('throwsUncaught');
      await mount.shell('stat "$DIR"');
      expect(await mount.exit()).toBe(1);
      expect(mount.errors).toContain('thrown by the handler');
    });

    it('tells of a descriptor that is not mounted, and starts only once', async () => {
      scenario = new Scenario('unmounted');
      expect((await scenario.event('end'))['error']).toContain('EPERM');
      expect(await scenario.event('again')).toMatchObject({ code: 'EALREADY' });
      expect(await scenario.exit()).toBe(0);
    });
  },
);
