/** A FileSystem that shows another one and lets nobody change it: EROFS. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { Attr, Created, FileHandle, FileSystem, NodeId, OpenFlags } from '../fs/types.ts';
import { WrappedTree } from './wrapper.ts';

function refuse(): Promise<never> {
  return Promise.reject(new FsError('EROFS', 'this tree is read-only'));
}

class ReadonlyTree extends WrappedTree {
  override setattr(): Promise<Attr> {
    return refuse();
  }

  override mknod(): Promise<Attr> {
    return refuse();
  }

  override create(): Promise<Created> {
    return refuse();
  }

  override tmpfile(): Promise<Created> {
    return refuse();
  }

  override link(): Promise<Attr> {
    return refuse();
  }

  override unlink(): Promise<void> {
    return refuse();
  }

  override rmdir(): Promise<void> {
    return refuse();
  }

  override rename(): Promise<void> {
    return refuse();
  }

  override open(caller: Caller, node: NodeId, flags: OpenFlags): Promise<FileHandle> {
    if (flags.write || flags.truncate === true) return refuse();
    return this.inner.open(caller, node, flags);
  }

  override setxattr(): Promise<void> {
    return refuse();
  }

  override removexattr(): Promise<void> {
    return refuse();
  }
}

/** Everything that reads passes; everything that would change something fails with EROFS, whether its target exists or not. */
export function readonly(fs: FileSystem): FileSystem {
  return new ReadonlyTree(fs);
}
