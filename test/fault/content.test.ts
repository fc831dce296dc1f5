import { FailingHost } from './failing-host.ts';
import { describe, expect, it } from 'vitest';
import { noise, Stage } from '../cas/store.ts';

describe('a content store on a host that fails once (CAS-1, FS-4)', () => {
  it('syncs no folder that could not be made', async () => {
    await using stage = await Stage.open();
    {
      // The file cannot be made for want of its folder, and the folder for want of room.
      using host = new FailingHost(stage.directory, 2, 'ENOSPC');
      expect(() => stage.store.slot()).toThrow(/ENOSPC/);
      expect(host.failed).toMatch(/^mkdir/);
    }
    await stage.store.syncPacks();
    await stage.putBytes(noise(100_000, 1));
    await stage.store.syncPacks();
  });

  it('believes no fdatasync(2) after one that failed', async () => {
    await using stage = await Stage.open();
    await stage.putBytes(noise(100_000, 1));
    {
      using host = new FailingHost(stage.directory, 1, 'EIO');
      await expect(stage.store.syncPacks()).rejects.toThrow(/EIO.*cannot be made durable/);
      expect(host.failed).toMatch(/^fdatasync/);
    }
    await expect(stage.store.syncPacks()).rejects.toThrow(/EIO.*cannot be made durable/);
    await stage.reopen();
    await stage.store.syncPacks();
  });
});
