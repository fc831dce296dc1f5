import { closeSync, fstatSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadNative } from '../../src/host/native.ts';
import { probeHost } from '../../src/volume/host-traits.ts';
import { temporary } from './fixture.ts';

it('finds holes of single pages on the disk of temporary files, and leaves the slot empty (CAS-2)', async () => {
  const directory = temporary();
  const fd = openSync(join(directory, 'slot'), 'w+');
  try {
    const traits = await probeHost(loadNative(), { id: 1, fd });
    expect(traits.pageHoles).toBe(true);
    expect(typeof traits.preciseTimes).toBe('boolean');
    expect(fstatSync(fd).size).toBe(0);
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
});
