/** Whether a node would be open to more subjects below another directory. */
import type { NodeId } from '../fs/types.ts';
import { nodeType } from './derived-tuples.ts';
import type { Tree } from './types.ts';
import type { ZoneRights } from './zone-rights.ts';

export interface Widening {
  readonly zone: ZoneRights;
  readonly tree: Tree;
  readonly node: NodeId;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly now: number;
}

/** A directory and those above it. */
async function chain(tree: Tree, start: NodeId): Promise<Map<NodeId, string | undefined>> {
  const found = new Map<NodeId, string | undefined>();
  for (let at: NodeId | undefined = start; at !== undefined && !found.has(at); ) {
    const lineage = await tree.lineage(at);
    found.set(at, lineage?.owner);
    at = lineage?.parents[0];
  }
  return found;
}

/**
 * Looks at the directories that only one of the places is below. It widens when one above `to` belongs to somebody to whom the node, or what
 * it is in already, does not, or has a tuple that gives something, or one above `from` has a tuple that takes something away. That
 * somebody had the same right already is not looked at: rather yes than no.
 */
export async function wouldWiden({ zone, tree, node, from, to, now }: Widening): Promise<boolean> {
  const before = await chain(tree, from);
  const after = await chain(tree, to);
  const owners = new Set(before.values());
  owners.add((await tree.lineage(node))?.owner);
  for (const [directory, owner] of after) {
    if (before.has(directory)) continue;
    if (owner !== undefined && !owners.has(owner)) return true;
    if (await hasTuple(zone, directory, now, 'gives')) return true;
  }
  for (const directory of before.keys()) {
    if (!after.has(directory) && (await hasTuple(zone, directory, now, 'takes'))) return true;
  }
  return false;
}

/** Does a tuple on the node take something away from somebody, as far as can be told? Rather yes than no. */
export async function keepsOut(zone: ZoneRights, node: NodeId, now: number): Promise<boolean> {
  return zone.plan.parts.opaque !== 0 || hasTuple(zone, node, now, 'takes');
}

async function hasTuple(
  { named, plan, store }: ZoneRights,
  directory: NodeId,
  now: number,
  kind: 'gives' | 'takes',
): Promise<boolean> {
  if (!named.has(directory)) return false;
  const object = { type: nodeType, id: String(directory) };
  for (const [relation, { bits }] of plan.parts.direct) {
    // A relation may do both: where it is subtracted from one right and added to another.
    const wanted = kind === 'takes' ? (bits & plan.blocking) !== 0 : (bits & ~plan.blocking) !== 0;
    if (!wanted) continue;
    const tuples = await store.subjects(object, relation);
    if (
      tuples.some((each) => (each.expires ?? Number.POSITIVE_INFINITY) > now && plan.admission(each) !== 'no')
    )
      return true;
  }
  return false;
}
