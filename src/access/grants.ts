/** What tuples give one subject on which nodes: loaded once, then kept as tuples come and go. */
import { formatSubject } from '../rebac/refs.ts';
import type { SubjectRef, Tuple, TupleChange, TupleReader } from '../rebac/types.ts';
import type { NodeId } from '../fs/types.ts';
import type { Closure, Memberships } from './closure.ts';
import type { Given } from './masks.ts';
import { nodeOf } from './node-id.ts';
import { relationKey } from './reach.ts';
import type { Plan } from './plan.ts';

export interface GrantsOptions {
  readonly plan: Plan;
  readonly memberships: Memberships;
  /** The subject as the tuples of the zone name it. */
  readonly subject: SubjectRef;
  /** Everybody of its type, itself included; undefined where it does not count as one of them. */
  readonly wildcard: SubjectRef | undefined;
  /** What memberships are found by: with what follows from the registry. */
  readonly tuples: TupleReader;
  /** Without what the tree tells: being the owner of a node is counted where masks are made. */
  readonly stored: TupleReader;
  /** The tuples on nodes with exactly this subject, in parts. They may change in between. */
  readonly held: (subject: SubjectRef) => AsyncIterable<readonly Tuple[]>;
  readonly zone: string;
  readonly check: (fact: SubjectRef, subject: SubjectRef) => Promise<boolean>;
  readonly now: () => number;
}

export class Grants implements Given {
  readonly plan: Plan;
  readonly subject: SubjectRef;
  readonly owner: string;
  readonly ownerBits: number;
  everywhereLow = 0;
  everywhereHigh = 0;
  readonly #options: GrantsOptions;
  readonly #low = new Map<NodeId, number>();
  readonly #high = new Map<NodeId, number>();
  #closure: Closure = { members: new Map(), watched: new Set() };
  #blocked = 0;
  #certain = true;

  constructor(options: GrantsOptions) {
    const { plan, subject } = options;
    this.#options = options;
    this.plan = plan;
    this.subject = subject;
    this.owner = formatSubject(subject);
    const owned: Tuple = { object: { type: plan.parts.type, id: '' }, relation: 'owner', subject };
    this.ownerBits = plan.admission(owned) === 'yes' ? plan.bitsOf('owner') : 0;
  }

  /** Nothing about this subject depends on conditions, nor on what only the engine can follow. */
  get certain(): boolean {
    return this.#certain;
  }

  /** Does anything on any node take rights away from the subject? */
  get blocked(): boolean {
    return this.#blocked > 0;
  }

  low(node: NodeId): number {
    return this.#low.get(node) ?? 0;
  }

  high(node: NodeId): number {
    return this.#high.get(node) ?? 0;
  }

  /** Nodes that tuples for this subject name. */
  *nodes(): Iterable<NodeId> {
    yield* this.#low.keys();
    for (const node of this.#high.keys()) if (!this.#low.has(node)) yield node;
  }

  get size(): number {
    return this.#low.size + this.#high.size;
  }

  /** The usersets the subject is in, and what it is by itself. */
  get closure(): Closure {
    return this.#closure;
  }

  /** Everything anew. */
  async load(): Promise<void> {
    this.#low.clear();
    this.#high.clear();
    this.#blocked = 0;
    this.#closure = { members: new Map(), watched: new Set() };
    await this.reload();
  }

  /** After memberships changed: the closure anew, and the nodes of what joined or left it. Returns the nodes that differ. */
  async reload(): Promise<NodeId[]> {
    const { memberships, subject, wildcard, tuples, now, check } = this.#options;
    const before = this.#closure;
    this.#closure = await memberships.closure({
      self: wildcard ? [subject, wildcard] : [subject],
      tuples,
      now: now(),
      check: (fact) => check(fact, subject),
    });
    this.#everywhere();
    const changed: NodeId[] = [];
    for (const [key, { subject: member, certain }] of before.members) {
      if (this.#closure.members.get(key)?.certain === certain) continue;
      for await (const part of this.#options.held(member)) {
        for (const tuple of part) {
          const node = nodeOf(tuple.object.id);
          if (node === undefined) continue;
          await this.recount(node, tuple.relation);
          changed.push(node);
        }
      }
    }
    for (const [key, { subject: member, certain }] of this.#closure.members) {
      // What was a member before has been counted anew.
      if (before.members.has(key)) continue;
      await this.#loadHeld(member, certain, changed);
    }
    this.#setCertain();
    return changed;
  }

  async #loadHeld(member: SubjectRef, certain: boolean, changed: NodeId[]): Promise<void> {
    for await (const part of this.#options.held(member)) {
      for (const tuple of part) {
        const node = nodeOf(tuple.object.id);
        if (node === undefined) continue;
        this.#count(node, tuple, certain);
        changed.push(node);
      }
    }
  }

  /** What relations of the zone give on all its nodes. */
  #everywhere(): void {
    const { zone } = this.#options;
    let [low, high] = [0, 0];
    for (const { relation, to } of this.plan.parts.fromZone) {
      const member = this.#closure.members.get(formatSubject({ type: 'zone', id: zone, relation }));
      if (member === undefined) continue;
      high |= to;
      if (member.certain) low |= to;
    }
    this.everywhereLow = low;
    this.everywhereHigh = high;
  }

  #count(node: NodeId, tuple: Tuple, certain: boolean): void {
    if (tuple.expires !== undefined && tuple.expires <= this.#options.now()) return;
    const admission = this.plan.admission(tuple);
    if (admission === 'no') return;
    const bits = this.plan.bitsOf(tuple.relation);
    this.#set(certain && admission === 'yes' ? this.#low : this.#high, node, bits, 0);
  }

  #set(map: Map<NodeId, number>, node: NodeId, add: number, take: number): void {
    const before = map.get(node) ?? 0;
    const after = (before & ~take) | add;
    if (after === before) return;
    const { blocking } = this.plan;
    this.#blocked += Number((after & blocking) !== 0) - Number((before & blocking) !== 0);
    if (after === 0) map.delete(node);
    else map.set(node, after);
  }

  #setCertain(): void {
    this.#certain =
      this.plan.parts.opaque === 0 && this.#high.size === 0 && this.everywhereHigh === this.everywhereLow;
  }

  /** Is the tuple about this subject? `membership`: it can change which tuples are. */
  concerns({ object, relation, subject }: Tuple): 'node' | 'membership' | undefined {
    const key = formatSubject(subject);
    if (object.type === this.plan.parts.type) return this.#closure.members.has(key) ? 'node' : undefined;
    const relevant = this.#options.memberships.relevant.has(relationKey({ type: object.type, relation }));
    return relevant && this.#closure.watched.has(key) ? 'membership' : undefined;
  }

  /** Takes in a change about a node where that needs nothing to be read. */
  take({ kind, tuple }: TupleChange): boolean {
    if (kind === 'delete' || tuple.condition !== undefined || tuple.expires !== undefined) return false;
    const node = nodeOf(tuple.object.id);
    const member = this.#closure.members.get(formatSubject(tuple.subject));
    if (node === undefined || !member) return true;
    // In place of one that was only possible, perhaps.
    if ((this.high(node) & this.plan.bitsOf(tuple.relation)) !== 0) return false;
    this.#count(node, tuple, member.certain);
    this.#setCertain();
    return true;
  }

  /** What the tuples of one relation on a node give, read anew. */
  async recount(node: NodeId, relation: string): Promise<void> {
    const { stored, subject } = this.#options;
    const bits = this.plan.bitsOf(relation);
    if (bits === 0) return;
    const object = { type: this.plan.parts.type, id: String(node) };
    const own = await stored.get({ object, relation, subject });
    const others = await stored.usersets(object, relation);
    this.#set(this.#low, node, 0, bits);
    this.#set(this.#high, node, 0, bits);
    for (const tuple of own ? [own, ...others] : others) {
      const member = this.#closure.members.get(formatSubject(tuple.subject));
      if (member) this.#count(node, tuple, member.certain);
    }
    this.#setCertain();
  }
}
