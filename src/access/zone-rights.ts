/** Who may do what on the nodes of one zone: its model, its tuples, and a view for each subject that asked. */
import type { NodeId } from '../fs/types.ts';
import type { EntityChange } from '../identity/types.ts';
import { formatSubject } from '../rebac/refs.ts';
import type { Model, SubjectRef, Tuple, TupleChange } from '../rebac/types.ts';
import { nodeType, subjectIn } from './derived-tuples.ts';
import { Expiries } from './expiries.ts';
import { Grants } from './grants.ts';
import { NamedNodes } from './named-nodes.ts';
import { nodeOf } from './node-id.ts';
import type { Plan } from './plan.ts';
import { Principal } from './principal.ts';
import type { Tuples } from './types.ts';
import { View } from './view.ts';
import { rulesOf } from './zone-rules.ts';
import type { Eyes, Rules, RulesOptions } from './zone-rules.ts';

/** Principals that are kept; the ones that came first go first. */
const mostPrincipals = 4096;
/** Those let go of that are known by name. */
const mostForgotten = 1 << 16;
const page = 1000;

export class ZoneRights {
  readonly zone: string;
  readonly store: Tuples;
  readonly named = new NamedNodes();
  readonly expiries = new Expiries();
  readonly #options: RulesOptions;
  readonly #views = new Map<string, View>();
  readonly #principals = new Map<string, Map<string, Principal | undefined>>();
  #count = 0;
  /** Who asked last: mostly it is the next one too. */
  #last: Principal | undefined;
  #lastSubject: string | undefined;
  #lastHome: string | undefined;
  /** Those let go of: they have been answered something, and nobody knows what. */
  readonly #forgotten = new Set<string>();
  #forgotAny = false;
  #namesAny = false;
  #rules: Rules;

  private constructor(options: RulesOptions, rules: Rules) {
    this.#options = options;
    this.zone = options.zone;
    this.store = options.store;
    this.#rules = rules;
  }

  static async open(options: RulesOptions): Promise<ZoneRights> {
    return new ZoneRights(options, await rulesOf(options));
  }

  /** Finds out which nodes tuples name, and when tuples end. What changes meanwhile must be told already. */
  async scan(): Promise<void> {
    for (let after: string | undefined; ; ) {
      const from = after === undefined ? {} : { after };
      const { tuples, next } = await this.store.read({}, { limit: page, ...from });
      for (const tuple of tuples) this.#enter(tuple);
      if (next === undefined) return;
      after = next;
    }
  }

  #enter(tuple: Tuple): void {
    this.expiries.add(tuple);
    for (const { type, id } of [tuple.object, tuple.subject]) {
      const node = type === nodeType ? nodeOf(id) : undefined;
      if (node === undefined) continue;
      this.named.add(node);
      this.#namesAny = true;
    }
  }

  /** Has anybody asked, or been given anything on a node? */
  get used(): boolean {
    return this.#namesAny || this.#count > 0;
  }

  get model(): Model {
    return this.#rules.model;
  }

  get plan(): Plan {
    return this.#rules.plan;
  }

  /** Engine and tuples for questions about a subject, as tuples of this zone name it. */
  eyesFor(subject: SubjectRef): Eyes {
    return subject.id.includes('/') ? this.#rules.strangers : this.#rules.residents;
  }

  /** What conditions are told when a system call asks. */
  context(): Readonly<Record<string, unknown>> {
    const now = new Date(this.#options.now()).toISOString();
    return { now, current_time: now };
  }

  /** Who asks; undefined for who is not registered and has nothing. */
  principal(subject: string, home: string): Principal | undefined {
    if (subject === this.#lastSubject && home === this.#lastHome) return this.#last;
    const known = this.#principals.get(home);
    const found = known?.get(subject);
    this.#last =
      found !== undefined || known?.has(subject) === true ? found : this.#enterPrincipal(subject, home);
    this.#lastSubject = subject;
    this.#lastHome = home;
    return this.#last;
  }

  #enterPrincipal(subject: string, home: string): Principal | undefined {
    if (this.#count >= mostPrincipals) {
      this.#releasePrincipals();
      this.#views.clear();
    }
    const principal = this.#makePrincipal(subject, home);
    const group = this.#principals.get(home) ?? new Map<string, Principal | undefined>();
    this.#principals.set(home, group);
    group.set(subject, principal);
    this.#forgotten.delete(`${home}\n${subject}`);
    this.#count++;
    return principal;
  }

  #makePrincipal(subject: string, home: string): Principal | undefined {
    const { entities, tree } = this.#options;
    const reference = subjectIn(this.zone, subject, home);
    if (reference === undefined) return undefined;
    const name = subject.slice(subject.indexOf(':') + 1);
    const shared = {
      tree,
      ask: (view: View, relation: string, node: NodeId) => this.#ask(view, relation, node),
      named: () => this.nodesNamed(),
    };
    if (reference.type === 'user') {
      if (entities.user(home, name) === undefined) return undefined;
      return new Principal({
        own: this.#view(reference),
        user: undefined,
        ceiling: 0,
        whole: true,
        ...shared,
      });
    }
    const agent = entities.agent(home, name);
    const owner = agent && subjectIn(this.zone, `user:${agent.user}`, home);
    const user = agent && owner && entities.user(home, agent.user) ? this.#view(owner) : undefined;
    if (!agent) return undefined;
    const own = this.#view(reference);
    const ceiling = this.plan.ceiling(agent.ceiling);
    return new Principal({ own, user, ceiling, whole: agent.ceiling === undefined, ...shared });
  }

  #view(subject: SubjectRef): View {
    const key = formatSubject(subject);
    const known = this.#views.get(key);
    if (known) return known;
    const { tree, within, now } = this.#options;
    const { plan, memberships } = this.#rules;
    const { engine, stored, tuples } = this.eyesFor(subject);
    const grants = new Grants({
      plan,
      memberships,
      subject,
      wildcard: subject.id.includes('/') ? undefined : { type: subject.type, id: '*' },
      tuples,
      stored,
      held: (who) => this.#held(who),
      zone: this.zone,
      check: async (fact, who) => {
        const object = { type: fact.type, id: fact.id };
        return engine.check({ object, relation: fact.relation ?? '', subject: who });
      },
      now,
    });
    const decide = async (node: NodeId): Promise<boolean> => {
      const [, high] = await view.masks.find(node);
      for (let rest = high & plan.need.see; rest !== 0; rest &= rest - 1) {
        const relation = plan.nameOf(rest & -rest);
        if (relation !== undefined && (await this.#ask(view, relation, node).catch(() => false))) return true;
      }
      return false;
    };
    const view: View = new View({ grants, tree, within, decide, named: () => this.nodesNamed() });
    this.#views.set(key, view);
    return view;
  }

  async *#held({ type, id, relation = '' }: SubjectRef): AsyncIterable<readonly Tuple[]> {
    const filter = { object: { type: nodeType }, subject: { type, id, relation } };
    for (let after: string | undefined; ; ) {
      const from = after === undefined ? {} : { after };
      const { tuples, next } = await this.store.read(filter, { limit: page, ...from });
      yield tuples;
      if (next === undefined) return;
      after = next;
    }
  }

  async #ask(view: View, relation: string, node: NodeId): Promise<boolean> {
    const { subject } = view.grants;
    const object = { type: nodeType, id: String(node) };
    return this.eyesFor(subject).engine.check({ object, relation, subject, context: this.context() });
  }

  /** All nodes with tuples, from the store. */
  async nodesNamed(): Promise<Set<NodeId>> {
    const nodes = new Set<NodeId>();
    for (const { object } of await this.store.ofType(nodeType)) {
      const node = nodeOf(object.id);
      if (node !== undefined) nodes.add(node);
    }
    return nodes;
  }

  /** Takes in what changed, and returns who may be concerned: those who have asked at all and whom the tuples name. */
  note(changes: readonly TupleChange[]): (subject: string, home: string) => boolean {
    const touched = new Set<View>();
    for (const change of changes) {
      if (change.kind === 'write') this.#enter(change.tuple);
      for (const view of this.#views.values()) {
        if (!view.concerns(change)) continue;
        touched.add(view);
        view.note(change);
      }
    }
    return (subject, home) => this.#has(subject, home, (view) => touched.has(view));
  }

  /** Is one of the subject's views among those? Yes for who was forgotten; no for who never asked. */
  #has(subject: string, home: string, among: (view: View) => boolean): boolean {
    const group = this.#principals.get(home);
    if (group?.has(subject) !== true) return this.#forgotAny || this.#forgotten.has(`${home}\n${subject}`);
    const principal = group.get(subject);
    if (principal === undefined) return false;
    return among(principal.own) || (principal.user !== undefined && among(principal.user));
  }

  /** Has the subject been answered anything about this zone? */
  knows(subject: string, home: string): boolean {
    return this.#has(subject, home, () => true);
  }

  /** Tuples that end by now, as changes. */
  ended(now: number): TupleChange[] {
    const { revision } = this.store;
    return this.expiries.take(now).map((tuple) => ({ revision, kind: 'delete', tuple }));
  }

  /** Takes in that the node has other directories above it, and returns whom it concerns. */
  moved(node: NodeId, from: NodeId | undefined): (subject: string, home: string) => boolean {
    const touched = new Set<View>();
    for (const view of this.#views.values()) if (view.moved(node, from)) touched.add(view);
    return (subject, home) => this.#has(subject, home, (view) => touched.has(view));
  }

  /** The registry changed: who these are is found anew. */
  registered(changes: readonly EntityChange[]): void {
    for (const { entity } of changes) {
      // What it made is not what whoever has the name next made.
      const named = subjectIn(this.zone, `${entity.kind}:${entity.name}`, entity.zone);
      if (named) this.#views.get(formatSubject(named))?.reload();
      const group = this.#principals.get(entity.zone);
      const subject = `${entity.kind}:${entity.name}`;
      if (group?.has(subject) !== true) continue;
      this.#forget(entity.zone, subject);
      group.get(subject)?.release();
      group.delete(subject);
      this.#count--;
    }
    // For whom an agent acts is a membership where the model makes it one.
    if (!this.#rules.memberships.relevant.has('agent#owner')) return;
    for (const view of this.#views.values()) view.reload();
  }

  #forget(home: string, subject: string): void {
    this.#lastSubject = undefined;
    if (this.#forgotten.size < mostForgotten) this.#forgotten.add(`${home}\n${subject}`);
    else this.#forgotAny = true;
  }

  #releasePrincipals(): void {
    for (const [home, group] of this.#principals) {
      for (const [subject, principal] of group) {
        principal?.release();
        this.#forget(home, subject);
      }
    }
    this.#principals.clear();
    this.#count = 0;
  }

  /** The model is another one. */
  async reload(): Promise<void> {
    this.#rules = await rulesOf(this.#options);
    this.#releasePrincipals();
    this.#views.clear();
  }
}
