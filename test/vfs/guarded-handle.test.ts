/** Open files ask again when something changed, and only then. */
import { describe, expect, it } from 'vitest';
import { nameFromText as name } from '../../src/base/names.ts';
import { root, S_IFREG } from '../../src/fs/types.ts';
import type { FileHandle, FileSystem, OpenFlags } from '../../src/fs/types.ts';
import { guard } from '../../src/vfs/guard.ts';
import { Grants } from './grants.ts';
import { caller, codeFrom, MemoryTree } from './memory-tree.ts';

const me = caller();
const rw: OpenFlags = { read: true, write: true };

async function stack(grants: Grants): Promise<{ fs: FileSystem; inner: MemoryTree }> {
  const inner = new MemoryTree();
  for (const text of ['f', 'g']) {
    await inner.mknod(me, { parent: root, name: name(text) }, { mode: S_IFREG | 0o644 });
  }
  grants.set(2, 'see', 'read', 'write').set(3, 'see', 'read', 'write');
  return { fs: guard(inner, grants), inner };
}

/** What each call on an open file needs. */
const calls: readonly (readonly [
  string,
  'read' | 'write',
  (handle: FileHandle, to: FileHandle) => Promise<unknown>,
])[] = [
  ['read', 'read', (handle) => handle.read(me, Buffer.alloc(3), 0)],
  ['seek', 'read', (handle) => handle.seek(me, 0, 'data')],
  ['write', 'write', (handle) => handle.write(me, Buffer.from('x'), 0)],
  ['allocate', 'write', (handle) => handle.allocate(me, 0, 0, 10)],
  ['copyRange from', 'read', (handle, to) => handle.copyRange(me, 0, to, 0, 1)],
  ['copyRange to', 'write', (handle, from) => from.copyRange(me, 0, handle, 0, 1)],
];

describe.each([false, true])('an open file, with an authorizer that answers later: %s', (later) => {
  it.each(calls)('refuses %s as soon as the right to it is gone (PERM-5)', async (_, permission, call) => {
    const grants = new Grants({ later });
    const { fs } = await stack(grants);
    const handle = await fs.open(me, 2, rw);
    const other = await fs.open(me, 3, rw);
    grants.asked = 0;
    expect(await codeFrom(call(handle, other))).toBe('none');
    expect(grants.asked).toBe(0);
    grants.set(2, 'see', permission);
    expect(await codeFrom(call(handle, other))).toBe('none');
    const once = grants.asked;
    expect(once).toBeGreaterThan(0);
    expect(await codeFrom(call(handle, other))).toBe('none');
    expect(grants.asked).toBe(once);
    grants.set(2, 'see', permission === 'read' ? 'write' : 'read');
    expect(await codeFrom(call(handle, other))).toBe('EACCES');
    expect(await codeFrom(call(handle, other))).toBe('EACCES');
    grants.set(2, 'see', permission);
    expect(await codeFrom(call(handle, other))).toBe('none');
    grants.set(2);
    expect(await codeFrom(call(handle, other))).toBe('EACCES');
    // To close is always possible.
    await handle.flush(me);
    await handle.release(me);
  });

  it('asks again about what changed while it was being opened, or asked about (PERM-5)', async () => {
    const grants = new Grants({ later });
    const { fs, inner } = await stack(grants);
    const open = inner.open.bind(inner);
    inner.open = async (by, node, flags) => {
      const handle = await open(by, node, flags);
      grants.set(2, 'see');
      return handle;
    };
    const handle = await fs.open(me, 2, rw);
    expect(await codeFrom(handle.read(me, Buffer.alloc(1), 0))).toBe('EACCES');
    grants.set(2, 'see', 'read', 'write');
    const allows = grants.allows.bind(grants);
    grants.allows = (...question) => {
      const answer = allows(...question);
      if (grants.asked === 1) grants.set(2, 'see');
      return answer;
    };
    grants.asked = 0;
    expect(await codeFrom(handle.read(me, Buffer.alloc(1), 0))).toBe('none');
    expect(await codeFrom(handle.read(me, Buffer.alloc(1), 0))).toBe('EACCES');
  });

  it('lets who may only write look for holes (PERM-3)', async () => {
    const grants = new Grants({ later });
    const { fs } = await stack(grants);
    const handle = await fs.open(me, 2, { read: false, write: true });
    grants.set(2, 'see', 'write');
    expect(await codeFrom(handle.seek(me, 0, 'hole'))).toBe('none');
  });
});

describe('an open file', () => {
  it('belongs to who opened it, whoever uses it (PERM-5, ID-1)', async () => {
    const grants = new Grants();
    const { fs } = await stack(grants);
    const asked: string[] = [];
    const handle = await fs.open(caller({ subject: 'agent:opener', zone: 'here' }), 2, rw);
    const allows = grants.allows.bind(grants);
    grants.allows = (by, permission, node) => {
      asked.push(`${(by as typeof me).subject} ${(by as typeof me).zone}`);
      return allows(by, permission, node);
    };
    grants.revision++;
    await handle.read(caller({ subject: 'agent:other', zone: 'there' }), Buffer.alloc(1), 0);
    expect(asked).toEqual(['agent:opener here']);
  });

  it('is closed as who opened it, whose its versions are (ID-2)', async () => {
    const { fs, inner } = await stack(new Grants());
    const closed: string[] = [];
    const open = inner.open.bind(inner);
    inner.open = async (by, node, flags) => {
      const close = async (closer: { subject: string }): Promise<void> => {
        closed.push(closer.subject);
      };
      return Object.assign(await open(by, node, flags), { flush: close, flushSoon: close, release: close });
    };
    const handle = await fs.open(caller({ subject: 'agent:opener' }), 2, rw);
    const other = caller({ subject: 'user:mounter' });
    await handle.flush(other);
    await handle.flushSoon(other);
    await handle.release(other);
    expect(closed).toEqual(['agent:opener', 'agent:opener', 'agent:opener']);
  });

  it('costs no promise where nothing changed, or the answer is there at once (PERM-9)', async () => {
    const grants = new Grants();
    const { fs, inner } = await stack(grants);
    const answer = Promise.resolve(1);
    const open = inner.open.bind(inner);
    inner.open = async (by, node, flags) =>
      Object.assign(await open(by, node, flags), { read: () => answer, write: () => answer });
    const handle = await fs.open(me, 2, rw);
    expect(handle.read(me, Buffer.alloc(1), 0)).toBe(answer);
    grants.revision++;
    expect(handle.read(me, Buffer.alloc(1), 0)).toBe(answer);
    expect(handle.write(me, Buffer.alloc(1), 0)).toBe(answer);
  });
});
