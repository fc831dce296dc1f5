/** Subjects that may have a relation to an object: everyone the tuples it can follow from mention. A check decides each. */
import type { From, Node, Op } from './compile-model.ts';
import { RebacError } from './errors.ts';
import type { Scope } from './evaluation.ts';
import { formatObject, formatSubject, isIndirect } from './refs.ts';
import type { ObjectRef, SubjectRef } from './types.ts';

/** All subjects of the kind asked for that are mentioned, each once. */
export async function candidateSubjects(
  scope: Scope,
  node: Node,
  object: ObjectRef,
  type: string,
  userset: string | undefined,
): Promise<Iterable<SubjectRef>> {
  const search = new Search(scope, type, userset);
  await search.run(node, object);
  return search.found.values();
}

interface Stop {
  readonly node: Node;
  readonly object: ObjectRef;
}

class Search {
  readonly found = new Map<string, SubjectRef>();
  readonly #scope: Scope;
  readonly #type: string;
  readonly #userset: string | undefined;
  readonly #seen = new Set<string>();
  /** What is as far away as what is being visited, and what is one step further. */
  #near: Stop[] = [];
  #far: Stop[] = [];

  constructor(scope: Scope, type: string, userset: string | undefined) {
    this.#scope = scope;
    this.#type = type;
    this.#userset = userset;
  }

  async run(node: Node, object: ObjectRef): Promise<void> {
    this.#near.push({ node, object });
    for (let depth = 0; this.#near.length > 0; depth++) {
      for (let at = 0; at < this.#near.length; at++) {
        const stop = this.#near[at] as Stop;
        const key = `${stop.node.number} ${stop.object.id}`;
        if (this.#seen.has(key)) continue;
        this.#seen.add(key);
        this.#allow(stop, depth);
        this.#mention({ type: stop.object.type, id: stop.object.id, relation: stop.node.relation });
        await this.#visit(stop.node.op, stop);
      }
      this.#near = this.#far;
      this.#far = [];
    }
  }

  #allow({ node, object }: Stop, depth: number): void {
    const { limits } = this.#scope;
    const where = `too complex: the subjects of ${formatObject(object)}#${node.relation}`;
    if (depth > limits.depth)
      throw new RebacError(2002, `${where} are more than ${limits.depth} steps away; flatten groups`);
    if (this.#seen.size > limits.work)
      throw new RebacError(2002, `${where} need more than ${limits.work} steps`);
  }

  #mention(subject: SubjectRef): void {
    if (subject.type !== this.#type || subject.relation !== this.#userset) return;
    this.found.set(formatSubject(subject), subject);
  }

  async #visit(op: Op, stop: Stop): Promise<void> {
    switch (op.kind) {
      case 'this':
        return this.#direct(stop);
      case 'computed':
        this.#near.push({ node: op.node, object: stop.object });
        return;
      case 'from':
        return this.#from(op, stop);
      case 'union':
      case 'intersection':
        for (const child of op.of) await this.#visit(child, stop);
        return;
      case 'exclusion':
        // Who is taken away is mentioned too: the wildcard of the base may give it back.
        await this.#visit(op.base, stop);
        await this.#visit(op.subtract, stop);
    }
  }

  async #direct({ node, object }: Stop): Promise<void> {
    for (const tuple of await this.#scope.tuples.subjects(object, node.relation)) {
      if (!node.direct.counts(tuple)) continue;
      const { subject } = tuple;
      this.#mention(subject);
      const next =
        subject.relation === undefined ? undefined : this.#scope.plan.node(subject.type, subject.relation);
      if (next !== undefined) this.#far.push({ node: next, object: subject });
    }
  }

  async #from(op: From, { node, object }: Stop): Promise<void> {
    for (const tuple of await this.#scope.tuples.subjects(object, op.tupleset.relation)) {
      if (isIndirect(tuple.subject) || !op.tupleset.direct.counts(tuple)) continue;
      const next = op.targets.get(tuple.subject.type);
      if (next === undefined) continue;
      (next.type === node.type ? this.#near : this.#far).push({ node: next, object: tuple.subject });
    }
  }
}
