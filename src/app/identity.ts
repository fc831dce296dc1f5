/** Who a client of the control socket is. */
import { readFileSync } from 'node:fs';
import type { Caller } from '../base/caller.ts';

/** Characters a subject's id may have. */
const plain = /^[A-Za-z0-9._@+-]{1,190}$/;

/** Login names as /etc/passwd has them; read anew each time, it may change and is asked for rarely. */
function loginName(uid: number): string | undefined {
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name, , id] = line.split(':');
      if (id === String(uid) && name !== undefined && plain.test(name)) return name;
    }
  } catch {
    // A machine without the file knows its users by number.
  }
  return undefined;
}

function subjectOf(uid: number): string {
  return `user:${loginName(uid) ?? uid}`;
}

/** The subjects that may do everything: whoever the daemon runs as, and root, whom no file of that user is closed to. */
export function administratorsOf(uid: number): ReadonlySet<string> {
  return new Set([subjectOf(uid), subjectOf(0)]);
}

/** The user at the other end of the socket, with the rights of the data directory's owner: nobody else may connect. */
export function callerOf(peer: { readonly uid: number; readonly gid: number; readonly pid: number }): Caller {
  return {
    subject: subjectOf(peer.uid),
    zone: 'default',
    uid: peer.uid,
    gid: peer.gid,
    groups: [],
    pid: peer.pid,
    umask: 0,
    via: 0,
  };
}
