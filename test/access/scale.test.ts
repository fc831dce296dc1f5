/** A million files and ten thousand groups: time and memory, printed; only orders of magnitude are held to. */
import { expect, test } from 'vitest';
import type { Awaitable } from '../../src/base/awaitable.ts';
import type { Lineage } from '../../src/fs/types.ts';
import { parseObject, parseSubject } from '../../src/rebac/refs.ts';
import type { Tuple } from '../../src/rebac/types.ts';
import { caller, World } from './world.ts';

const directories = 20_000;
const files = 1_000_000;
const groups = 10_000;

/** Computed, not stored: what is measured is not the tree. Directories have ten children each. */
function lineage(node: number): Awaitable<Lineage | undefined> {
  if (node === 1) return { parents: [], directory: true, owner: undefined };
  if (node <= directories)
    return { parents: [Math.floor((node - 2) / 10) + 1], directory: true, owner: undefined };
  if (node > directories + files) return undefined;
  return { parents: [(node % directories) + 1], directory: false, owner: 'user:root' };
}

function perCheck(title: string, count: number, check: (i: number) => unknown): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) check(i);
  const each = Number(process.hrtime.bigint() - start) / count;
  console.log(`${title}: ${(each / 1000).toFixed(3)} us`);
  return each;
}

test('checks stay short and memory bounded in a tree of a million files (PERM-9)', {
  timeout: 300_000,
}, async () => {
  await using w = await World.open();
  w.tree.lineage = lineage;
  await w.users('ada', 'bob', 'eve');
  await w.registry.registerAgent('default', 'bot', { user: 'ada' });
  const store = await w.store();
  const write = async (tuples: Tuple[]): Promise<void> => {
    for (let i = 0; i < tuples.length; i += 1000) await store.write({ writes: tuples.slice(i, i + 1000) });
  };
  const subject = parseSubject('user:ada');
  const userset = (i: number): Tuple['subject'] => ({ type: 'group', id: `g${i}`, relation: 'member' });
  const nested: Tuple[] = [];
  // Chains of ten groups, ada in the lowest of each tenth.
  for (let i = 0; i < groups; i++) {
    const object = parseObject(`group:g${i}`);
    if (i % 10 > 0) nested.push({ object, relation: 'member', subject: userset(i - 1) });
    else if (i % 100 === 0) nested.push({ object, relation: 'member', subject });
  }
  await write(nested);
  const granted: Tuple[] = [];
  for (let i = 0; i < 20_000; i++) {
    granted.push({
      object: { type: 'file', id: String(directories + 1 + i * 47) },
      relation: 'viewer',
      subject,
    });
    granted.push({
      object: { type: 'file', id: String((i % directories) + 2) },
      relation: 'editor',
      subject: userset(i % groups),
    });
  }
  await write(granted);
  const before = process.memoryUsage().heapUsed;
  const ask = caller('user:ada');
  const start = performance.now();
  await w.access.allows(ask, 'read', directories + 5);
  console.log(`first question of a subject in 1,000 groups: ${(performance.now() - start).toFixed(1)} ms`);
  const sighted = performance.now();
  await w.access.allows(ask, 'see', 1);
  console.log(`first sight over 20,000 grants: ${(performance.now() - sighted).toFixed(1)} ms`);
  const cold = perCheck('cold, other files all the time', 200_000, (i) =>
    w.access.allows(ask, 'read', directories + 1 + ((i * 7919) % files)),
  );
  const hot = perCheck('hot, a thousand files again and again', 2_000_000, (i) =>
    w.access.allows(ask, 'read', directories + 1 + (i % 1000)),
  );
  const bot = caller('agent:bot');
  await w.access.allows(bot, 'see', 3);
  const agent = perCheck('hot, an agent with its user', 2_000_000, (i) =>
    w.access.allows(bot, 'read', directories + 1 + (i % 1000)),
  );
  const tupleWrite = performance.now();
  for (let i = 0; i < 100; i++) await w.grant(`file:${i + 2}#viewer@user:bob`);
  console.log(`a tuple write: ${((performance.now() - tupleWrite) / 100).toFixed(3)} ms`);
  globalThis.gc?.();
  console.log(`memory: ${((process.memoryUsage().heapUsed - before) / 2 ** 20).toFixed(0)} MiB more`);
  expect(hot).toBeLessThan(10_000);
  expect(agent).toBeLessThan(10_000);
  expect(cold).toBeLessThan(500_000);
});
