/** What is stacked on a volume passes the suite of every FileSystem as the volume does. */
import { expect } from 'vitest';
import type { Caller } from '../../src/base/caller.ts';
import { root } from '../../src/fs/types.ts';
import type { Attr, FileSystem, NewNode, NodeId, Place } from '../../src/fs/types.ts';
import { allowAll } from '../../src/vfs/allow-all.ts';
import { guard } from '../../src/vfs/guard.ts';
import type { Authorizer } from '../../src/vfs/authorizer.ts';
import { span } from '../../src/vfs/mounted.ts';
import { MountTable } from '../../src/vfs/mount-table.ts';
import { observe } from '../../src/vfs/observe.ts';
import { WrappedTree } from '../../src/vfs/wrapper.ts';
import { describeFileSystem } from '../contract/filesystem.ts';
import type { FileSystemSubject } from '../contract/filesystem.ts';
import { openStack } from '../volume/fixture.ts';
import { caller } from './memory-tree.ts';

const clock = (): { sec: number; nsec: number } => ({ sec: 1, nsec: 0 });

async function mounted(volume: FileSystem): Promise<FileSystem> {
  const table = new MountTable({ uid: 0, gid: 0, now: clock });
  await table.add(caller(), '/workspace', volume, { number: 3 });
  return table;
}

/** Somebody listens, so that every change is told and waited for. */
function heard(fs: FileSystem): FileSystem {
  const tree = observe(fs);
  tree.subscribe({ via: 1_000_000, changed: () => Promise.resolve() });
  return tree;
}

/** Answers later, moves on all the time, and grants everything: every check is really made. */
const slow: Authorizer = {
  get revision() {
    return Math.random();
  },
  allows: () => Promise.resolve(true),
  everything: () => false,
  widens: () => Promise.resolve(true),
  moved: () => Promise.resolve(),
  removed: () => Promise.resolve(),
};

/** Shows the links of directories again, which the guard hides from restricted callers and the suite looks at. */
class Counted extends WrappedTree {
  readonly #below: FileSystem;

  constructor(fs: FileSystem, below: FileSystem) {
    super(fs);
    this.#below = below;
  }

  async #counted(by: Caller, shown: Promise<Attr>): Promise<Attr> {
    const attr = await shown;
    if (attr.parent === undefined) return attr;
    expect(attr.nlink).toBe(1);
    return { ...attr, nlink: (await this.#below.getattr(by, attr.node)).nlink };
  }

  override lookup(by: Caller, at: Place): Promise<Attr> {
    return this.#counted(by, super.lookup(by, at));
  }

  override getattr(by: Caller, node: NodeId): Promise<Attr> {
    return this.#counted(by, super.getattr(by, node));
  }

  override mknod(by: Caller, at: Place, what: NewNode): Promise<Attr> {
    return this.#counted(by, super.mknod(by, at, what));
  }
}

function stack(
  name: string,
  directory: NodeId,
  make: (volume: FileSystem) => FileSystem | Promise<FileSystem>,
): void {
  describeFileSystem(name, async (): Promise<FileSystemSubject> => {
    const opened = await openStack({ kv: 'memory' });
    return {
      fs: await make(opened.volume),
      directory,
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  });
}

stack('a mount of the mount table', 3 * span + root, mounted);
stack('observed by somebody', root, heard);
stack('guarded by a slow authorizer', root, (volume) => new Counted(guard(volume, slow), volume));
stack('guarded, observed and mounted', 3 * span + root, async (volume) =>
  guard(heard(await mounted(volume)), allowAll),
);
