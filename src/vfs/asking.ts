/** Asks the authorizer for what an operation needs: at once where it answers at once. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import type { NodeId } from '../fs/types.ts';
import type { Authorizer } from './authorizer.ts';
import type { Need, Nodes, Permission } from './needs.ts';

/** What may be seen but not done; the same words whatever stands in the way, so that they tell nothing. */
export function denied(caller: Caller, permission: Permission): FsError {
  return new FsError('EACCES', `${caller.subject} has no ${permission} permission here`);
}

/** Is everything there that `wanted` asks for? Undefined: yes. Throws, or rejects later, ENOENT for what the caller may not see, EACCES for the rest. */
export function met(
  authorizer: Authorizer,
  caller: Caller,
  wanted: readonly Need[],
  nodes: Nodes,
  from = 0,
): Promise<void> | undefined {
  for (let i = from; i < wanted.length; i++) {
    const need = wanted[i];
    const node = need && nodes[need.on];
    if (need === undefined || node === undefined) continue;
    const { permission } = need;
    const allowed = authorizer.allows(caller, permission, node);
    if (allowed === true) continue;
    if (allowed === false) return refuse(authorizer, caller, permission, node);
    return allowed.then((yes) =>
      yes ? met(authorizer, caller, wanted, nodes, i + 1) : refuse(authorizer, caller, permission, node),
    );
  }
  return undefined;
}

function refuse(
  authorizer: Authorizer,
  caller: Caller,
  permission: Permission,
  node: NodeId,
): Promise<never> {
  const seen = permission !== 'see' && authorizer.allows(caller, 'see', node);
  if (typeof seen === 'boolean') throw refusal(caller, permission, seen);
  return seen.then((yes) => {
    throw refusal(caller, permission, yes);
  });
}

function refusal(caller: Caller, permission: Permission, seen: boolean): FsError {
  return seen ? denied(caller, permission) : new FsError('ENOENT');
}

/** Runs an operation after its needs are met: right now, without a promise of its own, where they are met right now. */
export function after<T>(ask: () => Promise<void> | undefined, run: () => Promise<T>): Promise<T> {
  try {
    const asked = ask();
    return asked === undefined ? run() : asked.then(run);
  } catch (error) {
    return rejected(error);
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}
