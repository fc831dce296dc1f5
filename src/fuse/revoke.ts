/** Takes away from one mount's kernel what its subject may not see any more. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Awaitable } from '../base/awaitable.ts';
import { FsError } from '../base/errors.ts';
import type { NodeId } from '../fs/types.ts';
import type { Kept } from './cached-nodes.ts';
import type { Connection } from './connection.ts';
import { within } from './within.ts';

/** May the subject of the mount still do that? */
export type Allowed = (node: NodeId, permission: Kept) => Awaitable<boolean>;

/** Nodes asked about before others have their turn. */
const SLICE = 4096;

/**
 * Longest wait for the kernel, in milliseconds. It waits for nothing but pages whose READ, or write-back, is being answered, which goes on
 * meanwhile; locks of directories are not needed, so an operation that itself takes rights away can wait for this.
 */
const PATIENCE = 10_000;

/**
 * Names first, those that are known not to exist included, so that what was granted is there at once too. Then the pages of open files that may
 * not be read (those of others are dropped, or asked for, when they are opened), then attributes. Answers that are on their way are told apart
 * by the generation: the kernel keeps none of them. Resolves when the kernel has dropped everything; ETIMEDOUT when it has not in time, so that nobody
 * takes for gone what can still be read.
 */
export async function revoke(connection: Connection, allowed: Allowed, patience = PATIENCE): Promise<void> {
  connection.edge.generation++;
  if (connection.canForgetNames) connection.forgetNames();
  const { cached } = connection;
  await dropLost([...connection.files.nodes()], 'read', allowed, (node) => connection.dropNode(node, 0, 0));
  if (cached) {
    for (const kept of ['see', 'read'] as const) {
      await dropLost(cached.nodes(kept), kept, allowed, (node) => cached.drop(node));
    }
  }
  if (!(await within(patience, connection.device.notified()))) {
    throw new FsError(
      'ETIMEDOUT',
      `a mount of ${connection.options.subject} has not dropped what was revoked within ${patience / 1000} s, as reads of it are not answered: unmount it with --lazy`,
    );
  }
}

async function dropLost(
  nodes: readonly NodeId[],
  permission: Kept,
  allowed: Allowed,
  drop: (node: NodeId) => void,
): Promise<void> {
  let asked = 0;
  for (const node of nodes) {
    if (++asked % SLICE === 0) await turn();
    const answer = ask(allowed, node, permission);
    if (!(typeof answer === 'boolean' ? answer : await answer)) drop(node);
  }
}

/** What cannot be decided is dropped: whoever asks for it again is told why. */
function ask(allowed: Allowed, node: NodeId, permission: Kept): Awaitable<boolean> {
  try {
    const answer = allowed(node, permission);
    return typeof answer === 'boolean' ? answer : answer.catch(() => false);
  } catch {
    return false;
  }
}
