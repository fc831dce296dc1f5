/** What is stacked on a volume passes the suite of every FileSystem as the volume does. */
import { root } from '../../src/fs/types.ts';
import type { FileSystem, NodeId } from '../../src/fs/types.ts';
import { allowAll, guard } from '../../src/vfs/guard.ts';
import type { Authorizer } from '../../src/vfs/guard.ts';
import { span } from '../../src/vfs/mounted.ts';
import { MountTable } from '../../src/vfs/mount-table.ts';
import { observe } from '../../src/vfs/observe.ts';
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
};

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
stack('guarded by a slow authorizer', root, (volume) => guard(volume, slow));
stack('guarded, observed and mounted', 3 * span + root, async (volume) =>
  guard(heard(await mounted(volume)), allowAll),
);
