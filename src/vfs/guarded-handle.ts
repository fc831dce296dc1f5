/** An open file whose permissions are asked again when they may have changed: one comparison of integers otherwise. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { FileHandle, NodeId } from '../fs/types.ts';
import { after } from './asking.ts';
import { unwrapped, WrappedHandle } from './wrapper.ts';

/** The part of an authorizer that an open file needs. */
interface Asked {
  readonly revision: number;
  allows(caller: Caller, permission: 'read' | 'write', node: NodeId): Awaitable<boolean>;
}

/** An open file belongs to who opened it, whichever process uses it now: what that subject may decides. */
export class GuardedHandle extends WrappedHandle {
  readonly #authorizer: Asked;
  readonly #subject: string;
  readonly #zone: string;
  #readable: number;
  #writable: number;

  /** It was authorised for what its flags say at `revision`, or later. */
  constructor(inner: FileHandle, authorizer: Asked, opener: Caller, revision: number) {
    super(inner);
    this.#authorizer = authorizer;
    this.#subject = opener.subject;
    this.#zone = opener.zone;
    this.#readable = revision;
    this.#writable = revision;
  }

  /** Runs the operation right now where nothing has changed, or the authorizer answers right now. */
  #checked<T>(caller: Caller, permission: 'read' | 'write', run: () => Promise<T>): Promise<T> {
    return after(() => this.#ask(caller, permission), run);
  }

  #ask(caller: Caller, permission: 'read' | 'write'): Promise<void> | undefined {
    // Taken before asking: what changes meanwhile is asked about again by the next call.
    const { revision } = this.#authorizer;
    const known = permission === 'read' ? this.#readable : this.#writable;
    if (known === revision) return undefined;
    const allowed = this.#authorizer.allows(this.#asOpener(caller), permission, this.node);
    if (typeof allowed === 'boolean') {
      this.#settle(permission, allowed, revision);
      return undefined;
    }
    return allowed.then((yes) => {
      this.#settle(permission, yes, revision);
    });
  }

  #asOpener(caller: Caller): Caller {
    if (caller.subject === this.#subject && caller.zone === this.#zone) return caller;
    const { uid, gid, groups, pid, umask, via } = caller;
    return { subject: this.#subject, zone: this.#zone, uid, gid, groups, pid, umask, via };
  }

  #settle(permission: 'read' | 'write', allowed: boolean, revision: number): void {
    if (!allowed) {
      throw new FsError(
        'EACCES',
        `${this.#subject} has no ${permission} permission on this open file any more`,
      );
    }
    if (permission === 'read') this.#readable = revision;
    else this.#writable = revision;
  }

  override read(caller: Caller, into: Uint8Array, offset: number): Promise<number> {
    if (this.#readable === this.#authorizer.revision) return this.inner.read(caller, into, offset);
    return this.#checked(caller, 'read', () => this.inner.read(caller, into, offset));
  }

  override write(caller: Caller, data: Uint8Array, offset: number): Promise<number> {
    if (this.#writable === this.#authorizer.revision) return this.inner.write(caller, data, offset);
    return this.#checked(caller, 'write', () => this.inner.write(caller, data, offset));
  }

  override allocate(caller: Caller, mode: number, offset: number, length: number): Promise<void> {
    return this.#checked(caller, 'write', () => this.inner.allocate(caller, mode, offset, length));
  }

  // Where several subjects use a mount, the last close comes from whoever has the descriptor, or from nobody: the version is the opener's.

  override flush(caller: Caller): Promise<void> {
    return this.inner.flush(this.#asOpener(caller));
  }

  override flushSoon(caller: Caller): Promise<void> {
    return this.inner.flushSoon(this.#asOpener(caller));
  }

  override release(caller: Caller): Promise<void> {
    return this.inner.release(this.#asOpener(caller));
  }

  /** Asked of who may only write as well, for holes in what it wrote. */
  override seek(caller: Caller, offset: number, whence: 'data' | 'hole'): Promise<number> {
    const permission = this.flags.read ? 'read' : 'write';
    return this.#checked(caller, permission, () => this.inner.seek(caller, offset, whence));
  }

  override copyRange(
    caller: Caller,
    offset: number,
    to: FileHandle,
    toOffset: number,
    length: number,
  ): Promise<number> {
    const copy = (): Promise<number> => this.inner.copyRange(caller, offset, unwrapped(to), toOffset, length);
    return this.#checked(caller, 'read', () =>
      to instanceof GuardedHandle ? to.#checked(caller, 'write', copy) : copy(),
    );
  }
}
