/** Attributes: stat(2), chmod(2), chown(2), set-id bits. */
import { expect } from 'vitest';
import { isFsError } from '../../../src/base/errors.ts';
import { S_IFMT, S_IFREG } from '../../../src/fs/types.ts';
import type { AttrChange } from '../../../src/fs/types.ts';
import { R, RW, W } from './case.ts';
import type { Bench, Case } from './case.ts';

/** A closed file with these mode bits, of an unprivileged owner. */
async function fileWith(t: Bench, mode: number): Promise<number> {
  const node = await t.put('f', 'some bytes');
  await t.fs.setattr(t.me, node, { uid: t.other.uid, gid: t.other.gid });
  await t.fs.setattr(t.me, node, { mode });
  return node;
}

async function bits(t: Bench, node: number): Promise<number> {
  return (await t.stat(node)).mode & 0o7777;
}

/** What a write by an ordinary user leaves of set-id bits (chmod(2), write(2)). */
const cleared: readonly [number, number][] = [
  [0o4755, 0o755],
  [0o2755, 0o755],
  [0o6755, 0o755],
  [0o2745, 0o2745],
  [0o4711, 0o711],
];

const changes: readonly [string, AttrChange, Partial<Record<'uid' | 'gid' | 'mode', number>>][] = [
  ['mode', { mode: 0o1751 }, { mode: S_IFREG | 0o1751 }],
  ['owner', { uid: 5 }, { uid: 5 }],
  ['group', { gid: 6 }, { gid: 6 }],
  ['owner and group', { uid: 7, gid: 8 }, { uid: 7, gid: 8 }],
];

export const attributeCases: readonly Case[] = [
  ...changes.map(
    ([what, change, expected]): Case => ({
      title: `changes the ${what} and nothing else (FS-2)`,
      needs: 'ownership',
      run: async (t) => {
        const node = await t.put('f', 'abc');
        const before = await t.stat(node);
        const after = await t.fs.setattr(t.me, node, change);
        expect(after).toEqual({ ...before, ...expected, ctime: after.ctime });
        expect(await t.stat(node)).toEqual(after);
      },
    }),
  ),
  {
    title: 'a new file has the attributes asked for and now as all its times (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f', RW, 0o640);
      const attr = await t.stat(node);
      expect([attr.mode, attr.size, attr.nlink, attr.blocks]).toEqual([S_IFREG | 0o640, 0, 1, 0]);
      expect(attr.atime).toEqual(attr.mtime);
      expect(attr.btime).toEqual(attr.ctime);
      expect(attr.parent).toBeUndefined();
      await t.close(handle);
    },
  },
  {
    title: 'the type is not part of what chmod changes (FS-2)',
    run: async (t) => {
      const { node } = await t.mkdir('d');
      expect((await t.fs.setattr(t.me, node, { mode: 0o700 })).mode & S_IFMT).toBe(0o040000);
    },
  },
  ...cleared.map(
    ([mode, left]): Case => ({
      title: `a write by an ordinary user makes ${mode.toString(8)} ${left.toString(8)} (FS-2)`,
      needs: 'ownership',
      run: async (t) => {
        const node = await fileWith(t, mode);
        const handle = await t.open(node, W, t.other);
        expect(await bits(t, node)).toBe(mode);
        await handle.write(t.other, Buffer.from('x'), 0);
        expect(await bits(t, node)).toBe(left);
        await handle.release(t.other);
      },
    }),
  ),
  {
    title: 'a write by root keeps set-id bits (FS-2)',
    needs: 'ownership',
    run: async (t) => {
      const node = await fileWith(t, 0o6755);
      await t.change(node, 'x');
      expect(await bits(t, node)).toBe(0o6755);
    },
  },
  {
    title: 'set-id bits given while the file is open fall with the next write (FS-2)',
    needs: 'late set-id bits',
    run: async (t) => {
      const node = await fileWith(t, 0o755);
      const handle = await t.open(node, W, t.other);
      await handle.write(t.other, Buffer.from('x'), 0);
      await t.fs.setattr(t.me, node, { mode: 0o4755 });
      await handle.write(t.other, Buffer.from('y'), 0);
      expect(await bits(t, node)).toBe(0o755);
      await handle.release(t.other);
    },
  },
  {
    title: 'truncation by an ordinary user clears set-id bits (FS-2)',
    needs: 'ownership',
    run: async (t) => {
      const node = await fileWith(t, 0o6755);
      await t.fs.setattr(t.other, node, { size: 3, killPriv: true });
      expect(await bits(t, node)).toBe(0o755);
    },
  },
  {
    title: 'opening with truncation by an ordinary user clears set-id bits (FS-2)',
    needs: 'ownership',
    run: async (t) => {
      const node = await fileWith(t, 0o4755);
      const handle = await t.open(node, { ...W, truncate: true, killPriv: true }, t.other);
      expect(await bits(t, node)).toBe(0o755);
      await handle.release(t.other);
    },
  },
  {
    title: 'allocation by an ordinary user clears set-id bits (FS-2)',
    needs: 'ownership',
    run: async (t) => {
      const node = await fileWith(t, 0o4755);
      const handle = await t.open(node, W, t.other);
      await handle.allocate(t.other, 0, 0, 8192);
      expect(await bits(t, node)).toBe(0o755);
      await handle.release(t.other);
    },
  },
  {
    title: 'a change of owner clears set-id bits of a file (FS-2)',
    needs: 'ownership',
    run: async (t) => {
      const node = await fileWith(t, 0o6755);
      expect((await t.fs.setattr(t.other, node, { gid: 1000 })).mode & 0o7777).toBe(0o755);
    },
  },
  {
    title: 'killPriv alone clears them (FS-2)',
    needs: 'ownership',
    run: async (t) => {
      const node = await fileWith(t, 0o6755);
      expect((await t.fs.setattr(t.me, node, { killPriv: true })).mode & 0o7777).toBe(0o755);
    },
  },
  {
    title: 'the attributes of a file that is open are those a new lookup finds (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.write(handle, 'abcdef');
      await t.fs.setattr(t.me, node, { mode: 0o600 });
      expect(await t.lookup('f')).toEqual(await t.stat(node));
      expect((await t.stat(node)).mode & 0o777).toBe(0o600);
      expect((await t.stat(node)).size).toBe(6);
      await t.close(handle);
    },
  },
  {
    title: 'a file that is gone is stale or has no links (FS-3)',
    run: async (t) => {
      const node = await t.put('f');
      await t.fs.unlink(t.me, t.at('f'));
      const links = await t.stat(node).then(
        (attr) => attr.nlink,
        (error: unknown) => {
          if (!isFsError(error, 'ESTALE')) throw error;
          return 0;
        },
      );
      expect(links).toBe(0);
    },
  },
  {
    title: 'attributes can be changed through a file without a name (FS-2)',
    run: async (t) => {
      const { node, handle } = await t.create('f');
      await t.fs.unlink(t.me, t.at('f'));
      expect((await t.fs.setattr(t.me, node, { mode: 0o400 })).mode & 0o777).toBe(0o400);
      await t.close(handle);
    },
  },
  {
    title: 'statfs tells sizes that fit together (FS-2)',
    run: async (t) => {
      const s = await t.fs.statfs(t.me, t.dir);
      expect(s.blockSize).toBeGreaterThan(0);
      expect(s.blocks).toBeGreaterThanOrEqual(s.free);
      expect(s.free).toBeGreaterThanOrEqual(s.available);
      expect(s.files).toBeGreaterThanOrEqual(s.filesFree);
      expect(s.nameMax).toBe(255);
    },
  },
  {
    title: 'a read-only open leaves every attribute as it is (FS-2)',
    run: async (t) => {
      const node = await t.put('f', 'bytes');
      const before = await t.stat(node);
      const handle = await t.open(node, R);
      await t.read(handle, 0, 5);
      await t.close(handle);
      expect(await t.stat(node)).toEqual({ ...before, atime: (await t.stat(node)).atime });
    },
  },
];
