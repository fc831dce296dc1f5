/** Who asks: a user, or an agent with the user it acts for. Decides from masks, and from the engine where masks cannot tell. */
import type { Awaitable } from '../base/awaitable.ts';
import type { NodeId } from '../fs/types.ts';
import type { Plan } from './plan.ts';
import { Sight } from './sight.ts';
import type { SightOptions, Worth } from './sight.ts';
import type { Permission, Tree } from './types.ts';
import type { View } from './view.ts';

/** Checks of one question that changes overtook, after which it is refused. */
const mostTries = 1000;
/** Nodes remembered by an agent beside those of its views. */
const capacity = 1 << 16;

/** A bit of a subject on a node where masks cannot tell; throws where the engine cannot tell either. */
export type Ask = (view: View, relation: string, node: NodeId) => Promise<boolean>;

export interface PrincipalOptions {
  readonly own: View;
  /** Of the user an agent acts for. */
  readonly user: View | undefined;
  /** What the user's rights are cut down to. */
  readonly ceiling: number;
  readonly whole: boolean;
  readonly tree: Tree;
  readonly ask: Ask;
  readonly named: () => Awaitable<Iterable<NodeId>>;
}

export class Principal {
  readonly own: View;
  readonly user: View | undefined;
  readonly #plan: Plan;
  readonly #ceiling: number;
  readonly #whole: boolean;
  readonly #ask: Ask;
  /** The ways to what the user may and the agent is not kept from. */
  readonly #through: Sight | undefined;
  /** What both come to on a node, while neither view has moved on from `#epoch`. */
  readonly #known = new Map<NodeId, number>();
  #epoch = -1;

  constructor({ own, user, ceiling, whole, tree, ask, named }: PrincipalOptions) {
    this.own = own;
    this.user = user;
    this.#plan = own.grants.plan;
    this.#ceiling = ceiling;
    this.#whole = whole;
    this.#ask = ask;
    if (!user) return;
    const options: SightOptions = {
      tree,
      nodes: this.#plan.parts.opaque === 0 ? () => user.grants.nodes() : named,
      worth: (node) => this.#worthOfUser(user, node),
      decide: (node) => this.allowsLater(this.#plan.need.see, node),
    };
    this.#through = new Sight(options);
    own.dependents.add(this.#through);
    user.dependents.add(this.#through);
  }

  get settled(): boolean {
    return this.own.settled && (this.user === undefined || this.user.settled);
  }

  /** Let go of: views outlive who was made of them. */
  release(): void {
    if (!this.#through) return;
    this.own.dependents.delete(this.#through);
    this.user?.dependents.delete(this.#through);
  }

  allows(permission: Permission, node: NodeId): Awaitable<boolean> {
    const wanted = this.#plan.need[permission];
    const sure = this.#sure(wanted, node);
    if (sure === 1) return true;
    if (permission !== 'see') return sure === 0 ? false : this.allowsLater(wanted, node);
    if (sure === 0) return this.leads(node);
    return this.allowsLater(wanted, node).then((allowed) => allowed || this.leads(node));
  }

  /** Any of the bits: 1 for yes, 0 for no, -1 where it takes waiting to tell. */
  #sure(wanted: number, node: NodeId): number {
    const { own, user } = this;
    if (user !== undefined) return this.#sureTogether(own, user, wanted, node);
    if (!own.settled) return -1;
    const low = own.masks.low(node);
    if (low < 0) return -1;
    if ((low & wanted) !== 0) return 1;
    return own.grants.certain ? 0 : -1;
  }

  #sureTogether(own: View, user: View, wanted: number, node: NodeId): number {
    // Either epoch moves before its masks stop being true, and none moves back.
    const epoch = own.masks.epoch + user.masks.epoch;
    if (epoch === this.#epoch) {
      const known = this.#known.get(node);
      if (known !== undefined) return (known & wanted) === 0 ? 0 : 1;
    }
    if (!this.settled) return -1;
    const mine = own.masks.low(node);
    const given = user.masks.low(node);
    if (mine < 0 || given < 0) return -1;
    const certain = own.grants.certain && user.grants.certain;
    if (!certain) return (mine & wanted) === 0 ? -1 : 1;
    const together = mine | this.#unblocked(given & this.#ceiling, mine);
    if (epoch !== this.#epoch || this.#known.size >= capacity) this.#known.clear();
    this.#epoch = epoch;
    this.#known.set(node, together);
    return (together & wanted) === 0 ? 0 : 1;
  }

  /** The bits that what the agent itself has does not take away. */
  #unblocked(bits: number, own: number): number {
    if ((own & this.#plan.blocking) === 0) return bits;
    let left = 0;
    for (let rest = bits; rest !== 0; rest &= rest - 1) {
      const bit = rest & -rest;
      if ((this.#plan.blockersOf(bit) & own) === 0) left |= bit;
    }
    return left;
  }

  /** Is something below the directory granted? */
  leads(node: NodeId): Awaitable<boolean> {
    if (!this.settled) return this.#settle().then(() => this.leads(node));
    const own = this.own.sight.has(node);
    if (!this.user || !this.#through) return own;
    const { user } = this;
    const through = this.#whole && !this.own.grants.blocked ? user.sight : this.#through;
    if (own instanceof Promise) return own.then((leads) => leads || through.has(node));
    return own || through.has(node);
  }

  async #settle(): Promise<void> {
    await this.own.settle();
    await this.user?.settle();
  }

  /** Any of the bits, with waiting. */
  async allowsLater(wanted: number, node: NodeId): Promise<boolean> {
    for (let tries = 0; tries < mostTries; tries++) {
      await this.#settle();
      const before = this.own.masks.epoch + (this.user?.masks.epoch ?? 0);
      const allowed = await this.#decide(wanted, node);
      if (this.settled && this.own.masks.epoch + (this.user?.masks.epoch ?? 0) === before) return allowed;
    }
    return false;
  }

  async #decide(wanted: number, node: NodeId): Promise<boolean> {
    const { own, user } = this;
    const mine = await own.masks.find(node);
    if ((mine[0] & wanted) !== 0) return true;
    if (await this.#any(own, wanted & mine[1], node)) return true;
    if (!user) return false;
    const given = await user.masks.find(node);
    for (let rest = given[1] & wanted & this.#ceiling; rest !== 0; rest &= rest - 1) {
      const bit = rest & -rest;
      if ((given[0] & bit) === 0 && !(await this.#any(user, bit, node))) continue;
      if (!(await this.#keptFrom(bit, mine, node))) return true;
    }
    return false;
  }

  /** Asks for each of the bits; an error is no. */
  async #any(view: View, bits: number, node: NodeId): Promise<boolean> {
    for (let rest = bits; rest !== 0; rest &= rest - 1) {
      const relation = this.#plan.nameOf(rest & -rest);
      if (relation !== undefined && (await this.#ask(view, relation, node).catch(() => false))) return true;
    }
    return false;
  }

  /** Does something keep the agent itself from what the bit stands for? Not knowing is yes. */
  async #keptFrom(bit: number, [low, high]: readonly [number, number], node: NodeId): Promise<boolean> {
    const blockers = this.#plan.blockersOf(bit);
    if ((low & blockers) !== 0) return true;
    for (let rest = high & blockers; rest !== 0; rest &= rest - 1) {
      const relation = this.#plan.nameOf(rest & -rest);
      if (relation === undefined || (await this.#ask(this.own, relation, node).catch(() => true)))
        return true;
    }
    return false;
  }

  async #worthOfUser(user: View, node: NodeId): Promise<Worth> {
    const worth = await user.worth(node);
    if (worth === 'no') return 'no';
    const [low, high] = await this.own.masks.find(node);
    const [given, possible] = await user.masks.find(node);
    const wanted = this.#plan.need.see & this.#ceiling;
    if ((possible & wanted) === 0) return 'no';
    if (low === high && given === possible) return this.#unblocked(given & wanted, low) === 0 ? 'no' : 'yes';
    return 'may';
  }
}
