/** The part of the guard that takes names away and moves them: what is asked before, and who is told of it afterwards. */
import type { Caller } from '../base/caller.ts';
import { isFsError } from '../base/errors.ts';
import type { Attr, FileSystem, NodeId, Place, RenameMode } from '../fs/types.ts';
import { denied, met } from './asking.ts';
import type { Authorizer } from './authorizer.ts';
import { needs, needsFor } from './needs.ts';
import type { Shown } from './shown.ts';
import { Turns } from './turns.ts';

/** What a change of names has begun to tell. */
interface Telling {
  readonly told: Promise<void> | undefined;
}

export class GuardedNames {
  readonly #inner: FileSystem;
  readonly #authorizer: Authorizer;
  readonly #shown: Shown;
  /** What a name stands for when it is asked about is what is moved or removed: no other mount puts something else there meanwhile. */
  readonly #turns = new Turns();

  constructor(inner: FileSystem, authorizer: Authorizer, shown: Shown) {
    this.#inner = inner;
    this.#authorizer = authorizer;
    this.#shown = shown;
  }

  get #tracks(): boolean {
    return this.#authorizer.tracks !== false;
  }

  /** What has the name, whoever may see it; undefined where there is none. */
  async #at(caller: Caller, at: Place): Promise<Attr | undefined> {
    try {
      return await this.#inner.lookup(caller, at);
    } catch (error) {
      if (isFsError(error)) return undefined;
      throw error;
    }
  }

  /** Does the name stand for something that the caller may see? */
  async sees(caller: Caller, at: Place): Promise<boolean> {
    const found = await this.#at(caller, at);
    return found !== undefined && (await this.#authorizer.allows(caller, 'see', found.node));
  }

  remove(caller: Caller, at: Place, how: 'unlink' | 'rmdir'): Promise<void> {
    const free = this.#authorizer.everything(caller);
    if (free && !this.#tracks) return this.#inner[how](caller, at);
    return this.#inTurn([at.parent], () =>
      free ? this.#removeTold(caller, at, how) : this.#removeChecked(caller, at, how),
    );
  }

  /** The kernels are waited for after the turn: they may wait for what has the next one. */
  async #inTurn(directories: readonly NodeId[], step: () => Promise<Telling>): Promise<void> {
    const { told } = await this.#turns.take(directories, step);
    await told;
  }

  async #removeTold(caller: Caller, at: Place, how: 'unlink' | 'rmdir'): Promise<Telling> {
    const found = await this.#at(caller, at);
    await this.#inner[how](caller, at);
    return { told: found && this.#nameGone(found.node, at.parent) };
  }

  async #removeChecked(caller: Caller, at: Place, how: 'unlink' | 'rmdir'): Promise<Telling> {
    const asked = met(this.#authorizer, caller, needs[how], { parent: at.parent });
    if (asked) await asked;
    const { node } = await this.#inner.lookup(caller, at);
    const visible = met(this.#authorizer, caller, needs[how], { named: node });
    if (visible) await visible;
    await this.#inner[how](caller, at);
    return { told: this.#tracks ? this.#nameGone(node, at.parent) : undefined };
  }

  /** One name of the node in `parent` is gone: was it the last one, or the last one there? */
  async #nameGone(node: NodeId, parent: NodeId): Promise<void> {
    const found = this.#inner.lineage(node);
    const parents = (found instanceof Promise ? await found : found)?.parents ?? [];
    if (parents.length === 0) await this.#authorizer.removed(node, parent);
    else if (!parents.includes(parent)) await this.#authorizer.moved(node);
  }

  link(caller: Caller, node: NodeId, to: Place): Promise<Attr> {
    const restricted = !this.#authorizer.everything(caller);
    if (!restricted && !this.#tracks) return this.#inner.link(caller, node, to);
    return this.#link(caller, node, to, restricted);
  }

  async #link(caller: Caller, node: NodeId, to: Place, restricted: boolean): Promise<Attr> {
    if (restricted) {
      const asked = met(this.#authorizer, caller, needs.link, { node, parent: to.parent });
      if (asked) await asked;
    }
    const parents = (await this.#inner.lineage(node))?.parents ?? [];
    const elsewhere = !parents.includes(to.parent);
    if (restricted && elsewhere && (await this.#widensAll(node, parents, to.parent))) {
      const owned = met(this.#authorizer, caller, needsFor.sharing, { node });
      if (owned) await owned;
    }
    const attr = await this.#linked(caller, node, to, restricted);
    if (elsewhere && this.#tracks) await this.#authorizer.moved(node);
    return restricted ? this.#shown.attr(caller, attr) : attr;
  }

  /** A name that is there but hidden is answered for as one that may not be made. */
  async #linked(caller: Caller, node: NodeId, to: Place, restricted: boolean): Promise<Attr> {
    try {
      return await this.#inner.link(caller, node, to);
    } catch (error) {
      if (restricted && isFsError(error, 'EEXIST') && !(await this.sees(caller, to)))
        throw denied(caller, 'write');
      throw error;
    }
  }

  /** A directory that gives nothing that one of the others does not give widens nothing. Without a name, the node has only what is its own. */
  async #widensAll(node: NodeId, from: readonly NodeId[], to: NodeId): Promise<boolean> {
    for (const parent of from) if (!(await this.#authorizer.widens(node, parent, to))) return false;
    return from.length > 0;
  }

  rename(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<void> {
    const free = this.#authorizer.everything(caller);
    if (free && !this.#tracks) return this.#inner.rename(caller, from, to, mode);
    return this.#inTurn([from.parent, to.parent], () =>
      free ? this.#renameTold(caller, from, to, mode) : this.#renameChecked(caller, from, to, mode),
    );
  }

  async #renameTold(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<Telling> {
    const moved = from.parent === to.parent ? undefined : await this.#at(caller, from);
    const other = mode === 'noreplace' ? undefined : await this.#at(caller, to);
    await this.#inner.rename(caller, from, to, mode);
    return { told: this.#renamed(moved, other, from, to, mode) };
  }

  async #renameChecked(caller: Caller, from: Place, to: Place, mode: RenameMode): Promise<Telling> {
    const authorizer = this.#authorizer;
    const asked = met(authorizer, caller, needs.rename, { from: from.parent, to: to.parent });
    if (asked) await asked;
    const moved = await this.#inner.lookup(caller, from);
    const writable = met(authorizer, caller, needs.rename, { named: moved.node });
    if (writable) await writable;
    const other = await this.#at(caller, to);
    if (other) await this.#replacing(caller, other.node, mode);
    if (from.parent !== to.parent) {
      if (await authorizer.widens(moved.node, from.parent, to.parent)) {
        await met(authorizer, caller, needsFor.moving, { named: moved.node });
      }
      if (mode === 'exchange' && other && (await authorizer.widens(other.node, to.parent, from.parent))) {
        await met(authorizer, caller, needsFor.movingBack, { replaced: other.node });
      }
    }
    await this.#inner.rename(caller, from, to, mode);
    return { told: this.#tracks ? this.#renamed(moved, other, from, to, mode) : undefined };
  }

  /** What has the new name so far: hidden, it is answered for as a name that may not be made. */
  async #replacing(caller: Caller, replaced: NodeId, mode: RenameMode): Promise<void> {
    if (!(await this.#authorizer.allows(caller, 'see', replaced))) throw denied(caller, 'write');
    if (mode !== 'noreplace') await met(this.#authorizer, caller, needsFor.replacing, { replaced });
  }

  /** Tells what has become of both nodes. */
  async #renamed(
    moved: Attr | undefined,
    other: Attr | undefined,
    from: Place,
    to: Place,
    mode: RenameMode,
  ): Promise<void> {
    const moves = from.parent !== to.parent;
    const told: Promise<void>[] = [];
    if (moves && moved) told.push(this.#moved(moved, from.parent));
    if (other && mode !== 'exchange') told.push(this.#nameGone(other.node, to.parent));
    else if (other && moves) told.push(this.#moved(other, to.parent));
    await Promise.all(told);
  }

  /** Left `from`, by one of its names. */
  async #moved({ node, nlink, parent }: Attr, from: NodeId): Promise<void> {
    const alone = parent !== undefined || nlink === 1;
    await this.#authorizer.moved(node, alone ? from : undefined);
  }
}
