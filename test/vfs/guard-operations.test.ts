/** Every operation with every one of its permissions missing, one at a time: what SEMANTICS.md says comes out. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nameFromText as name } from '../../src/base/names.ts';
import { root, S_IFDIR, S_IFREG } from '../../src/fs/types.ts';
import type { AttrChange, FileSystem, NodeId } from '../../src/fs/types.ts';
import { guard } from '../../src/vfs/guard.ts';
import type { Permission } from '../../src/vfs/needs.ts';
import { needs, needsFor } from '../../src/vfs/needs.ts';
import { Grants } from './grants.ts';
import { caller, codeFrom, MemoryTree } from './memory-tree.ts';

const me = caller();
const all: readonly Permission[] = ['see', 'read', 'write', 'own'];
/** The nodes of the tree: `f`, `secret` and the directory `d` in the root, `g` in `d`. */
const f = 2;
const secret = 3;
const d = 4;
const g = 5;
const at = (text: string, parent: NodeId = root): { parent: NodeId; name: ReturnType<typeof name> } => ({
  parent,
  name: name(text),
});

async function tree(): Promise<MemoryTree> {
  const inner = new MemoryTree();
  await inner.mknod(me, at('f'), { mode: S_IFREG | 0o644, target: Buffer.from('x') });
  await inner.mknod(me, at('secret'), { mode: S_IFREG | 0o644 });
  await inner.mknod(me, at('d'), { mode: S_IFDIR | 0o755 });
  await inner.mknod(me, at('g', d), { mode: S_IFREG | 0o644 });
  await inner.setxattr(me, f, name('user.a'), Buffer.from('1'));
  const handle = await inner.open(me, f, { read: true, write: true });
  await handle.write(me, Buffer.from('content'), 0);
  await handle.flush(me);
  await handle.release(me);
  return inner;
}

interface Row {
  readonly title: string;
  readonly operation: keyof FileSystem;
  readonly call: (fs: FileSystem) => Promise<unknown>;
  /** Each with what comes out when the node is not even seen, where that is not ENOENT. */
  readonly needed: readonly (readonly [NodeId, Permission, unseen?: string])[];
  /** Others would inherit more. */
  readonly wide?: boolean;
}

const change = (wanted: AttrChange) => (fs: FileSystem) => fs.setattr(me, f, wanted);
const flags = { read: true, write: true };

const rows: readonly Row[] = [
  {
    title: 'lookup',
    operation: 'lookup',
    call: (fs) => fs.lookup(me, at('f')),
    needed: [
      [root, 'see'],
      [f, 'see'],
    ],
  },
  { title: 'getattr', operation: 'getattr', call: (fs) => fs.getattr(me, f), needed: [[f, 'see']] },
  { title: 'truncate', operation: 'setattr', call: change({ size: 1 }), needed: [[f, 'write']] },
  { title: 'utimes', operation: 'setattr', call: change({ mtime: 'now' }), needed: [[f, 'write']] },
  { title: 'kill set-id', operation: 'setattr', call: change({ killPriv: true }), needed: [[f, 'write']] },
  { title: 'chmod', operation: 'setattr', call: change({ mode: 0o600 }), needed: [[f, 'own']] },
  { title: 'chown', operation: 'setattr', call: change({ uid: 5, killPriv: true }), needed: [[f, 'own']] },
  { title: 'chgrp', operation: 'setattr', call: change({ gid: 5 }), needed: [[f, 'own']] },
  {
    title: 'chmod and truncate',
    operation: 'setattr',
    call: change({ mode: 0o600, size: 1 }),
    needed: [
      [f, 'write'],
      [f, 'own'],
    ],
  },
  { title: 'readlink', operation: 'readlink', call: (fs) => fs.readlink(me, f), needed: [[f, 'read']] },
  {
    title: 'mkdir',
    operation: 'mknod',
    call: (fs) => fs.mknod(me, at('n'), { mode: S_IFDIR | 0o755 }),
    needed: [[root, 'write']],
  },
  {
    title: 'create',
    operation: 'create',
    call: (fs) => fs.create(me, at('n'), 0o644, flags),
    needed: [[root, 'write']],
  },
  {
    title: 'tmpfile',
    operation: 'tmpfile',
    call: (fs) => fs.tmpfile(me, root, 0o644, flags),
    needed: [[root, 'write']],
  },
  {
    title: 'link',
    operation: 'link',
    call: (fs) => fs.link(me, f, at('n', d)),
    needed: [
      [f, 'write'],
      [d, 'write'],
    ],
  },
  {
    title: 'link into a wider directory',
    operation: 'link',
    wide: true,
    call: (fs) => fs.link(me, f, at('n', d)),
    needed: [
      [f, 'write'],
      [d, 'write'],
      [f, 'own'],
    ],
  },
  {
    title: 'unlink',
    operation: 'unlink',
    call: (fs) => fs.unlink(me, at('f')),
    needed: [
      [root, 'write'],
      [f, 'see'],
    ],
  },
  {
    title: 'rmdir',
    operation: 'rmdir',
    call: (fs) => fs.rmdir(me, at('d')),
    needed: [
      [root, 'write'],
      [d, 'see'],
    ],
  },
  {
    title: 'rename',
    operation: 'rename',
    call: (fs) => fs.rename(me, at('f'), at('n', d), 'replace'),
    needed: [
      [root, 'write'],
      [d, 'write'],
      [f, 'write'],
    ],
  },
  {
    title: 'rename in one directory',
    operation: 'rename',
    wide: true,
    call: (fs) => fs.rename(me, at('f'), at('n'), 'replace'),
    needed: [
      [root, 'write'],
      [f, 'write'],
    ],
  },
  {
    title: 'rename into a wider directory',
    operation: 'rename',
    wide: true,
    call: (fs) => fs.rename(me, at('f'), at('n', d), 'replace'),
    needed: [
      [root, 'write'],
      [d, 'write'],
      [f, 'write'],
      [f, 'own'],
    ],
  },
  {
    title: 'rename onto another name',
    operation: 'rename',
    call: (fs) => fs.rename(me, at('f'), at('secret'), 'replace'),
    needed: [
      [root, 'write'],
      [f, 'write'],
      [secret, 'write', 'EACCES'],
    ],
  },
  {
    title: 'exchange',
    operation: 'rename',
    wide: true,
    call: (fs) => fs.rename(me, at('f'), at('g', d), 'exchange'),
    needed: [
      [root, 'write'],
      [d, 'write'],
      [f, 'write'],
      [g, 'write', 'EACCES'],
      [f, 'own'],
      [g, 'own', 'EACCES'],
    ],
  },
  {
    title: 'open for reading',
    operation: 'open',
    call: (fs) => fs.open(me, f, { read: true, write: false }),
    needed: [[f, 'read']],
  },
  {
    title: 'open for writing',
    operation: 'open',
    call: (fs) => fs.open(me, f, { read: false, write: true }),
    needed: [[f, 'write']],
  },
  {
    title: 'open for both',
    operation: 'open',
    call: (fs) => fs.open(me, f, flags),
    needed: [
      [f, 'read'],
      [f, 'write'],
    ],
  },
  {
    title: 'open to truncate',
    operation: 'open',
    call: (fs) => fs.open(me, f, { read: true, write: false, truncate: true }),
    needed: [
      [f, 'read'],
      [f, 'write'],
    ],
  },
  {
    title: 'readdir',
    operation: 'readdir',
    call: (fs) => fs.readdir(me, root, 0, 10),
    needed: [[root, 'see']],
  },
  {
    title: 'getxattr',
    operation: 'getxattr',
    call: (fs) => fs.getxattr(me, f, name('user.a')),
    needed: [[f, 'read']],
  },
  {
    title: 'setxattr',
    operation: 'setxattr',
    call: (fs) => fs.setxattr(me, f, name('user.b'), Buffer.from('1'), 'set'),
    needed: [[f, 'write']],
  },
  {
    title: 'removexattr',
    operation: 'removexattr',
    call: (fs) => fs.removexattr(me, f, name('user.a')),
    needed: [[f, 'write']],
  },
  { title: 'listxattr', operation: 'listxattr', call: (fs) => fs.listxattr(me, f), needed: [[f, 'read']] },
  { title: 'statfs', operation: 'statfs', call: (fs) => fs.statfs(me, f), needed: [[f, 'see']] },
  { title: 'sync', operation: 'sync', call: (fs) => fs.sync(me, f), needed: [[f, 'see']] },
  {
    title: 'versions',
    operation: 'versions',
    call: (fs) => fs.versions(me, f, 0, 10),
    needed: [[f, 'read']],
  },
  {
    title: 'read a version',
    operation: 'readVersion',
    call: (fs) => fs.readVersion(me, f, 1, Buffer.alloc(1), 0),
    needed: [[f, 'read']],
  },
];

/** Rights to all that is needed, without `but`. Whoever has one sees the node, unless it is `unseen`. */
function granted(row: Row, later: boolean, but?: Row['needed'][number], unseen = false): Grants {
  const grants = new Grants({ later });
  grants.wide = row.wide ?? false;
  for (const need of row.needed) {
    const [node, permission] = need;
    if (unseen && node === but?.[0]) continue;
    grants.add(node, 'see');
    if (need !== but) grants.add(node, permission);
  }
  // Nothing else stands in the way, nor helps.
  for (const node of [root, f, secret, d, g])
    if (!row.needed.some(([at]) => at === node)) grants.set(node, ...all);
  return grants;
}

async function outcome(row: Row, grants: Grants): Promise<string> {
  const inner = await tree();
  if (row.operation === 'rmdir') await inner.unlink(me, at('g', d));
  const fs = guard(inner, grants);
  return codeFrom(row.call(fs));
}

describe.each([false, true])('an authorizer that answers later: %s', (later) => {
  it.each(rows.map((row) => [row.title, row] as const))('%s needs what it says (PERM-3)', async (_, row) => {
    expect(await outcome(row, granted(row, later))).toBe('none');
    for (const need of row.needed) {
      const [node, permission, unseen = 'ENOENT'] = need;
      const what = `${permission} on ${node}`;
      if (permission !== 'see') {
        expect(await outcome(row, granted(row, later, need)), `seen, without ${what}`).toBe('EACCES');
      }
      expect(await outcome(row, granted(row, later, need, true)), `unseen, for ${what}`).toBe(unseen);
    }
  });
});

describe('the tables of permissions', () => {
  it('have every operation, and every operation is tried (PERM-3)', () => {
    const tried = new Set(rows.map(({ operation }) => operation));
    expect([...tried, 'lineage'].sort()).toEqual(Object.keys(needs).sort());
  });

  it('agree with what SEMANTICS.md says of each operation (PERM-3)', () => {
    const text = readFileSync(new URL('../../src/SEMANTICS.md', import.meta.url), 'utf8');
    const documented = new Map<string, string>();
    for (const [, operation = '', wanted = ''] of text.matchAll(/^\| `(\w+)` \|[^|]*\| ([^|]*) \|/gm)) {
      documented.set(operation, wanted.trim());
    }
    const said = { ...needs, ...needsFor } as Record<string, readonly { on: string; permission: string }[]>;
    for (const [operation, wanted] of Object.entries(said)) {
      const words = wanted.map(({ on, permission }) => `${permission} on ${on}`).join(', ');
      if (operation !== 'lineage') expect([operation, documented.get(operation)]).toEqual([operation, words]);
    }
  });
});
