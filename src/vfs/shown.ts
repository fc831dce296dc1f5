/** What a restricted caller is shown of a node it may see: nothing that counts what it may not see. */
import { S_IFDIR, S_IFMT } from '../fs/types.ts';
import type { Attr, DirEntry, StatFs } from '../fs/types.ts';

/** A directory's links count its subdirectories, the hidden ones too: 1 says that they are not counted, as on btrfs. */
export function shownAttr(attr: Attr): Attr {
  return (attr.mode & S_IFMT) === S_IFDIR ? { ...attr, nlink: 1 } : attr;
}

export function shownEntry(entry: DirEntry): DirEntry {
  const attr = shownAttr(entry.attr);
  return attr === entry.attr ? entry : { ...entry, attr };
}

/** Space is everybody's; files are not counted, as on btrfs. */
export function shownSpace(space: StatFs): StatFs {
  return { ...space, files: 0, filesFree: 0 };
}
