/** Everything about one subject in one zone: what it was given, what follows on each node, what it can see the way to. */
import type { Awaitable } from '../base/awaitable.ts';
import type { NodeId } from '../fs/types.ts';
import type { TupleChange } from '../rebac/types.ts';
import type { Grants } from './grants.ts';
import { Masks } from './masks.ts';
import { nodeOf } from './node-id.ts';
import { Sight } from './sight.ts';
import type { SightOptions, Worth } from './sight.ts';
import type { Tree } from './types.ts';

/** Changes that wait to be taken in; from there on everything is loaded anew. */
const mostPending = 4096;

export interface ViewOptions {
  readonly grants: Grants;
  /** As permissions see it: nodes without a name keep their directory. */
  readonly tree: Tree;
  readonly within: (node: NodeId) => boolean;
  /** Asks the engine for a permission where bits cannot tell. */
  readonly decide: (node: NodeId) => Promise<boolean>;
  /** All nodes that tuples name, for models whose rights bits cannot tell. */
  readonly named: () => Awaitable<Iterable<NodeId>>;
}

export class View {
  readonly grants: Grants;
  readonly masks: Masks;
  readonly sight: Sight;
  /** Told when what others derived from this view holds no longer. */
  readonly dependents = new Set<Sight>();
  #pending: TupleChange[] = [];
  #loaded = false;
  /** Moves with each time that everything is read anew. */
  #loads = 0;
  #settling: Promise<void> | undefined;

  constructor({ grants, tree, within, decide, named }: ViewOptions) {
    this.grants = grants;
    this.masks = new Masks(grants, tree, within);
    const { opaque } = grants.plan.parts;
    const options: SightOptions = {
      tree,
      nodes: opaque === 0 ? () => grants.nodes() : named,
      worth: (node) => this.worth(node),
      decide,
    };
    this.sight = new Sight(options);
  }

  /** Is everything that happened taken in? Only then masks answer. */
  get settled(): boolean {
    return this.#loaded && this.#pending.length === 0;
  }

  /** Takes in what happened. */
  async settle(): Promise<void> {
    while (!this.settled) {
      this.#settling ??= this.#settle().finally(() => {
        this.#settling = undefined;
      });
      await this.#settling;
    }
  }

  async #settle(): Promise<void> {
    if (!this.#loaded) {
      const loading = ++this.#loads;
      await this.grants.load();
      // Asked to be read anew meanwhile, it is.
      this.#loaded = loading === this.#loads;
      this.#forget();
      return;
    }
    // They stay pending while they are taken in: what is asked meanwhile waits.
    const changes = [...this.#pending];
    const touched = new Set<NodeId>();
    const { blocked } = this.grants;
    try {
      if (changes.some(({ tuple }) => this.grants.concerns(tuple) === 'membership')) {
        for (const node of await this.grants.reload()) touched.add(node);
      }
      for (const { tuple } of changes) {
        // Whoever it is about: the subject may have left the userset before the tuple went.
        const node = tuple.object.type === this.grants.plan.parts.type ? nodeOf(tuple.object.id) : undefined;
        if (node === undefined) continue;
        await this.grants.recount(node, tuple.relation);
        touched.add(node);
      }
    } catch (error) {
      this.#loaded = false;
      throw error;
    }
    this.#pending.splice(0, changes.length);
    this.#changed(touched, blocked);
  }

  #changed(nodes: Iterable<NodeId>, blockedBefore: boolean): void {
    this.masks.clear();
    const { grants } = this;
    const everywhere = blockedBefore || grants.blocked || grants.plan.joint || !grants.certain;
    for (const sight of [this.sight, ...this.dependents]) {
      if (everywhere) sight.reset();
      else for (const node of nodes) sight.changed(node);
    }
  }

  /** Could the change concern the subject? Asked before `note`. */
  concerns({ tuple }: TupleChange): boolean {
    return !this.settled || this.grants.plan.parts.opaque !== 0 || this.grants.concerns(tuple) !== undefined;
  }

  /** Tuples changed. */
  note(change: TupleChange): void {
    if (!this.concerns(change)) return;
    const { blocked } = this.grants;
    const node = nodeOf(change.tuple.object.id);
    if (this.settled && this.grants.concerns(change.tuple) === 'node' && this.grants.take(change)) {
      this.#changed(node === undefined ? [] : [node], blocked);
      return;
    }
    this.masks.clear();
    if (!this.#loaded && !this.#settling) return;
    this.#pending.push(change);
    if (this.#pending.length <= mostPending || this.#settling) return;
    this.#pending = [];
    this.#loaded = false;
  }

  /** A node has other directories above it than `from`, if that is known. Returns whether that may matter to the subject. */
  moved(node: NodeId, from: NodeId | undefined): boolean {
    const matters = this.#matters(node, from);
    this.masks.clear();
    const everywhere = this.grants.blocked || this.grants.plan.joint || !this.grants.certain;
    for (const sight of [this.sight, ...this.dependents]) {
      if (everywhere) sight.reset();
      else sight.moved(node);
    }
    return matters;
  }

  #matters(node: NodeId, from: NodeId | undefined): boolean {
    const { grants } = this;
    if (from === undefined || !this.settled || !grants.certain) return true;
    if (grants.size > 0 && [this.sight, ...this.dependents].some((sight) => sight.counts(node))) return true;
    const before = this.masks.low(from);
    // What is remembered of the node is what it had there.
    this.masks.clear();
    const after = this.masks.above(node);
    return before < 0 || after < 0 || grants.plan.inherit(before) !== grants.plan.inherit(after);
  }

  /** Everything is read anew. */
  reload(): void {
    this.#loaded = false;
    this.#loads++;
    this.#pending = [];
    this.#forget();
  }

  #forget(): void {
    this.masks.clear();
    for (const sight of [this.sight, ...this.dependents]) sight.reset();
  }

  /** Without waiting where masks can tell: what was given on the node itself, unless it is taken away there. */
  worth(node: NodeId): Awaitable<Worth> {
    const low = this.masks.low(node);
    if (low >= 0) return this.#worthOf(node, low, this.masks.high(node, low));
    return this.masks.find(node).then(([found, high]) => this.#worthOf(node, found, high));
  }

  #worthOf(node: NodeId, low: number, high: number): Worth {
    const { plan, certain } = this.grants;
    const { see } = plan.need;
    if (!plan.joint && plan.parts.opaque === 0) {
      // What only comes from above is no reason of its own: the directories above can be seen for the same reason.
      const given = this.grants.low(node) | this.grants.high(node);
      if ((plan.closeHigh(0, given) & see) === 0) return 'no';
    }
    if ((low & see) !== 0) return 'yes';
    return !certain && (high & see) !== 0 ? 'may' : 'no';
  }
}
