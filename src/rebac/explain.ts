/** Why a check answers as it does: the tuples that lead from the object to the subject, or that take the right away. */
import type { From, Node, Op } from './compile-model.ts';
import { Evaluation } from './evaluation.ts';
import type { Scope } from './evaluation.ts';
import { formatObject, isIndirect } from './refs.ts';
import type { ObjectRef, Tuple } from './types.ts';
import { settled } from './verdict.ts';

/** Why a relation holds. What it follows from is in `from`: one proof, for an intersection one of each part. */
export interface Proof {
  /** `file:1#viewer`. */
  readonly userset: string;
  /** What the step was: a tuple that names the subject (or everybody), another relation, a tuple that was followed, the userset itself. */
  readonly because: 'direct' | 'computed' | 'userset' | 'parent' | 'itself' | 'parts';
  /** The tuple that was used, if one was. */
  readonly tuple?: Tuple;
  readonly from: readonly Proof[];
}

export interface Explanation {
  readonly allowed: boolean;
  /** Why it is allowed. */
  readonly proof?: Proof;
  /** Where something was granted and taken away again: why it was. */
  readonly denied?: Proof;
}

export async function explain(node: Node, object: ObjectRef, scope: Scope): Promise<Explanation> {
  const explainer = new Explainer(scope);
  const allowed = await explainer.holds(node, object);
  const proof = allowed ? await explainer.prove(node, object) : undefined;
  if (proof !== undefined) return { allowed, proof };
  const denied = allowed ? undefined : await explainer.refute(node, object);
  return denied === undefined ? { allowed } : { allowed, denied };
}

class Explainer {
  readonly #scope: Scope;
  readonly #evaluation: Evaluation;
  readonly #path = new Set<string>();

  constructor(scope: Scope) {
    this.#scope = scope;
    this.#evaluation = new Evaluation(scope, { again: true });
  }

  async holds(node: Node, object: ObjectRef): Promise<boolean> {
    return settled(await this.#evaluation.decide(node, object));
  }

  /** A proof that does not lead through itself. */
  async prove(node: Node, object: ObjectRef): Promise<Proof | undefined> {
    const { subject } = this.#scope;
    const userset = `${formatObject(object)}#${node.relation}`;
    if (subject.relation === node.relation && subject.id === object.id && subject.type === object.type) {
      return { userset, because: 'itself', from: [] };
    }
    if (this.#path.has(userset)) return undefined;
    this.#path.add(userset);
    try {
      if ((await this.#evaluation.decide(node, object)) !== true) return undefined;
      return await this.#op(node.op, node, object);
    } finally {
      this.#path.delete(userset);
    }
  }

  async #op(op: Op, node: Node, object: ObjectRef): Promise<Proof | undefined> {
    const userset = `${formatObject(object)}#${node.relation}`;
    switch (op.kind) {
      case 'this':
        return this.#direct(node, object);
      case 'computed': {
        const proof = await this.prove(op.node, object);
        return proof && { userset, because: 'computed', from: [proof] };
      }
      case 'from':
        return this.#from(op, node, object);
      case 'union':
        for (const child of op.of) {
          const proof = await this.#op(child, node, object);
          if (proof !== undefined) return proof;
        }
        return undefined;
      case 'intersection': {
        const from: Proof[] = [];
        for (const child of op.of) {
          const proof = await this.#op(child, node, object);
          if (proof === undefined) return undefined;
          from.push(proof);
        }
        return { userset, because: 'parts', from };
      }
      case 'exclusion':
        // In a relation that holds nothing is taken away; elsewhere the base alone proves nothing.
        return (await this.#op(op.subtract, node, object)) === undefined
          ? this.#op(op.base, node, object)
          : undefined;
    }
  }

  async #direct(node: Node, object: ObjectRef): Promise<Proof | undefined> {
    const { tuples, subject, plan } = this.#scope;
    const { relation, direct } = node;
    const userset = `${formatObject(object)}#${relation}`;
    const own = await tuples.get({ object, relation, subject });
    const wide = await tuples.usersets(object, relation);
    for (const tuple of own === undefined ? wide : [own, ...wide]) {
      if (this.#evaluation.stands(tuple, direct) !== true) continue;
      const wildcard =
        tuple.subject.id === '*' && tuple.subject.type === subject.type && !isIndirect(subject);
      if (tuple === own || wildcard) return { userset, because: 'direct', tuple: plain(tuple), from: [] };
      const next =
        tuple.subject.relation === undefined
          ? undefined
          : plan.node(tuple.subject.type, tuple.subject.relation);
      const proof = next && (await this.prove(next, tuple.subject));
      if (proof !== undefined) return { userset, because: 'userset', tuple: plain(tuple), from: [proof] };
    }
    return undefined;
  }

  async #from(op: From, node: Node, object: ObjectRef): Promise<Proof | undefined> {
    const { tupleset, targets } = op;
    for (const tuple of await this.#scope.tuples.subjects(object, tupleset.relation)) {
      const next = isIndirect(tuple.subject) ? undefined : targets.get(tuple.subject.type);
      if (next === undefined || this.#evaluation.stands(tuple, tupleset.direct) !== true) continue;
      const proof = await this.prove(next, tuple.subject);
      const userset = `${formatObject(object)}#${node.relation}`;
      if (proof !== undefined) return { userset, because: 'parent', tuple: plain(tuple), from: [proof] };
    }
    return undefined;
  }

  /** For a relation that is a difference, itself or by another name: the proof of what was taken away from one who had it. */
  async refute(node: Node, object: ObjectRef): Promise<Proof | undefined> {
    const seen = new Set<Node>();
    for (let at = node; !seen.has(at); ) {
      seen.add(at);
      const { op } = at;
      if (op.kind === 'computed') at = op.node;
      else if (op.kind === 'exclusion' && (await this.#op(op.base, at, object)) !== undefined) {
        return this.#op(op.subtract, at, object);
      }
    }
    return undefined;
  }
}

/** What was followed becomes an object: nothing of the userset it was found in stays with it. */
function plain(tuple: Tuple): Tuple {
  return { ...tuple, object: { type: tuple.object.type, id: tuple.object.id } };
}
