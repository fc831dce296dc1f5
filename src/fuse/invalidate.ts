/** Tells this mount's kernel what others changed: through other mounts, the API, a recovery. */
import type { Name } from '../base/names.ts';
import type { NodeId } from '../fs/types.ts';
import type { Connection } from './connection.ts';
import { within } from './within.ts';

/** As `vfs/observe` tells it. `via` is the edge the change came through. */
export type Change =
  | { readonly kind: 'entry'; readonly via: number; readonly parent: NodeId; readonly name: Name }
  | { readonly kind: 'attr'; readonly via: number; readonly node: NodeId }
  | {
      readonly kind: 'content';
      readonly via: number;
      readonly node: NodeId;
      readonly offset: number;
      /** 0: to the end of the file. */
      readonly length: number;
    };

/** A range of bytes; `end` may be Infinity. */
interface Range {
  start: number;
  end: number;
}

/** How long names that the kernel has in use are waited for before all names are taken for old, in milliseconds. */
const NAMES_PATIENCE = 2;

/**
 * Collects the changes of one step and sends each notification once. The kernel takes one only when it has the locks of the inode, which a
 * request of this mount may hold while it waits for its own answer. So whoever made a change waits for the notifier, which makes the change
 * seen at once, but no longer than `patience`: two mounts changing the same directory could otherwise wait for each other. Names must not stay
 * old even then, or a program would open what has another name by now: INC_EPOCH has the kernel ask for every name again, and takes no lock.
 */
export class Invalidation {
  readonly #connection: Connection;
  readonly #patience: number;
  #entries = new Map<NodeId, Set<Name>>();
  #attrs = new Set<NodeId>();
  #contents = new Map<NodeId, Range>();
  #batch: Promise<void> | undefined;

  constructor(connection: Connection, patience: number) {
    this.#connection = connection;
    this.#patience = patience;
  }

  /** Undefined when this kernel has nothing cached of it; else resolves when it has dropped it, or patience is over. */
  changed(change: Change): Promise<void> | undefined {
    const { known } = this.#connection;
    if (!known.has(change.kind === 'entry' ? change.parent : change.node)) return undefined;
    if (change.kind === 'entry') {
      const names = this.#entries.get(change.parent);
      if (names) names.add(change.name);
      else this.#entries.set(change.parent, new Set([change.name]));
    } else if (change.kind === 'attr') {
      this.#attrs.add(change.node);
    } else {
      this.#widen(change.node, change.offset, change.length === 0 ? Infinity : change.offset + change.length);
    }
    this.#batch ??= this.#send();
    return this.#batch;
  }

  #widen(node: NodeId, start: number, end: number): void {
    const range = this.#contents.get(node);
    if (range) {
      range.start = Math.min(range.start, start);
      range.end = Math.max(range.end, end);
    } else {
      this.#contents.set(node, { start, end });
    }
  }

  /**
   * INVAL_ENTRY waits for the lock of a directory, which a request of this mount may hold while it is answered late: what is revoked meanwhile
   * must not wait behind it. Names that cannot be forgotten are not kept, and neither are listings.
   */
  #forget(parents: Iterable<NodeId>): void {
    let any = false;
    for (const parent of parents) {
      any = true;
      this.#connection.dropNode(parent, -1, 0);
    }
    if (any && this.#connection.canForgetNames) this.#connection.forgetNames();
  }

  #drop(entries: ReadonlyMap<NodeId, ReadonlySet<Name>>): void {
    for (const [parent, names] of entries) {
      // INVAL_ENTRY waits for listings under way, so the pages it was listed into are dropped after they have been filled.
      for (const name of names) this.#connection.dropEntry(parent, name);
      this.#connection.dropNode(parent, 0, 0);
    }
  }

  async #send(): Promise<void> {
    // What one operation tells comes in one go: after it.
    await Promise.resolve();
    const entries = this.#entries;
    const attrs = this.#attrs;
    const contents = this.#contents;
    this.#entries = new Map();
    this.#attrs = new Set();
    this.#contents = new Map();
    this.#batch = undefined;
    const restricted = this.#connection.options.restricted === true;
    if (restricted) this.#forget(entries.keys());
    else this.#drop(entries);
    for (const [node, { start, end }] of contents) {
      this.#connection.dropNode(node, start, end === Infinity ? 0 : end - start);
    }
    for (const node of attrs) {
      if (!contents.has(node) && !entries.has(node)) this.#connection.dropNode(node, -1, 0);
    }
    const written = this.#connection.device.notified();
    if (entries.size > 0 && !restricted && this.#connection.canForgetNames) {
      if (await within(NAMES_PATIENCE, written)) return;
      // The notifier is waiting for the lock of a directory.
      this.#connection.forgetNames();
      if (contents.size === 0) return;
    }
    await within(this.#patience, written);
  }
}
