/** What a restricted caller is shown of a node it may see: nothing that counts what it may not see. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { S_IFDIR, S_IFMT } from '../fs/types.ts';
import type { Attr, FileSystem, StatFs } from '../fs/types.ts';
import type { Authorizer } from './authorizer.ts';

export class Shown {
  readonly #tree: Pick<FileSystem, 'lineage'>;
  readonly #authorizer: Pick<Authorizer, 'allows'>;

  constructor(tree: Pick<FileSystem, 'lineage'>, authorizer: Pick<Authorizer, 'allows'>) {
    this.#tree = tree;
    this.#authorizer = authorizer;
  }

  /** A directory's links count its subdirectories, the hidden ones too: 1 says that they are not counted, as on btrfs. */
  attr(caller: Caller, attr: Attr): Awaitable<Attr> {
    if ((attr.mode & S_IFMT) === S_IFDIR) return { ...attr, nlink: 1 };
    return attr.nlink < 2 ? attr : this.#linked(caller, attr);
  }

  /** With names in directories that are hidden, a file has one in each of the others. */
  async #linked(caller: Caller, attr: Attr): Promise<Attr> {
    const parents = (await this.#tree.lineage(attr.node))?.parents ?? [];
    let seen = 0;
    for (const parent of parents) if (await this.#authorizer.allows(caller, 'see', parent)) seen++;
    return seen === parents.length ? attr : { ...attr, nlink: Math.max(seen, 1) };
  }
}

/** Space is everybody's; files are not counted, as on btrfs. */
export function shownSpace(space: StatFs): StatFs {
  return { ...space, files: 0, filesFree: 0 };
}
