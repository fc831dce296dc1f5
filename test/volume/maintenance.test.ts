import { describe, expect, it } from 'vitest';
import { check } from '../../src/volume/check.ts';
import { collect } from '../../src/volume/collect.ts';
import { bindingKey, encodeBinding } from '../../src/volume/binding.ts';
import { newBinding } from '../../src/volume/stage.ts';
import { at, bytesOf, caller, close, openStack, put, reading, readAll, slurp, writing } from './fixture.ts';
import type { Stack } from './fixture.ts';

async function problems(stack: Stack): Promise<string[]> {
  const { kv, content, namespace } = stack;
  const found: string[] = [];
  for await (const problem of check({ kv, content, namespace, repair: false, bytes: true })) {
    found.push(`${problem.where} ${problem.kind}`);
  }
  return found;
}

async function busy(stack: Stack): Promise<number[]> {
  const { volume } = stack;
  const nodes: number[] = [];
  for (const [i, size] of [0, 10, 30_000, 262_144, 700_000].entries()) {
    const node = await put(volume, at(`f${String(i)}`), bytesOf(size, i + 1));
    const handle = await volume.open(caller, node, writing);
    await handle.write(caller, Buffer.from('edit'), size);
    await close(handle);
    nodes.push(node);
  }
  await volume.drain();
  await stack.content.settle();
  return nodes;
}

describe('check (CAS-3)', () => {
  it('finds nothing wrong with a volume in use', async () => {
    await using stack = await openStack();
    await busy(stack);
    const { handle } = await stack.volume.create(caller, at('open'), 0o644, writing);
    await handle.write(caller, bytesOf(100), 0);
    expect(await problems(stack)).toEqual([]);
    await close(handle);
  });

  it('finds content that is missing, and slots of nobody', async () => {
    await using stack = await openStack();
    const [, small = 0] = await busy(stack);
    const inode = await stack.namespace.inode(small);
    await stack.kv.write((tx) => {
      tx.delete(`b${Buffer.from(inode?.content ?? []).toString('latin1', 1)}`);
      tx.put(bindingKey(9_999), encodeBinding(newBinding(123_456)));
    });
    expect(await problems(stack)).toEqual(
      expect.arrayContaining(['content missing-block', 'slots dangling-slot']),
    );
  });
});

describe('collection (CAS-3)', () => {
  it('frees nothing that a file, a version or a reader needs', async () => {
    await using stack = await openStack();
    const { volume, content, namespace } = stack;
    const nodes = await busy(stack);
    const reader = await volume.open(caller, nodes[4] ?? 0, reading);
    await volume.unlink(caller, at('f4'));
    await collect({ content, namespace, inUse: () => volume.contentsInUse() });
    expect((await readAll(reader, 700_004)).subarray(0, 700_000).equals(bytesOf(700_000, 5))).toBe(true);
    await close(reader);
    for (const [i, size] of [0, 10, 30_000, 262_144].entries()) {
      const expected = Buffer.concat([bytesOf(size, i + 1), Buffer.from('edit')]);
      expect((await slurp(volume, nodes[i] ?? 0)).equals(expected)).toBe(true);
    }
    expect(await problems(stack)).toEqual([]);
  });
});
