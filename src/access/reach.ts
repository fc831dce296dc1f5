/** What a relation of a model can depend on: which tuples a subject's memberships come from. */
import type { Model, Restriction, Rewrite } from '../rebac/types.ts';

export interface RelationOf {
  readonly type: string;
  readonly relation: string;
}

export function relationKey({ type, relation }: RelationOf): string {
  return `${type}#${relation}`;
}

/** Every relation that `from` follow from, themselves included. */
export function dependencies(model: Model, from: readonly RelationOf[]): ReadonlyMap<string, RelationOf> {
  const found = new Map<string, RelationOf>();
  const queue = [...from];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const key = relationKey(next);
    const definition = model.types.get(next.type)?.get(next.relation);
    if (found.has(key) || definition === undefined) continue;
    found.set(key, next);
    follow(model, next.type, definition.rewrite, queue);
    queue.push(...usersets(definition.restrictions));
  }
  return found;
}

function follow(model: Model, type: string, rewrite: Rewrite, queue: RelationOf[]): void {
  switch (rewrite.kind) {
    case 'this':
      return;
    case 'computed':
      queue.push({ type, relation: rewrite.relation });
      return;
    case 'from': {
      queue.push({ type, relation: rewrite.tupleset });
      const above = model.types.get(type)?.get(rewrite.tupleset)?.restrictions ?? [];
      for (const each of above) queue.push({ type: each.type, relation: rewrite.relation });
      return;
    }
    case 'union':
    case 'intersection':
      for (const each of rewrite.of) follow(model, type, each, queue);
      return;
    case 'exclusion':
      follow(model, type, rewrite.base, queue);
      follow(model, type, rewrite.subtract, queue);
  }
}

/** The usersets among what a relation's tuples may have as subjects. */
export function usersets(restrictions: readonly Restriction[]): RelationOf[] {
  return restrictions.flatMap(({ type, relation }) => (relation === undefined ? [] : [{ type, relation }]));
}

/** Does who has this relation depend on relations of nodes? */
export function fileDependent(model: Model, type: string, relation: RelationOf): boolean {
  for (const each of dependencies(model, [relation]).values()) if (each.type === type) return true;
  return false;
}
