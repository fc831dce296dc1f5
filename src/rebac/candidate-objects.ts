/** Objects that a subject may have a relation to: backwards from the subject over its tuples. A check decides each. */
import { entry } from './entry.ts';
import type { Node, Op } from './compile-model.ts';
import type { Scope } from './evaluation.ts';
import { isIndirect } from './refs.ts';
import type { SubjectRef, Tuple } from './types.ts';

/** Every object of the node's type that the subject reaches by tuples which matter to the node. */
export async function candidateObjects(scope: Scope, node: Node): Promise<Iterable<string>> {
  const links = linksOf(scope, node);
  const { subject } = scope;
  const found = new Set<string>();
  const seen = new Set<string>();
  const queue: SubjectRef[] = [subject];
  if (!isIndirect(subject)) queue.push({ type: subject.type, id: '*' });
  const reach = (type: string, id: string): void => {
    const key = `${type}:${id}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (type === node.type) found.add(id);
    for (const relation of links.usersets.get(type) ?? []) queue.push({ type, id, relation });
    if (links.parents.has(type)) queue.push({ type, id });
  };
  if (subject.relation !== undefined) reach(subject.type, subject.id);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const tuple of await scope.tuples.objects(next)) {
      if (links.matters(tuple)) reach(tuple.object.type, tuple.object.id);
    }
  }
  return found;
}

interface Links {
  /** Relations by type whose usersets are followed. */
  readonly usersets: ReadonlyMap<string, ReadonlySet<string>>;
  /** Types of objects that hand something down. */
  readonly parents: ReadonlySet<string>;
  matters(tuple: Tuple): boolean;
}

/** Which tuples can have a part in the relation at all. */
function linksOf({ plan }: Scope, target: Node): Links {
  const nodes = new Set<Node>([target]);
  const usersets = new Map<string, Set<string>>();
  const parents = new Set<string>();
  const visit = (op: Op, node: Node): void => {
    if (op.kind === 'computed') nodes.add(op.node);
    else if (op.kind === 'union' || op.kind === 'intersection') for (const child of op.of) visit(child, node);
    else if (op.kind === 'exclusion') visit(op.base, node);
    else if (op.kind === 'from') {
      nodes.add(op.tupleset);
      for (const [type, next] of op.targets) {
        parents.add(type);
        nodes.add(next);
      }
    } else {
      for (const [type, relation] of node.direct.usersets()) {
        const next = plan.node(type, relation);
        if (next === undefined) continue;
        nodes.add(next);
        entry(usersets, type, () => new Set<string>()).add(relation);
      }
    }
  };
  // A set is walked to its end though it grows on the way.
  for (const node of nodes) visit(node.op, node);
  const matters = ({ object, relation }: Tuple): boolean => {
    const node = plan.node(object.type, relation);
    return node !== undefined && nodes.has(node);
  };
  return { usersets, parents, matters };
}
