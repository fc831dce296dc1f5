/** From a node to a path, for people: names are searched for upwards, directory by directory. */
import { nobody } from '../base/caller.ts';
import { nameToText } from '../base/names.ts';
import type { Name } from '../base/names.ts';
import { root } from '../fs/types.ts';
import type { FileSystem, NodeId, Place } from '../fs/types.ts';

/** Deeper than any path that can be said. */
const mostNames = 2_048;
const page = 1_000;

type Tree = Pick<FileSystem, 'lineage' | 'readdir'>;

/** Names remembered by one search before it begins anew. */
const mostRemembered = 100_000;

/** What has been read of a directory. */
interface Read {
  readonly names: Map<NodeId, Name>;
  after: number;
  done: boolean;
}

/**
 * Searches for the paths of several nodes: what was read for one is not read again for the next. Use it for one request. Directories are read on
 * nobody's behalf: give a tree that is not guarded.
 */
export class PathSearch {
  readonly #tree: Tree;
  readonly #read = new Map<NodeId, Read>();
  #remembered = 0;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  /**
   * An absolute path that leads to the node, one of them where there are several; undefined for what has no name. Takes as long as
   * reading the directories above. What is renamed meanwhile may have no path, or one that just was.
   */
  async path(node: NodeId): Promise<string | undefined> {
    const names: string[] = [];
    for (let at = node; at !== root; ) {
      const place = await this.#place(at);
      if (place === undefined || names.length === mostNames) return undefined;
      names.push(nameToText(place.name));
      at = place.parent;
    }
    return '/' + names.reverse().join('/');
  }

  async #place(node: NodeId): Promise<Place | undefined> {
    const lineage = await this.#tree.lineage(node);
    for (const parent of lineage?.parents ?? []) {
      const name = await this.#nameIn(parent, node);
      if (name !== undefined) return { parent, name };
    }
    return undefined;
  }

  async #nameIn(parent: NodeId, node: NodeId): Promise<Name | undefined> {
    if (this.#remembered > mostRemembered) this.#forget();
    const read = this.#read.get(parent) ?? { names: new Map<NodeId, Name>(), after: 0, done: false };
    this.#read.set(parent, read);
    while (!read.names.has(node) && !read.done) {
      const entries = await this.#tree.readdir(nobody, parent, read.after, page);
      for (const { name, attr } of entries) read.names.set(attr.node, name);
      this.#remembered += entries.length;
      read.after = entries.at(-1)?.cookie ?? read.after;
      read.done = entries.length === 0;
      // Others have their turn: a directory may have a million entries.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return read.names.get(node);
  }

  #forget(): void {
    this.#read.clear();
    this.#remembered = 0;
  }
}
