/** Every way a device can come to its end: none may crash, hang or leak. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildNative, Scenario, whyNoMount } from './mounted.ts';

const reason = whyNoMount();

describe.skipIf(reason !== undefined)(
  `device teardown${reason === undefined ? '' : ` (skipped: ${reason})`}`,
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

    it('survives a forced unmount while busy (FS-8)', async () => {
      const mount = await start('serve');
      const clients =
        'for n in 1 2 3; do (while [ -d "$DIR" ]; do stat "$DIR/absent" || [ -e "$DIR/go" ]; done) & done;';
      const busy = mount.shell(
        `stat "$DIR" && { ${clients} } > /dev/null 2>&1; sleep 0.3; umount -f "$DIR"; umount -l "$DIR"; wait`,
      );
      await mount.event('end');
      expect(await mount.exit()).toBe(0);
      mount.kill();
      await mount.shell('rmdir "$DIR"');
      await busy;
    });

    it('serves on after a lazy unmount until the last user is gone (FS-8)', async () => {
      const mount = await start('serve');
      const text = await mount.shell(
        'echo text > "$DIR/file"; exec 3< "$DIR/file"; umount -l "$DIR"; cat <&3; exec 3<&-; ls "$DIR"',
      );
      expect(text).toBe('text\n');
      expect(await mount.event('end')).toMatchObject({ error: null });
      expect(await mount.exit()).toBe(0);
    });

    it('can be closed inside onMessage', async () => {
      const mount = await start('closeInside');
      expect(await mount.shell('stat "$DIR"')).toMatch(/not connected|abort/);
      expect(await mount.event('closed')).toMatchObject({ sent: -9, node: 1 });
      expect(await mount.exit()).toBe(0);
    });

    it('can be closed inside onEnd', async () => {
      const mount = await start('closeInsideEnd');
      await mount.unmount();
      expect(await mount.event('end')).toMatchObject({ error: null });
      expect(await mount.exit()).toBe(0);
    });

    it('ends with process.exit() inside onMessage', async () => {
      const mount = await start('exitInside');
      expect(await mount.shell('stat "$DIR"')).toMatch(/not connected|abort/);
      expect(await mount.exit()).toBe(7);
    });

    it('closes although the kernel holds a notification back (FS-8)', async () => {
      const mount = await start('stuckThenClose');
      const removal = mount.shell('rm "$DIR/file"');
      expect(await mount.event('stuck')).toMatchObject({ queued: 1 });
      await mount.event('closed');
      expect(await mount.exit()).toBe(0);
      expect(await removal).toMatch(/not connected|abort/);
    });

    it('exits although the kernel holds a notification back (FS-8)', async () => {
      const mount = await start('stuckThenExit');
      const removal = mount.shell('rm "$DIR/file"');
      expect(await mount.event('stuck')).toMatchObject({ queued: 1 });
      expect(await mount.exit()).toBe(7);
      expect(await removal).toMatch(/not connected|abort/);
    });

    it('leaves a mount that can be recovered when its process is killed (FS-8)', async () => {
      const mount = await start('serve');
      expect(await mount.shell('stat -c %a "$DIR"')).toBe('755\n');
      mount.kill();
      expect(await mount.exit()).toBe('SIGKILL');
      expect(await mount.shell('stat "$DIR"')).toContain('not connected');
      await mount.unmount();
      expect(await mount.shell('stat -c %F "$DIR"')).toBe('directory\n');
    });

    it('holds no descriptor after 50 mounts', async () => {
      scenario = new Scenario('cycles');
      const { first, last } = await scenario.event('counts');
      expect(last).toBe(first);
      expect(await scenario.exit()).toBe(0);
    });

    it('is closed by garbage collection when nobody closes it', async () => {
      scenario = new Scenario('leaked', ['--expose-gc']);
      const found = (await scenario.event('collected')) as unknown as Record<string, number>;
      expect(found['during']).toBe((found['before'] ?? NaN) + 20);
      expect(found['after']).toBe(found['before']);
      expect(await scenario.exit()).toBe(0);
    });

    it('is closed by the end of its worker thread', async () => {
      scenario = new Scenario('worker');
      expect(await scenario.event('workers')).toEqual({ event: 'workers', leaked: 0 });
      expect(await scenario.exit()).toBe(0);
    });
  },
);
