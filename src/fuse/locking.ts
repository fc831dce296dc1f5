/** Requests of fcntl(2) and flock(2) locks. */
import { FsError } from '../base/errors.ts';
import type { Connection } from './connection.ts';
import { ownerAt } from './lock-owner.ts';
import type { Lock, LockKind } from './locks.ts';
import { wholeFile } from './locks.ts';
import { F_UNLCK, F_WRLCK, LK_FLOCK, LK_OUT_SIZE, OFFSET_MAX } from './protocol.ts';
import type { Request } from './request.ts';

function kindOf(request: Request): LockKind {
  return (request.u32(40) & LK_FLOCK) !== 0 ? 'flock' : 'posix';
}

function lockOf(connection: Connection, request: Request, kind: LockKind): Lock {
  const type = request.u32(32);
  const start = request.big(16);
  const end = request.big(24);
  if (type > F_UNLCK || type < 0 || start > end || end > OFFSET_MAX)
    throw new FsError('EINVAL', 'a lock that is none');
  const { fh } = connection.files.get(request.u64(0));
  const range = kind === 'flock' ? wholeFile : { start, end };
  return { owner: ownerAt(request, 8)(), via: request.via, fh, type, ...range, pid: request.u32(36) };
}

/** What stands in the way, or F_UNLCK. */
export function getlk(connection: Connection, request: Request): void {
  const kind = kindOf(request);
  const wanted = lockOf(connection, request, kind);
  const found = connection.locks.conflict(request.node, kind, wanted);
  const { frame } = connection;
  const { start, end } = found ?? wanted;
  frame.big(0, start);
  frame.big(8, end);
  frame.u32(16, found?.type ?? F_UNLCK);
  frame.u32(20, found?.pid ?? 0);
  connection.send(request, LK_OUT_SIZE);
}

/** How long a lock held through another mount may stand in the way of one that does not wait, in milliseconds. */
const RELEASE_ON_ITS_WAY = 10;

export async function setlk(connection: Connection, request: Request): Promise<void> {
  const kind = kindOf(request);
  const lock = lockOf(connection, request, kind);
  const { locks } = connection;
  if (!locks.set(request.node, kind, lock)) {
    // close(2) does not wait for RELEASE, which gives flock(2) locks up: that of another mount may not have been read yet.
    const other = kind === 'flock' && locks.conflict(request.node, kind, lock)?.via !== request.via;
    if (!other || !(await locks.waitFor(RELEASE_ON_ITS_WAY, request.node, kind, lock))) {
      throw new FsError('EAGAIN', 'locked by somebody else');
    }
  }
  connection.done(request);
}

/** Waits; INTERRUPT ends the waiting. */
export async function setlkw(connection: Connection, request: Request): Promise<void> {
  const kind = kindOf(request);
  const lock = lockOf(connection, request, kind);
  const { locks } = connection;
  if (!locks.set(request.node, kind, lock)) await locks.wait(request.node, kind, lock, request.signal);
  if (connection.send(request, 0) >= 0) return;
  // Whoever waited has gone without having been told: nobody would give the lock up.
  if (lock.type <= F_WRLCK) locks.set(request.node, kind, { ...lock, type: F_UNLCK });
}
