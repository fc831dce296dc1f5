import { describe, expect, it } from 'vitest';
import { nameFromText as name } from '../../src/base/names.ts';
import { root, S_IFDIR, S_IFLNK } from '../../src/fs/types.ts';
import { TreeFiles } from '../../src/vfs/files.ts';
import { splitVersion } from '../../src/vfs/path.ts';
import { caller, codeFrom, MemoryTree } from './memory-tree.ts';

const me = caller();

async function* body(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function all(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const piece of pieces) parts.push(Buffer.from(piece));
  return Buffer.concat(parts).toString();
}

async function link(tree: MemoryTree, at: string, target: string): Promise<void> {
  await tree.mknod(
    me,
    { parent: root, name: name(at) },
    { mode: S_IFLNK | 0o777, target: Buffer.from(target) },
  );
}

describe('files by path', () => {
  it('writes, reads, appends, and makes one version a write (VER-1)', async () => {
    const tree = new MemoryTree();
    const files = new TreeFiles(tree);
    expect(await files.write(me, '/a.txt', body('hello ', 'there'))).toBe(11);
    expect(await all(files.read(me, '/a.txt'))).toBe('hello there');
    expect(await all(files.read(me, '/a.txt', { offset: 6, length: 3 }))).toBe('the');
    await files.write(me, '/a.txt', body('!'), { append: true });
    expect(await all(files.read(me, '//./a.txt'))).toBe('hello there!');
    expect((await files.versions(me, '/a.txt', 0, 10)).map((version) => version.size)).toEqual([11, 12]);
    expect(await all(files.readVersion(me, '/a.txt', 1))).toBe('hello there');
    await expect(all(files.readVersion(me, '/a.txt', 3))).rejects.toThrow(
      '/a.txt@3: no such version: they go from 1 to 2',
    );
    expect(tree.open_).toBe(0);
  });

  it('closes the file when the body fails', async () => {
    const tree = new MemoryTree();
    const files = new TreeFiles(tree);
    const broken = (async function* () {
      yield Buffer.from('half');
      throw new Error('the client is gone');
    })();
    await expect(files.write(me, '/a', broken)).rejects.toThrow('the client is gone');
    expect(tree.open_).toBe(0);
  });

  it('follows symlinks and .. as path_resolution(7) says', async () => {
    const tree = new MemoryTree();
    const files = new TreeFiles(tree);
    await files.mkdir(me, '/d/e', { parents: true });
    await files.write(me, '/d/f', body('x'));
    await link(tree, 'rel', 'd/../d/f');
    await link(tree, 'abs', '/d');
    await link(tree, 'loop', 'loop');
    await link(tree, 'dangling', 'd/none');
    expect(await all(files.read(me, '/rel'))).toBe('x');
    expect(await all(files.read(me, '/abs/e/../f'))).toBe('x');
    expect((await files.stat(me, '/rel', { follow: false })).mode & 0o170000).toBe(S_IFLNK);
    expect((await files.stat(me, '/abs/', { follow: false })).mode & 0o170000).toBe(S_IFDIR);
    expect(await codeFrom(files.stat(me, '/loop'))).toBe('ELOOP');
    expect(await codeFrom(files.stat(me, '/dangling'))).toBe('ENOENT');
    await files.write(me, '/dangling', body('made'));
    expect(await all(files.read(me, '/d/none'))).toBe('made');
    expect((await files.stat(me, '/../../d')).node).toBe((await files.stat(me, '/d')).node);
  });

  it('names the path and the reason (FS-3)', async () => {
    const files = new TreeFiles(new MemoryTree());
    await files.write(me, '/f', body('x'));
    await files.mkdir(me, '/d');
    const cases: [() => Promise<unknown>, string][] = [
      [() => files.stat(me, '/none'), 'ENOENT: /none: no such file or directory'],
      [() => files.stat(me, '/f/x'), 'ENOTDIR: /f/x: not a directory'],
      [() => files.stat(me, '/f/'), 'ENOTDIR: /f/: not a directory'],
      [() => files.list(me, '/f', 0, 1), 'ENOTDIR: /f: not a directory'],
      [() => files.mkdir(me, '/d'), 'EEXIST: /d: exists already'],
      [() => files.mkdir(me, '/x/y'), 'ENOENT: /x/y: no such file or directory'],
      [() => files.write(me, '/d', body('')), 'EISDIR: /d: is a directory'],
      [() => files.remove(me, '/'), 'EBUSY: /: this directory cannot be removed'],
      [() => files.rename(me, '/none', '/y'), 'ENOENT: /none: no such file or directory'],
      [() => files.rename(me, '/f', '/x/y'), 'ENOENT: /x/y: no such file or directory'],
      [() => files.versions(me, '/d', 0, 1), 'EISDIR: /d: is a directory'],
    ];
    for (const [run, message] of cases) await expect(run()).rejects.toThrow(message);
    expect(await codeFrom(files.stat(me, 'relative'))).toBe('EINVAL');
    expect(await codeFrom(files.stat(me, ''))).toBe('EINVAL');
    expect(await codeFrom(files.stat(me, '/a\0b'))).toBe('EINVAL');
    expect(await codeFrom(files.stat(me, `/${'n'.repeat(256)}`))).toBe('ENAMETOOLONG');
    expect(await codeFrom(files.stat(me, `/${'n'.repeat(255)}`))).toBe('ENOENT');
    expect(await codeFrom(files.stat(me, '/n'.repeat(2100)))).toBe('ENAMETOOLONG');
  });

  it('removes trees, deep and wide', async () => {
    const tree = new MemoryTree();
    const files = new TreeFiles(tree);
    await files.mkdir(me, `/t${'/d'.repeat(50)}`, { parents: true });
    for (let i = 0; i < 300; i++) await files.write(me, `/t/d/f${i}`, body('x'));
    expect(await codeFrom(files.remove(me, '/t'))).toBe('ENOTEMPTY');
    expect(await files.remove(me, '/t', { recursive: true })).toBe(351);
    expect(await files.list(me, '/', 0, 10)).toEqual([]);
  });

  it('renames, and refuses to replace on request', async () => {
    const files = new TreeFiles(new MemoryTree());
    await files.write(me, '/a', body('a'));
    await files.write(me, '/b', body('b'));
    expect(await codeFrom(files.rename(me, '/a', '/b', 'noreplace'))).toBe('EEXIST');
    await files.rename(me, '/a', '/b');
    expect(await all(files.read(me, '/b'))).toBe('a');
    expect(await codeFrom(files.stat(me, '/a'))).toBe('ENOENT');
  });

  it('takes path@N as a version (VER-2)', () => {
    expect(splitVersion('/a.txt@3')).toEqual({ path: '/a.txt', version: 3 });
    expect(splitVersion('/a@b.txt')).toEqual({ path: '/a@b.txt', version: undefined });
    expect(splitVersion('/a@0')).toEqual({ path: '/a@0', version: undefined });
    expect(splitVersion('/a@2@10')).toEqual({ path: '/a@2', version: 10 });
  });
});
