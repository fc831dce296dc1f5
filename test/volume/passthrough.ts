/** A FileSystem whose handles do I/O as the kernel does with passthrough: on the backing descriptor, unseen by the volume. */
import { constants, openSync, closeSync, readSync, writeSync } from 'node:fs';
import type { Caller } from '../../src/base/caller.ts';
import type { FileHandle, FileSystem, NodeId, OpenFlags, Place } from '../../src/fs/types.ts';

/** The kernel opens the backing file anew for each open, with the flags of that open. */
function reopen(fd: number, flags: OpenFlags): number {
  const access = flags.write ? constants.O_RDWR : constants.O_RDONLY;
  return openSync(`/proc/self/fd/${String(fd)}`, access | (flags.append === true ? constants.O_APPEND : 0));
}

function wrap(handle: FileHandle): FileHandle {
  const backing = handle.io === 'backing' ? handle.backing : undefined;
  const passed: Partial<FileHandle> = {
    ...(backing === undefined ? {} : direct(handle, reopen(backing, handle.flags))),
    copyRange: (caller, offset, to, toOffset, length) =>
      handle.copyRange(caller, offset, inner.get(to) ?? to, toOffset, length),
  };
  const outer = new Proxy(handle, {
    get(target, key) {
      if (key in passed) return passed[key as keyof FileHandle];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  inner.set(outer, handle);
  return outer;
}

function direct(handle: FileHandle, fd: number): Partial<FileHandle> {
  return {
    read(caller: Caller, into: Uint8Array, offset: number): Promise<number> {
      if (!handle.flags.read || offset < 0) return handle.read(caller, into, offset);
      return Promise.resolve(readSync(fd, into, 0, into.length, offset));
    },
    write(caller: Caller, data: Uint8Array, offset: number): Promise<number> {
      if (!handle.flags.write || offset < 0 || offset > 2 ** 44) return handle.write(caller, data, offset);
      let done = 0;
      while (done < data.length) done += writeSync(fd, data, done, data.length - done, offset + done);
      return Promise.resolve(done);
    },
    release(caller: Caller): Promise<void> {
      try {
        closeSync(fd);
      } catch {
        // A second release.
      }
      return handle.release(caller);
    },
  };
}

const inner = new WeakMap<FileHandle, FileHandle>();

export function passthrough(fs: FileSystem): FileSystem {
  const asked = (flags: OpenFlags): OpenFlags => ({ ...flags, passthrough: true });
  const changed = {
    open: async (caller: Caller, node: NodeId, flags: OpenFlags) =>
      wrap(await fs.open(caller, node, asked(flags))),
    create: async (caller: Caller, at: Place, mode: number, flags: OpenFlags) => {
      const { attr, handle } = await fs.create(caller, at, mode, asked(flags));
      return { attr, handle: wrap(handle) };
    },
    tmpfile: async (caller: Caller, parent: NodeId, mode: number, flags: OpenFlags) => {
      const { attr, handle } = await fs.tmpfile(caller, parent, mode, asked(flags));
      return { attr, handle: wrap(handle) };
    },
  };
  return new Proxy(fs, {
    get(target, key) {
      if (key in changed) return changed[key as keyof typeof changed];
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
