/** open(2), create and O_TMPFILE: how a file comes to its handles. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { Slot } from '../cas/types.ts';
import { S_IFMT, S_IFREG } from '../fs/types.ts';
import type { NewNode, OpenFlags, Place } from '../fs/types.ts';
import type { Also, Inode } from '../meta/types.ts';
import { bindingKey, encodeBinding } from './binding.ts';
import { CompleteStaging } from './complete-staging.ts';
import { VolumeHandle } from './handle.ts';
import { S_ISGID, S_ISUID } from './modes.ts';
import type { OpenFile } from './open-file.ts';
import type { OpenFiles } from './open-files.ts';
import { dropPrivileges, hasCapability } from './privileges.ts';
import { BACKING_LIMIT, newBinding, stage } from './stage.ts';
import { resizeStaged, truncate } from './truncate.ts';
import type { Parts } from './types.ts';

export class Opening {
  readonly #parts: Parts;
  readonly #files: OpenFiles;

  constructor(parts: Parts, files: OpenFiles) {
    this.#parts = parts;
    this.#files = files;
  }

  async open(caller: Caller, ino: number, flags: OpenFlags): Promise<VolumeHandle> {
    const closing = this.#files.closing(ino);
    // What was read of it before its version was made would be read again afterwards.
    if (closing !== undefined) await closing;
    const held = this.#files.hold(ino);
    const file = held instanceof Promise ? await held : held;
    try {
      return await this.#openHeld(caller, file, flags);
    } finally {
      const rest = this.#files.letGo(file, caller);
      if (rest instanceof Promise) await rest;
    }
  }

  async #openHeld(caller: Caller, file: OpenFile, flags: OpenFlags): Promise<VolumeHandle> {
    if (flags.truncate === true && !flags.write) {
      await file.serial.run(() => truncate(this.#parts, file, caller, 0));
    }
    const mayBack = flags.passthrough === true && (await this.#mayBack(file, flags));
    file.observe();
    const io = appendable(file.users.choose(caller.via, flags.write, mayBack, file.mapped), flags);
    if (!flags.write && io !== 'backing') return this.#handle(caller, file, flags, io);
    file.users.tally(caller.via, io, flags.write, 1);
    try {
      await this.#prepare(caller, file, flags, io === 'backing');
    } catch (error) {
      file.users.tally(caller.via, io, flags.write, -1);
      if (io !== 'backing' || (flags.truncate === true && flags.write)) throw error;
      // There is no room to stage it whole: the daemon can do the I/O as well.
      const other = appendable(file.users.choose(caller.via, flags.write, false, file.mapped), flags);
      if (other === 'backing') throw error;
      return this.#handle(caller, file, flags, other);
    }
    file.users.tally(caller.via, io, flags.write, -1);
    return this.#handle(caller, file, flags, io);
  }

  /** Can the kernel do the I/O on the slot? Only where that is cheap, and where a write clears no set-id bits and no capability. */
  async #mayBack(file: OpenFile, flags: OpenFlags): Promise<boolean> {
    const inode = await this.#parts.namespace.inode(file.ino);
    if (inode === undefined || (inode.mode & (S_ISUID | S_ISGID)) !== 0) return false;
    if (inode.xattrs && (await hasCapability(this.#parts, file.ino))) return false;
    const { staging } = file;
    const small = flags.truncate === true || file.size <= BACKING_LIMIT;
    if (staging === undefined) return flags.write && small;
    if (staging.kind !== 'complete' || (file.serial.busy && !small)) return false;
    return flags.write || file.mapped || file.changed || file.users.writers > 0;
  }

  async #prepare(caller: Caller, file: OpenFile, flags: OpenFlags, backing: boolean): Promise<void> {
    if (flags.write) file.lastCaller = caller;
    const cut = flags.truncate === true && flags.write;
    if (!cut && !backing) return;
    await file.serial.run(async () => {
      if (cut) {
        if (file.privileged) await dropPrivileges(this.#parts, file, caller);
        await resizeStaged(this.#parts, file, 0);
      }
      if (backing) await this.#watch(file);
    });
  }

  async #watch(file: OpenFile): Promise<void> {
    const staging = file.staging ?? (await stage(this.#parts, file, file.size, true));
    if (file.watched) return;
    file.settle(staging);
    file.watched = true;
  }

  #handle(caller: Caller, file: OpenFile, flags: OpenFlags, io: VolumeHandle['io']): VolumeHandle {
    file.users.tally(caller.via, io, flags.write, 1);
    if (io === 'backing' && flags.read) file.mappable = true;
    return new VolumeHandle(this.#parts, this.#files, file, { flags, io, via: caller.via });
  }

  /** Makes a regular file with a name and opens it: one transaction makes it and binds its slot. */
  create(
    caller: Caller,
    at: Place,
    mode: number,
    flags: OpenFlags,
  ): Promise<{ inode: Inode; handle: VolumeHandle }> {
    const what: NewNode = { mode: (mode & ~S_IFMT) | S_IFREG };
    return this.#make(caller, flags, (also) => this.#parts.namespace.make(caller, at, what, also));
  }

  /** Makes a regular file without a name and opens it. */
  tmpfile(
    caller: Caller,
    parent: number,
    mode: number,
    flags: OpenFlags,
  ): Promise<{ inode: Inode; handle: VolumeHandle }> {
    const bits = mode & ~S_IFMT;
    return this.#make(caller, flags, (also) =>
      this.#parts.namespace.makeNameless(caller, parent, bits, also),
    );
  }

  async #make(
    caller: Caller,
    flags: OpenFlags,
    make: (also: Also | undefined) => Promise<Inode>,
  ): Promise<{ inode: Inode; handle: VolumeHandle }> {
    const { content } = this.#parts;
    let slot: Slot | undefined;
    const bind: Also = (tx, inode) => {
      slot ??= content.slot();
      tx.put(bindingKey(slot.id), encodeBinding(newBinding(inode.ino)));
    };
    let inode: Inode;
    try {
      inode = await make(flags.write ? bind : undefined);
    } catch (error) {
      if (slot !== undefined) content.giveBack([slot]);
      throw error;
    }
    if (this.#files.get(inode.ino) !== undefined) return this.#openMade(caller, inode, flags, slot);
    const file = this.#files.add(inode);
    const io = this.#stageMade(caller, file, inode, flags, slot);
    file.users.count--;
    return { inode, handle: this.#handle(caller, file, flags, io) };
  }

  #stageMade(
    caller: Caller,
    file: OpenFile,
    inode: Inode,
    flags: OpenFlags,
    slot: Slot | undefined,
  ): VolumeHandle['io'] {
    if (slot === undefined) return appendable('cached', flags);
    file.staging = new CompleteStaging(this.#parts.native, slot);
    file.binding = newBinding(inode.ino);
    file.lastCaller = caller;
    if (flags.passthrough !== true || (inode.mode & (S_ISUID | S_ISGID)) !== 0)
      return appendable('cached', flags);
    file.watched = true;
    return 'backing';
  }

  /** Somebody else found the name before its maker went on: the slot meant for it is not needed. */
  async #openMade(
    caller: Caller,
    inode: Inode,
    flags: OpenFlags,
    slot: Slot | undefined,
  ): Promise<{ inode: Inode; handle: VolumeHandle }> {
    if (slot !== undefined) {
      await this.#parts.kv.write((tx) => {
        tx.delete(bindingKey(slot.id));
      });
      this.#parts.content.giveBack([slot]);
    }
    const held = await this.#files.hold(inode.ino);
    try {
      return { inode, handle: await this.#openHeld(caller, held, flags) };
    } finally {
      await this.#files.letGo(held, caller);
    }
  }
}

/**
 * With its page cache the kernel cuts one write(2) at the pages it does not have, and what another mount appends may come between the pieces. Only
 * for what appends and does nothing else: the kernel cannot map such a descriptor either way.
 */
function appendable(io: VolumeHandle['io'], flags: OpenFlags): VolumeHandle['io'] {
  return io === 'cached' && flags.append === true && !flags.read ? 'direct' : io;
}

/** EBADF-like misuse of the contract: a handle that can do nothing. */
export function checkFlags(flags: OpenFlags): void {
  if (!flags.read && !flags.write)
    throw new FsError('EINVAL', 'a file is opened for reading, writing or both');
}
