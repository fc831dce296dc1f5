/** The table of error numbers against the host's own. */
import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { codes } from '../../src/base/errors.ts';
import { errno } from '../../src/fuse/errno.ts';

it("has the host's number for every code a FileSystem may throw (FS-3)", () => {
  const host: Record<string, number> = constants.errno;
  expect(Object.keys(errno).sort()).toEqual([...codes].sort());
  for (const code of codes) expect([code, errno[code]]).toEqual([code, host[code]]);
});
