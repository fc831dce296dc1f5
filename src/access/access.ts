/** Answers, for every system call, who may do what: from masks in memory, kept true by everything that changes rights. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import type { NodeId } from '../fs/types.ts';
import type { EntityChange } from '../identity/types.ts';
import type { TupleChange } from '../rebac/types.ts';
import { Ancestry } from './ancestry.ts';
import { nodeType } from './derived-tuples.ts';
import type { Change, ChangeListener, Entities, Permission, Tree, Tuples } from './types.ts';
import { keepsOut, wouldWiden } from './widening.ts';
import { ZoneRights } from './zone-rights.ts';

export interface AccessOptions {
  readonly tree: Tree;
  /** The root of the whole tree: everybody who is registered can see it, and in it what else it may. */
  readonly root: NodeId;
  readonly zones: { store(zone: string): Promise<Tuples> };
  readonly registry: Entities;
  /** Those who may do everything, everywhere. */
  readonly admins: (subject: string, zone: string) => boolean;
  /** The zone a node belongs to: for good. */
  readonly zoneOf: (node: NodeId) => string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Hears of what failed where nobody waits for it. */
  readonly failed?: (error: unknown) => void;
}

/** What setTimeout can wait at most; what ends later is looked at again then. */
const longestWait = 2 ** 31 - 1;

export class Access implements Disposable {
  readonly #options: AccessOptions;
  readonly #tree: Ancestry;
  readonly #now: () => number;
  readonly #zones = new Map<string, ZoneRights>();
  readonly #opening = new Map<string, Promise<ZoneRights>>();
  readonly #reloading = new Map<string, Promise<void>>();
  readonly #listeners = new Set<{ readonly hear: ChangeListener }>();
  readonly #subscriptions: Disposable[] = [];
  /** The zone that was asked about last: mostly it is the next one too. */
  #last: ZoneRights | undefined;
  #revision = 1;
  #nextEnd = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: AccessOptions) {
    this.#options = options;
    this.#tree = new Ancestry(options.tree);
    this.#now = options.now ?? Date.now;
    this.#subscriptions.push(options.registry.subscribe((changes) => this.#registered(changes)));
  }

  static async open(options: AccessOptions): Promise<Access> {
    const access = new Access(options);
    await access.zone(options.zoneOf(options.root));
    return access;
  }

  /** Moves with everything that could change an answer. */
  get revision(): number {
    this.#tick();
    return this.#revision;
  }

  /** False while nobody but administrators has asked and no tuple names a node. */
  get tracks(): boolean {
    for (const zone of this.#zones.values()) if (zone.used) return true;
    return false;
  }

  everything(caller: Caller): boolean {
    return this.#options.admins(caller.subject, caller.zone);
  }

  allows(caller: Caller, permission: Permission, node: NodeId): Awaitable<boolean> {
    const { subject, zone: home } = caller;
    if (this.#options.admins(subject, home)) return true;
    this.#tick();
    const name = this.#options.zoneOf(node);
    const zone = this.#last?.zone === name ? this.#last : this.#zones.get(name);
    if (zone === undefined || this.#reloading.size > 0) {
      return this.#ready(name).then(() => this.allows(caller, permission, node));
    }
    this.#last = zone;
    const principal = zone.principal(subject, home);
    if (principal === undefined) return false;
    const allowed = principal.allows(permission, node);
    if (permission !== 'see' || allowed === true) return allowed;
    return allowed === false ? this.#leads(caller, node, name) : this.#seen(allowed, caller, node, name);
  }

  async #seen(allowed: Promise<boolean>, caller: Caller, node: NodeId, zone: string): Promise<boolean> {
    return (await allowed) || this.#leads(caller, node, zone);
  }

  /** The root, and the directories of other zones above what the caller may see in its own. */
  #leads({ subject, zone: home }: Caller, node: NodeId, zone: string): Awaitable<boolean> {
    if (node === this.#options.root) return true;
    if (zone === home) return false;
    const own = this.#zones.get(home);
    if (own === undefined)
      return this.zone(home).then((opened) => opened.principal(subject, home)?.leads(node) ?? false);
    return own.principal(subject, home)?.leads(node) ?? false;
  }

  /** The rights of a zone, opened when they are first asked for. */
  async zone(name: string): Promise<ZoneRights> {
    const known = this.#zones.get(name);
    if (known) return known;
    let opening = this.#opening.get(name);
    if (!opening) {
      opening = this.#open(name).finally(() => this.#opening.delete(name));
      this.#opening.set(name, opening);
    }
    return opening;
  }

  async #ready(name: string): Promise<void> {
    await this.zone(name);
    await Promise.all(this.#reloading.values());
  }

  async #open(name: string): Promise<ZoneRights> {
    const { zones, zoneOf, registry } = this.#options;
    const store = await zones.store(name);
    const zone = await ZoneRights.open({
      zone: name,
      store,
      tree: this.#tree,
      within: (node) => zoneOf(node) === name,
      entities: registry,
      now: this.#now,
    });
    const subscription = store.subscribe((changes) => this.#stored(zone, changes));
    this.#subscriptions.push(subscription);
    // The model may have been replaced between being read and being listened for.
    await zone.reload();
    await zone.scan();
    this.#zones.set(name, zone);
    this.#schedule();
    return zone;
  }

  /** Told of what changes rights; what it returns is awaited before that which changed them resolves. */
  subscribe(listener: ChangeListener): Disposable {
    const entry = { hear: listener };
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  /** A listener that fails keeps nobody else from hearing. */
  async #tell(change: Change): Promise<void> {
    this.#revision++;
    if (this.#listeners.size === 0) return;
    const { admins } = this.#options;
    const told: Change = {
      affects: (subject, zone) => !admins(subject, zone) && change.affects(subject, zone),
    };
    const heard = await Promise.allSettled([...this.#listeners].map(async ({ hear }) => hear(told)));
    for (const each of heard) if (each.status === 'rejected') throw each.reason;
  }

  async #stored(zone: ZoneRights, changes: readonly TupleChange[]): Promise<void> {
    if (changes.length === 0) return this.#remodelled(zone);
    const affects = zone.note(changes);
    this.#schedule();
    await this.#tell({ affects });
  }

  async #remodelled(zone: ZoneRights): Promise<void> {
    const before = this.#reloading.get(zone.zone);
    const reloading = (async (): Promise<void> => {
      await before?.catch(() => undefined);
      await zone.reload();
    })();
    this.#reloading.set(zone.zone, reloading);
    try {
      await reloading;
    } finally {
      if (this.#reloading.get(zone.zone) === reloading) this.#reloading.delete(zone.zone);
    }
    await this.#tell({ affects: (subject, home) => zone.knows(subject, home) });
  }

  async #registered(changes: readonly EntityChange[]): Promise<void> {
    const names = new Set(changes.map(({ entity }) => `${entity.zone}\n${entity.kind}:${entity.name}`));
    for (const zone of this.#zones.values()) zone.registered(changes);
    await this.#tell({ affects: (subject, zone) => names.has(`${zone}\n${subject}`) });
  }

  /** Nothing holds after its end, however late the timer is. */
  #tick(): void {
    // The clock is looked at only where there is an end.
    if (this.#nextEnd !== Number.POSITIVE_INFINITY && this.#nextEnd <= this.#now())
      void this.#end().catch((error: unknown) => this.#options.failed?.(error));
  }

  async #end(): Promise<void> {
    const now = this.#now();
    const heard: Promise<void>[] = [];
    for (const zone of this.#zones.values()) {
      const changes = zone.ended(now);
      if (changes.length > 0) heard.push(this.#tell({ affects: zone.note(changes) }));
    }
    this.#schedule();
    await Promise.all(heard);
  }

  #schedule(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { expiries } of this.#zones.values()) next = Math.min(next, expiries.next);
    if (next === this.#nextEnd && this.#timer !== undefined) return;
    this.#nextEnd = next;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (next === Number.POSITIVE_INFINITY) return;
    const wait = Math.min(Math.max(next - this.#now(), 0), longestWait);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#end().catch((error: unknown) => this.#options.failed?.(error));
    }, wait);
    this.#timer.unref();
  }

  /** See `wouldWiden`. */
  async widens(node: NodeId, from: NodeId, to: NodeId): Promise<boolean> {
    const { zoneOf } = this.#options;
    if (from === to) return false;
    const name = zoneOf(to);
    if (zoneOf(from) !== name || zoneOf(node) !== name) return true;
    return wouldWiden({ zone: await this.zone(name), tree: this.#tree, node, from, to, now: this.#now() });
  }

  /** The node has other directories above it; with `from`, where it was alone before, only who inherits something else there is concerned. */
  async moved(node: NodeId, from?: NodeId): Promise<void> {
    const told = [...this.#zones.values()].map((zone) => zone.moved(node, from));
    await this.#tell({ affects: (subject, home) => told.some((affects) => affects(subject, home)) });
  }

  /**
   * The last name of the node, in `from`, is gone: who has it open keeps what it inherits from there, tuples end. Where one of them keeps
   * somebody out, nobody keeps anything: its end would give back what it took.
   */
  async removed(node: NodeId, from?: NodeId): Promise<void> {
    if (from !== undefined) this.#tree.removed(node, from);
    const zone = await this.zone(this.#options.zoneOf(node));
    if (!zone.named.has(node)) return;
    try {
      if (await keepsOut(zone, node, this.#now())) {
        this.#tree.close(node);
        await this.moved(node);
      }
      await zone.store.deleteObject({ type: nodeType, id: String(node) });
    } catch (error) {
      // The name is gone already, and no node has this number again.
      this.#options.failed?.(error);
    }
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const each of this.#subscriptions) each[Symbol.dispose]();
  }
}
