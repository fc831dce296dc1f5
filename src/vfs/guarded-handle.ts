/** An open file whose permissions are asked again when they may have changed: one comparison of integers otherwise. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { FileHandle, NodeId } from '../fs/types.ts';
import { unwrapped, WrappedHandle } from './wrapper.ts';

/** The part of an authorizer that an open file needs. */
interface Asked {
  readonly revision: number;
  allows(caller: Caller, permission: 'read' | 'write', node: NodeId): Awaitable<boolean>;
}

export class GuardedHandle extends WrappedHandle {
  readonly #authorizer: Asked;
  #readable: number;
  #writable: number;

  /** It was authorised for what its flags say just now. */
  constructor(inner: FileHandle, authorizer: Asked) {
    super(inner);
    this.#authorizer = authorizer;
    this.#readable = authorizer.revision;
    this.#writable = authorizer.revision;
  }

  async #ask(caller: Caller, permission: 'read' | 'write'): Promise<void> {
    // Taken before asking: what changes meanwhile is asked about again by the next call.
    const { revision } = this.#authorizer;
    if (!(await this.#authorizer.allows(caller, permission, this.node))) {
      throw new FsError(
        'EACCES',
        `${caller.subject} has no ${permission} permission on this open file any more`,
      );
    }
    if (permission === 'read') this.#readable = revision;
    else this.#writable = revision;
  }

  override read(caller: Caller, into: Uint8Array, offset: number): Promise<number> {
    if (this.#readable === this.#authorizer.revision) return this.inner.read(caller, into, offset);
    return this.#ask(caller, 'read').then(() => this.inner.read(caller, into, offset));
  }

  override write(caller: Caller, data: Uint8Array, offset: number): Promise<number> {
    if (this.#writable === this.#authorizer.revision) return this.inner.write(caller, data, offset);
    return this.#ask(caller, 'write').then(() => this.inner.write(caller, data, offset));
  }

  override allocate(caller: Caller, mode: number, offset: number, length: number): Promise<void> {
    if (this.#writable === this.#authorizer.revision) {
      return this.inner.allocate(caller, mode, offset, length);
    }
    return this.#ask(caller, 'write').then(() => this.inner.allocate(caller, mode, offset, length));
  }

  override seek(caller: Caller, offset: number, whence: 'data' | 'hole'): Promise<number> {
    if (this.#readable === this.#authorizer.revision) return this.inner.seek(caller, offset, whence);
    return this.#ask(caller, 'read').then(() => this.inner.seek(caller, offset, whence));
  }

  override async copyRange(
    caller: Caller,
    offset: number,
    to: FileHandle,
    toOffset: number,
    length: number,
  ): Promise<number> {
    if (this.#readable !== this.#authorizer.revision) await this.#ask(caller, 'read');
    if (to instanceof GuardedHandle && to.#writable !== to.#authorizer.revision) {
      await to.#ask(caller, 'write');
    }
    return this.inner.copyRange(caller, offset, unwrapped(to), toOffset, length);
  }
}
