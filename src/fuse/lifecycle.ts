/** Requests about the connection itself: INIT, DESTROY, INTERRUPT, the two kinds of FORGET; and what is refused. */
import type { Connection } from './connection.ts';
import { EPROTO, errno } from './errno.ts';
import { CONGESTION_THRESHOLD, MAX_BACKGROUND, negotiate } from './negotiate.ts';
import { INIT_OUT_SIZE, MAJOR, MINOR, OLDEST_MINOR } from './protocol.ts';
import type { Request } from './request.ts';

export function initialise(connection: Connection, request: Request): void {
  const major = request.u32(0);
  const minor = request.u32(4);
  const { frame } = connection;
  frame.clear(0, INIT_OUT_SIZE);
  if (major > MAJOR) {
    // The kernel then comes again with our major version.
    frame.u32(0, MAJOR);
    frame.u32(4, MINOR);
    connection.send(request, INIT_OUT_SIZE);
    return;
  }
  if (major < MAJOR || minor < OLDEST_MINOR) {
    connection.refuse(request, EPROTO);
    connection.onReady(
      `the kernel speaks FUSE ${major}.${minor}; ${MAJOR}.${OLDEST_MINOR} (Linux 5.4) or newer is needed`,
    );
    return;
  }
  const flags2 = request.bodyLength >= 20 ? request.u32(16) : 0;
  const offer = { minor, maxReadahead: request.u32(8), flags: request.u32(12), flags2 };
  const protocol = negotiate(offer, connection.options.passthrough && !connection.shared, !connection.shared);
  connection.agreed(protocol);
  frame.u32(0, MAJOR);
  frame.u32(4, protocol.minor);
  frame.u32(8, protocol.maxReadahead);
  frame.u32(12, protocol.flags);
  frame.u16(16, MAX_BACKGROUND);
  frame.u16(18, CONGESTION_THRESHOLD);
  frame.u32(20, protocol.maxWrite);
  frame.u32(24, 1); // time_gran: nanoseconds
  frame.u16(28, protocol.maxPages);
  frame.u32(32, protocol.flags2);
  frame.u32(36, protocol.passthrough ? 1 : 0); // max_stack_depth
  connection.send(request, INIT_OUT_SIZE);
  connection.onReady();
}

export function destroy(connection: Connection, request: Request): void {
  connection.done(request);
}

/** Has no reply. What is not in the table has been answered, or does not wait for anybody. */
export function interrupt(connection: Connection, request: Request): void {
  connection.edge.interrupts.get(request.u64(0))?.abort();
}

/** Node numbers are inode numbers, never reused: there is nothing to forget. Has no reply, as BATCH_FORGET. */
export function forget(): void {}

/** The kernel does without, for good: ACCESS (it checks mode bits itself), BMAP, POLL, device memory. */
export function unknown(connection: Connection, request: Request): void {
  connection.refuse(request, errno.ENOSYS);
}

export function ioctl(connection: Connection, request: Request): void {
  connection.refuse(request, errno.ENOTTY);
}
