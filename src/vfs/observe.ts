/** Tells the other edges what a call changed, before the call returns: so that every mount sees a change at once (FS-11). */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { isFsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import type {
  Attr,
  AttrChange,
  Created,
  FileHandle,
  FileSystem,
  NewNode,
  NodeId,
  OpenFlags,
  Place,
  RenameMode,
  XattrMode,
} from '../fs/types.ts';
import { unwrapped, WrappedHandle, WrappedTree } from './wrapper.ts';

/** `via` is the edge the change came through (`Caller.via`). */
export type Change =
  /** The name appeared, vanished, or means something else now. */
  | { readonly kind: 'entry'; readonly via: number; readonly parent: NodeId; readonly name: Name }
  /** Any attribute or extended attribute. */
  | { readonly kind: 'attr'; readonly via: number; readonly node: NodeId }
  /** Bytes from `offset` on, `length` of them; 0: to the end of the file. */
  | {
      readonly kind: 'content';
      readonly via: number;
      readonly node: NodeId;
      readonly offset: number;
      readonly length: number;
    };

export interface Listener {
  /** The edge that listens: changes that came through it are not told, it knows them. */
  readonly via: number;
  /**
   * What it returns is waited for before the call that made the change returns. It must not wait for a lock that a
   * request of its own edge may hold meanwhile: two edges would wait for each other.
   */
  changed(change: Change): Awaitable<void>;
}

/** A FileSystem that tells its changes. */
export class ObservedTree extends WrappedTree {
  #listeners: readonly Listener[] = [];

  /** Tells `listener` from now on, until disposed. */
  subscribe(listener: Listener): Disposable {
    this.#listeners = [...this.#listeners, listener];
    return {
      [Symbol.dispose]: () => {
        this.#listeners = this.#listeners.filter((other) => other !== listener);
      },
    };
  }

  /** Is there anybody to tell what this caller does? */
  heard(caller: Caller): boolean {
    const listeners = this.#listeners;
    if (listeners.length === 0) return false;
    return listeners.length > 1 || listeners[0]?.via !== caller.via;
  }

  async tell(changes: readonly Change[]): Promise<void> {
    const waits: PromiseLike<void>[] = [];
    for (const listener of this.#listeners) {
      for (const change of changes) {
        if (change.via === listener.via) continue;
        const told = listener.changed(change);
        if (told !== undefined) waits.push(told);
      }
    }
    if (waits.length > 0) await Promise.all(waits);
  }

  async #told<T>(result: Promise<T>, changes: readonly Change[]): Promise<T> {
    const value = await result;
    await this.tell(changes);
    return value;
  }

  /** The node of a name, for telling what happens to it; undefined where there is none. */
  async #nodeAt(caller: Caller, at: Place): Promise<NodeId | undefined> {
    try {
      return (await this.inner.lookup(caller, at)).node;
    } catch (error) {
      if (isFsError(error)) return undefined;
      throw error;
    }
  }

  override setattr(caller: Caller, node: NodeId, change: AttrChange): Promise<Attr> {
    const result = this.inner.setattr(caller, node, change);
    if (!this.heard(caller)) return result;
    const changes = [attr(caller, node)];
    if (change.size !== undefined) changes.push(content(caller, node, change.size, 0));
    return this.#told(result, changes);
  }

  override mknod(caller: Caller, at: Place, what: NewNode): Promise<Attr> {
    const result = this.inner.mknod(caller, at, what);
    return this.heard(caller) ? this.#told(result, entry(caller, at)) : result;
  }

  override async create(caller: Caller, at: Place, mode: number, flags: OpenFlags): Promise<Created> {
    const made = await this.inner.create(caller, at, mode, flags);
    if (this.heard(caller)) await this.tell(entry(caller, at));
    return { attr: made.attr, handle: this.#opened(made.handle) };
  }

  override async tmpfile(caller: Caller, parent: NodeId, mode: number, flags: OpenFlags): Promise<Created> {
    const made = await this.inner.tmpfile(caller, parent, mode, flags);
    return { attr: made.attr, handle: this.#opened(made.handle) };
  }

  override link(caller: Caller, node: NodeId, to: Place): Promise<Attr> {
    const result = this.inner.link(caller, node, to);
    return this.heard(caller) ? this.#told(result, [...entry(caller, to), attr(caller, node)]) : result;
  }

  override unlink(caller: Caller, at: Place): Promise<void> {
    return this.heard(caller) ? this.#removed(caller, at, 'unlink') : this.inner.unlink(caller, at);
  }

  override rmdir(caller: Caller, at: Place): Promise<void> {
    return this.heard(caller) ? this.#removed(caller, at, 'rmdir') : this.inner.rmdir(caller, at);
  }

  async #removed(caller: Caller, at: Place, how: 'unlink' | 'rmdir'): Promise<void> {
    const node = await this.#nodeAt(caller, at);
    await this.inner[how](caller, at);
    const changes = entry(caller, at);
    if (node !== undefined) changes.push(attr(caller, node));
    await this.tell(changes);
  }

  override rename(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    return this.heard(caller)
      ? this.#renamed(caller, from, to, mode)
      : this.inner.rename(caller, from, to, mode);
  }

  async #renamed(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    const moved = await this.#nodeAt(caller, from);
    const replaced = await this.#nodeAt(caller, to);
    await this.inner.rename(caller, from, to, mode);
    const changes = [...entry(caller, from), ...entry(caller, to)];
    if (moved !== undefined) changes.push(attr(caller, moved));
    if (replaced !== undefined) changes.push(attr(caller, replaced));
    await this.tell(changes);
  }

  override async open(caller: Caller, node: NodeId, flags: OpenFlags): Promise<FileHandle> {
    const handle = await this.inner.open(caller, node, flags);
    if (flags.truncate === true && this.heard(caller)) {
      await this.tell([content(caller, node, 0, 0), attr(caller, node)]);
    }
    const opened = this.#opened(handle);
    // From here on the kernel writes without a word: whoever has cached this file's attributes drops them now.
    if (opened.unseen && this.heard(caller)) await this.tell([attr(caller, node)]);
    return opened;
  }

  #opened(inner: FileHandle): ObservedHandle {
    return new ObservedHandle(inner, this);
  }

  override setxattr(
    caller: Caller,
    node: NodeId,
    name: Name,
    value: Uint8Array,
    mode: XattrMode,
  ): Promise<void> {
    const result = this.inner.setxattr(caller, node, name, value, mode);
    return this.heard(caller) ? this.#told(result, [attr(caller, node)]) : result;
  }

  override removexattr(caller: Caller, node: NodeId, name: Name): Promise<void> {
    const result = this.inner.removexattr(caller, node, name);
    return this.heard(caller) ? this.#told(result, [attr(caller, node)]) : result;
  }
}

class ObservedHandle extends WrappedHandle {
  readonly #tree: ObservedTree;
  #released = false;

  constructor(inner: FileHandle, tree: ObservedTree) {
    super(inner);
    this.#tree = tree;
  }

  /** The kernel writes the host file by itself: what it did is told when the descriptor is flushed. */
  get unseen(): boolean {
    return this.inner.io === 'backing' && this.inner.flags.write;
  }

  async #changed<T>(caller: Caller, result: Promise<T>, offset: number, length: number): Promise<T> {
    const value = await result;
    const node = this.inner.node;
    await this.#tree.tell([content(caller, node, offset, length), attr(caller, node)]);
    return value;
  }

  override write(caller: Caller, data: Uint8Array, offset: number): Promise<number> {
    const length = data.length;
    const result = this.inner.write(caller, data, offset);
    if (!this.#tree.heard(caller)) return result;
    // An append lands at the end, which may lie behind the offset its caller knew of.
    return this.#changed(caller, result, offset, this.flags.append === true ? 0 : length);
  }

  override allocate(caller: Caller, mode: number, offset: number, length: number): Promise<void> {
    const result = this.inner.allocate(caller, mode, offset, length);
    return this.#tree.heard(caller) ? this.#changed(caller, result, offset, length) : result;
  }

  override async copyRange(
    caller: Caller,
    offset: number,
    to: FileHandle,
    toOffset: number,
    length: number,
  ): Promise<number> {
    const copied = await this.inner.copyRange(caller, offset, unwrapped(to), toOffset, length);
    if (copied > 0 && this.#tree.heard(caller)) {
      await this.#tree.tell([content(caller, to.node, toOffset, copied), attr(caller, to.node)]);
    }
    return copied;
  }

  override flush(caller: Caller): Promise<void> {
    const result = this.inner.flush(caller);
    return this.unseen && this.#tree.heard(caller) ? this.#changed(caller, result, 0, 0) : result;
  }

  override flushSoon(caller: Caller): Promise<void> {
    const result = this.inner.flushSoon(caller);
    return this.unseen && this.#tree.heard(caller) ? this.#changed(caller, result, 0, 0) : result;
  }

  override fsync(caller: Caller, dataOnly: boolean): Promise<void> {
    const result = this.inner.fsync(caller, dataOnly);
    return this.unseen && this.#tree.heard(caller) ? this.#changed(caller, result, 0, 0) : result;
  }

  override release(caller: Caller): Promise<void> {
    const result = this.inner.release(caller);
    if (this.#released || !this.unseen || !this.#tree.heard(caller)) return result;
    this.#released = true;
    return this.#changed(caller, result, 0, 0);
  }
}

/** A name changed, and with it the times of its directory. */
function entry(caller: Caller, at: Place): Change[] {
  return [{ kind: 'entry', via: caller.via, parent: at.parent, name: at.name }, attr(caller, at.parent)];
}

function attr(caller: Caller, node: NodeId): Change {
  return { kind: 'attr', via: caller.via, node };
}

function content(caller: Caller, node: NodeId, offset: number, length: number): Change {
  return { kind: 'content', via: caller.via, node, offset, length };
}

/** Costs one comparison a call while nobody but the caller's own edge listens. */
export function observe(fs: FileSystem): ObservedTree {
  return new ObservedTree(fs);
}
