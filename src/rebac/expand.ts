/** What a relation of one object is made of: its rewrite with the tuples filled in, one level deep. */
import type { Direct, Node, Op } from './compile-model.ts';
import { formatObject, formatSubject, isIndirect } from './refs.ts';
import type { ObjectRef, Tuple, TupleReader } from './types.ts';

/** Usersets are named as text (`file:1#owner`): expand those to go on. */
export type UsersetTree = { readonly name: string } & (
  | { readonly kind: 'users'; readonly users: readonly string[] }
  | { readonly kind: 'computed'; readonly userset: string }
  | { readonly kind: 'from'; readonly tupleset: string; readonly usersets: readonly string[] }
  | { readonly kind: 'union' | 'intersection'; readonly of: readonly UsersetTree[] }
  | { readonly kind: 'exclusion'; readonly base: UsersetTree; readonly subtract: UsersetTree }
);

export async function expand(
  node: Node,
  object: ObjectRef,
  tuples: TupleReader,
  now: number,
): Promise<UsersetTree> {
  const name = `${formatObject(object)}#${node.relation}`;
  const counting = async (relation: string, direct: Direct): Promise<Tuple[]> => {
    const found = await tuples.subjects(object, relation);
    return found.filter(
      (tuple) => direct.counts(tuple) && !(tuple.expires !== undefined && tuple.expires <= now),
    );
  };
  const tree = async (op: Op): Promise<UsersetTree> => {
    switch (op.kind) {
      case 'this': {
        const users = await counting(node.relation, node.direct);
        return { name, kind: 'users', users: users.map(described).sort() };
      }
      case 'computed':
        return { name, kind: 'computed', userset: `${formatObject(object)}#${op.node.relation}` };
      case 'from': {
        const parents = await counting(op.tupleset.relation, op.tupleset.direct);
        const usersets = parents
          .filter(({ subject }) => !isIndirect(subject) && op.targets.has(subject.type))
          .map(({ subject }) => `${formatObject(subject)}#${op.relation}`);
        return {
          name,
          kind: 'from',
          tupleset: `${formatObject(object)}#${op.tupleset.relation}`,
          usersets: usersets.sort(),
        };
      }
      case 'union':
      case 'intersection': {
        const of: UsersetTree[] = [];
        for (const child of op.of) of.push(await tree(child));
        return { name, kind: op.kind, of };
      }
      case 'exclusion':
        return { name, kind: 'exclusion', base: await tree(op.base), subtract: await tree(op.subtract) };
    }
  };
  return tree(node.op);
}

function described({ subject, condition }: Tuple): string {
  return condition === undefined
    ? formatSubject(subject)
    : `${formatSubject(subject)} with ${condition.name}`;
}
