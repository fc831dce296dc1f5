import { describe, expect, it } from 'vitest';
import { nameFromText as name } from '../../src/base/names.ts';
import { root, S_IFDIR, S_IFREG } from '../../src/fs/types.ts';
import type { FileSystem, NodeId } from '../../src/fs/types.ts';
import { allowAll, guard } from '../../src/vfs/guard.ts';
import type { Authorizer } from '../../src/vfs/guard.ts';
import type { Permission } from '../../src/vfs/needs.ts';
import { needs } from '../../src/vfs/needs.ts';
import { caller, codeFrom, MemoryTree } from './memory-tree.ts';

const me = caller();
const file = S_IFREG | 0o644;
const f = { parent: root, name: name('f') };
const secret = { parent: root, name: name('secret') };

/** Grants by node; changing them moves the revision. */
class Grants implements Authorizer {
  revision = 1;
  readonly #granted = new Map<NodeId, ReadonlySet<Permission>>();

  set(node: NodeId, ...permissions: Permission[]): this {
    this.#granted.set(node, new Set(permissions));
    this.revision++;
    return this;
  }

  allows(_: unknown, permission: Permission, node: NodeId): boolean {
    return this.#granted.get(node)?.has(permission) ?? false;
  }

  everything(): boolean {
    return false;
  }
}

/** Root 1, f 2, secret 3, directory d 4. */
async function stack(authorizer: Authorizer): Promise<{ fs: FileSystem; inner: MemoryTree }> {
  const inner = new MemoryTree();
  await inner.mknod(me, f, { mode: file });
  await inner.mknod(me, secret, { mode: file });
  await inner.mknod(me, { parent: root, name: name('d') }, { mode: S_IFDIR | 0o755 });
  return { fs: guard(inner, authorizer), inner };
}

/** Every operation as a call on node 2 or below the root. */
const calls: Readonly<Record<keyof FileSystem, (fs: FileSystem) => Promise<unknown>>> = {
  lookup: (fs) => fs.lookup(me, f),
  getattr: (fs) => fs.getattr(me, 2),
  setattr: (fs) => fs.setattr(me, 2, { size: 1 }),
  readlink: (fs) => fs.readlink(me, 2),
  mknod: (fs) => fs.mknod(me, { parent: root, name: name('n') }, { mode: file }),
  create: (fs) => fs.create(me, { parent: root, name: name('n') }, 0o644, { read: true, write: true }),
  tmpfile: (fs) => fs.tmpfile(me, root, 0o644, { read: true, write: true }),
  link: (fs) => fs.link(me, 2, { parent: 4, name: name('n') }),
  unlink: (fs) => fs.unlink(me, f),
  rmdir: (fs) => fs.rmdir(me, { parent: root, name: name('d') }),
  rename: (fs) => fs.rename(me, f, { parent: 4, name: name('n') }, 'replace'),
  open: (fs) => fs.open(me, 2, { read: true, write: true }),
  readdir: (fs) => fs.readdir(me, root, 0, 10),
  getxattr: (fs) => fs.getxattr(me, 2, name('user.a')),
  setxattr: (fs) => fs.setxattr(me, 2, name('user.a'), Buffer.from('1'), 'set'),
  removexattr: (fs) => fs.removexattr(me, 2, name('user.a')),
  listxattr: (fs) => fs.listxattr(me, 2),
  statfs: (fs) => fs.statfs(me, root),
  sync: (fs) => fs.sync(me, root),
  versions: (fs) => fs.versions(me, 2, 0, 10),
  readVersion: (fs) => fs.readVersion(me, 2, 1, Buffer.alloc(1), 0),
};

describe('guard', () => {
  it('has a row for every operation, and refuses each without rights (PERM-3)', async () => {
    expect(Object.keys(calls).sort()).toEqual(Object.keys(needs).sort());
    const { fs, inner } = await stack(new Grants());
    for (const [operation, call] of Object.entries(calls)) {
      expect(await codeFrom(call(fs)), operation).toBe('ENOENT');
    }
    expect(inner.nodes.size).toBe(4);
    expect(inner.open_).toBe(0);
  });

  it('says EACCES to whoever sees the node but may not (PERM-4)', async () => {
    const grants = new Grants();
    for (const node of [root, 2, 3, 4]) grants.set(node, 'see');
    const { fs } = await stack(grants);
    const seeing = new Set(['lookup', 'getattr', 'statfs', 'sync']);
    for (const [operation, call] of Object.entries(calls)) {
      expect(await codeFrom(call(fs)), operation).toBe(seeing.has(operation) ? 'none' : 'EACCES');
    }
  });

  it('wants write for content and own for mode and owner', async () => {
    const { fs } = await stack(new Grants().set(2, 'see', 'read', 'write'));
    expect(await codeFrom(fs.setattr(me, 2, { size: 3 }))).toBe('none');
    expect(await codeFrom(fs.setattr(me, 2, { mode: 0o600 }))).toBe('EACCES');
    expect(await codeFrom(fs.open(me, 2, { read: true, write: true }))).toBe('none');
    const reader = await stack(new Grants().set(2, 'see', 'read'));
    expect(await codeFrom(reader.fs.open(me, 2, { read: true, write: false }))).toBe('none');
    expect(await codeFrom(reader.fs.open(me, 2, { read: true, write: true }))).toBe('EACCES');
    expect(await codeFrom(reader.fs.open(me, 2, { read: true, write: false, truncate: true }))).toBe(
      'EACCES',
    );
  });

  it('hides what may not be seen from listings, however many entries that are (PERM-4)', async () => {
    const { fs } = await stack(new Grants().set(root, 'see', 'read').set(4, 'see'));
    expect((await fs.readdir(me, root, 0, 1)).map((entry) => entry.name)).toEqual(['d']);
    expect(await codeFrom(fs.lookup(me, secret))).toBe('ENOENT');
    const none = await stack(new Grants().set(root, 'see', 'read'));
    expect(await none.fs.readdir(me, root, 0, 1)).toEqual([]);
  });

  it('asks open files again when something changed, and only then (PERM-5)', async () => {
    let asked = 0;
    const grants = new Grants().set(2, 'see', 'read', 'write');
    const counting: Authorizer = {
      get revision() {
        return grants.revision;
      },
      allows: (by, permission, node) => {
        asked++;
        return grants.allows(by, permission, node);
      },
      everything: () => false,
    };
    const { fs } = await stack(counting);
    const handle = await fs.open(me, 2, { read: true, write: true });
    asked = 0;
    await handle.write(me, Buffer.from('abc'), 0);
    expect(await handle.read(me, Buffer.alloc(3), 0)).toBe(3);
    expect(asked).toBe(0);
    grants.set(2, 'see', 'read');
    expect(await codeFrom(handle.write(me, Buffer.from('x'), 0))).toBe('EACCES');
    expect(await codeFrom(handle.allocate(me, 0, 0, 10))).toBe('EACCES');
    expect(await handle.read(me, Buffer.alloc(3), 0)).toBe(3);
    grants.set(2);
    expect(await codeFrom(handle.read(me, Buffer.alloc(3), 0))).toBe('EACCES');
    expect(await codeFrom(handle.seek(me, 0, 'data'))).toBe('EACCES');
    await handle.flush(me);
    await handle.release(me);
  });

  it('lets the kernel do I/O by itself only for those who have everything', async () => {
    const flags: (boolean | undefined)[] = [];
    for (const authorizer of [allowAll, new Grants().set(2, 'see', 'read', 'write')]) {
      const { fs, inner } = await stack(authorizer);
      const open = inner.open.bind(inner);
      inner.open = (by, node, wanted) => {
        flags.push(wanted.passthrough);
        return open(by, node, wanted);
      };
      await fs.open(me, 2, { read: true, write: true, passthrough: true });
    }
    expect(flags).toEqual([true, false]);
  });

  it('costs one call and no promise of its own for those who have everything', async () => {
    const { fs, inner } = await stack(allowAll);
    const answer = Promise.resolve(await inner.getattr(me, 2));
    inner.getattr = () => answer;
    expect(fs.getattr(me, 2)).toBe(answer);
  });
});
