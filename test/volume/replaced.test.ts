import { expect, it } from 'vitest';
import { at, bytesOf, caller, close, openStack, put, readAll, reading } from './fixture.ts';

it('a file that was replaced between its lookup and its opening can be opened (FS-2)', async () => {
  await using stack = await openStack({ kv: 'memory' });
  const { volume } = stack;
  const bytes = bytesOf(5000);
  const node = await put(volume, at('it'), bytes);
  await put(volume, at('next'), bytesOf(10));
  await volume.rename(caller, at('next'), at('it'), 'replace');
  const handle = await volume.open(caller, node, reading);
  expect((await readAll(handle, 5000)).equals(bytes)).toBe(true);
  await close(handle);
});
