/** The typed surface of the C++ addon: the FUSE device on Node's loop, mounting, and the host calls Node lacks. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * One connection to the kernel: a /dev/fuse descriptor on Node's own loop.
 *
 * A started device keeps the process alive until the connection ends or `close()` is called. A device that was
 * never started, or whose connection has ended, is closed when it is garbage collected; the end of its
 * environment (process or worker thread) closes it in every case.
 */
export interface Device {
  /**
   * Starts reading; may be called once.
   *
   * `onMessage(message, length)` is called on the loop thread for every whole request. Only the first `length` bytes
   * of `message` mean anything. The buffer is lent: it belongs to the device again when `onMessage` returns, unless
   * `keep()` was called during that call; then when `giveBack(message)` is called. Microtasks run before the next
   * message is read, so an async handler that waits for no I/O has replied by then. What `onMessage` throws reaches
   * `uncaughtException`, and reading goes on.
   *
   * `onEnd(error)` is called once: with undefined when the kernel closed the connection (unmounted), with the errno
   * name and text when the connection was aborted or the descriptor failed. It is not called because of `close()`.
   */
  start(
    onMessage: (message: Buffer, length: number) => void,
    onEnd: (error: string | undefined) => void,
  ): void;
  /**
   * Only inside `onMessage`: the lent buffer stays with the caller until `giveBack` (a WRITE whose data are needed
   * after an await). When very many buffers are kept, reading pauses until one is given back.
   */
  keep(): void;
  /** Returns a kept buffer; its bytes may be overwritten at once. Harmless for any other buffer and after `close()`. */
  giveBack(message: Buffer): void;
  /**
   * One writev(2) of one to four parts, which together are one whole message. Returns 0, or a negative errno:
   * -ENOENT says the request was interrupted or aborted meanwhile, which is expected; -EBADF that the device is closed.
   */
  send(
    a: Uint8Array,
    aLength: number,
    b?: Uint8Array,
    bLength?: number,
    c?: Uint8Array,
    cLength?: number,
    d?: Uint8Array,
    dLength?: number,
  ): number;
  /**
   * Queues one notification for the notifier thread, which may wait in the kernel for locks that the request being
   * served holds. The bytes are copied. Never blocks. What the kernel answers is only counted in `stats()`: ENOENT
   * (it does not cache that inode or name) is normal. Ignored after `close()`.
   */
  notify(message: Uint8Array): void;
  /** Resolves when every notification queued before has been written, or the device was closed. */
  notified(): Promise<void>;
  /** FUSE_DEV_IOC_BACKING_OPEN for passthrough: the backing id, or a negative errno. */
  backingOpen(fd: number): number;
  /** FUSE_DEV_IOC_BACKING_CLOSE: 0, or a negative errno. */
  backingClose(id: number): number;
  /**
   * Adaptive polling: after traffic, look for the next request for up to `us` microseconds before sleeping
   * (50 unless set; at most 1000). It saves the wake-up of a sleeping CPU, most of a round trip. Off by itself
   * while idle, while other work of the loop waits, and while it rarely finds anything. 0 turns it off.
   */
  spin(us: number): void;
  /**
   * Counters since the device was opened:
   * `messages` read, `sends` written, `sendErrors` (`aborted` among them: ENOENT), `turns` of the loop spent reading,
   * `spins`, `spinHits` (a request came while polling), `spinMicros` (spent polling in vain), `buffers` that exist,
   * `kept` by the caller now, `pauses` of reading for lack of buffers, `notifications` written, `notifyErrors`
   * (ENOENT not counted), `notifyErrno` (the last of these), `notifyQueued` now.
   */
  stats(): Record<string, number>;
  /**
   * Stops reading, joins the notifier, closes the descriptor, which aborts a connection that is still mounted:
   * what the notifier has not written is dropped. Allowed inside `onMessage`. Idempotent.
   */
  close(): void;
}

/**
 * What the addon offers. Errors are `Error` with `.code` (the errno's name; EOPNOTSUPP is called so), `.errno`
 * (negative, as Node's own) and `.syscall`. Offsets and lengths are safe integers.
 */
export interface Native {
  /**
   * Takes over the descriptor `fd` of a FUSE connection, in an error too; nothing is read before `start`.
   * `bufferSize` is the greatest request with its headers: the kernel refuses reads into less than its
   * max_write + 80 bytes. `buffers` are made at once; up to four times as many exist while JS keeps them.
   */
  openDevice(fd: number, bufferSize: number, buffers: number): Device;
  /**
   * As root: opens /dev/fuse, mounts it on `dir` by mount(2), returns the descriptor (close-on-exec).
   * `flags` are mount(2)'s MS_ bits; `options` is the data that follows `fd=,rootmode=,user_id=,group_id=`.
   */
  mountRoot(dir: string, source: string, fsType: string, flags: number, options: string): number;
  /**
   * As anybody: runs `fusermount` (a path, or a name looked up in PATH) off the loop thread and resolves to the
   * descriptor it passes back over _FUSE_COMMFD (close-on-exec). Rejects with what the program printed.
   * `auto_unmount` is refused: that program would not end.
   */
  mountUser(fusermount: string, dir: string, options: string): Promise<number>;
  /** umount2(2), not following a symlink at `dir`; `lazy` detaches a busy mount too (MNT_DETACH). */
  unmount(dir: string, lazy: boolean): void;
  /** lseek(2) with SEEK_DATA or SEEK_HOLE, which moves the descriptor's offset; -1 for ENXIO (no more data, or past the end). */
  seek(fd: number, offset: number, whence: 'data' | 'hole'): number;
  /** fallocate(2); `mode` holds FALLOC_FL_ bits. */
  fallocate(fd: number, mode: number, offset: number, length: number): void;
  /** One copy_file_range(2): the bytes copied, which may be fewer than asked; 0 at the end of the source. */
  copyFileRange(fdIn: number, offIn: number, fdOut: number, offOut: number, length: number): number;
  /** posix_fadvise(2) with a POSIX_FADV_ number. */
  fadvise(fd: number, offset: number, length: number, advice: number): void;
  /**
   * preadv2(RWF_NOWAIT) into `into[at, at + length)`: the bytes that are in memory. Fewer than asked means the end of
   * the file or that the rest is not in memory; -1: it would have to wait for the disk; -2: kernel or file system
   * cannot say (EOPNOTSUPP).
   */
  readNowait(fd: number, into: Uint8Array, at: number, length: number, offset: number): number;
  /**
   * Is the file open, or mapped, by anybody but this one descriptor? Asked by taking and dropping a write lease, so the
   * caller must own the file or have CAP_LEASE; the descriptor may be O_RDWR and must not be duplicated.
   */
  usedElsewhere(fd: number): boolean;
  /** CLOCK_REALTIME_COARSE into [seconds, nanoseconds]: the clock ext4 stamps files with. */
  clock(into: Float64Array): void;
  /** fstat(2) into [size, blocks of 512, mtime s, mtime ns, ctime s, ctime ns, nlink, ino]. */
  fstat(fd: number, into: Float64Array): void;
  /** flock(LOCK_EX | LOCK_NB): true when got, false when somebody else holds it. */
  lockFile(fd: number): boolean;
  /** statfs(2); the block counts are in units of `bsize`. */
  statfs(path: string): {
    blocks: number;
    bfree: number;
    bavail: number;
    files: number;
    ffree: number;
    bsize: number;
  };
  openTmp?: never;
  /**
   * Marks this process as one that writes file systems' pages back (PR_SET_IO_FLUSHER), so that its own allocations
   * never wait for itself. False where it lacks CAP_SYS_RESOURCE or the kernel lacks the call.
   */
  prctlIoFlusher(): boolean;
  /** SO_PEERCRED of a connected unix socket's descriptor. */
  peerCredentials(fd: number): { pid: number; uid: number; gid: number };
}

// The same from src/host and, compiled, from dist/host.
const path = fileURLToPath(new URL('../../native/build/nexus.node', import.meta.url));

let loaded: Native | undefined;

/** The addon, loaded once per environment; an Error that says how to build it when it is absent. */
export function loadNative(): Native {
  if (loaded) return loaded;
  if (!existsSync(path)) {
    throw new Error(
      `the native addon is not built: ${path} does not exist; build it with \`npm run native\``,
    );
  }
  loaded = createRequire(import.meta.url)(path) as Native;
  return loaded;
}
