/** The tuples of one zone, kept in a KvStore: written atomically, counted in revisions, watched. */
import type { Awaitable } from '../base/awaitable.ts';
import { OrderedChanges } from '../base/ordered-changes.ts';
import type { KvStore } from '../kv/types.ts';
import { checkObject } from './store-check.ts';
import { decodeHead, encodeHead, encodeModel, type Head, type StoredModel } from './store-codec.ts';
import { type KeyRange, StoreKeys } from './store-keys.ts';
import { ChangeLog } from './store-log.ts';
import { checkModel, StoredModels } from './store-models.ts';
import { breath, StoredTuples, type TupleFilter, type TuplePage } from './store-read.ts';
import { checkWrite, StoreChange, type TupleWrite, WRITE_LIMIT } from './store-write.ts';
import type { ObjectRef, SubjectRef, Tuple, TupleChange, TupleKey, TupleReader } from './types.ts';

export interface TupleStoreOptions {
  readonly kv: KvStore;
  readonly zone: string;
  /** Throws for a tuple the model does not allow. Asked for every tuple written, before anything is. */
  readonly validate?: (tuple: Tuple) => void;
  readonly now?: () => number;
}

export type TupleListener = (changes: readonly TupleChange[], revision: number) => Awaitable<void>;

type News = readonly [changes: readonly TupleChange[], revision: number];

interface Made {
  readonly head: Head;
  readonly changes: readonly TupleChange[];
  readonly moved: boolean;
  readonly more: boolean;
}

/** What a change does besides tuples. */
interface Extra {
  readonly model?: number;
  readonly trimmed?: number;
  /** There is more to do in further changes. */
  readonly more?: boolean;
}

/** One per zone and process: what another one writes reaches neither the revision nor the listeners of this one. */
export class TupleStore implements TupleReader {
  readonly zone: string;
  readonly #kv: KvStore;
  readonly #keys: StoreKeys;
  readonly #validate: (tuple: Tuple) => void;
  readonly #now: () => number;
  readonly #tuples: StoredTuples;
  readonly #models: StoredModels;
  readonly #log: ChangeLog;
  readonly #ordered: OrderedChanges<News>;
  #head: Head;

  /** Use `TupleStore.open`. */
  constructor(options: TupleStoreOptions, keys: StoreKeys, head: Head) {
    const { kv, zone } = options;
    this.zone = zone;
    this.#kv = kv;
    this.#keys = keys;
    this.#validate = options.validate ?? ((): void => undefined);
    this.#now = options.now ?? Date.now;
    this.#tuples = new StoredTuples(kv, keys);
    this.#models = new StoredModels(kv, keys);
    this.#log = new ChangeLog({ kv, keys, head: () => this.#head });
    this.#ordered = new OrderedChanges(`permissions of zone ${zone}`);
    this.#head = head;
  }

  static async open(options: TupleStoreOptions): Promise<TupleStore> {
    const keys = new StoreKeys(options.zone);
    return new TupleStore(options, keys, decodeHead(await options.kv.get(keys.head)));
  }

  /** Moves by one with each write that changes something; 0 before the first. What is read is never older than this. */
  get revision(): number {
    return this.#head.revision;
  }

  get(key: TupleKey): Awaitable<Tuple | undefined> {
    return this.#tuples.get(key);
  }

  usersets(object: ObjectRef, relation: string): Awaitable<readonly Tuple[]> {
    return this.#tuples.usersets(object, relation);
  }

  subjects(object: ObjectRef, relation: string): Awaitable<readonly Tuple[]> {
    return this.#tuples.subjects(object, relation);
  }

  objects(subject: SubjectRef, type?: string): Awaitable<readonly Tuple[]> {
    return this.#tuples.objects(subject, type);
  }

  ofType(type: string): Awaitable<readonly Tuple[]> {
    return this.#tuples.ofType(type);
  }

  /** A page of the stored tuples, expired ones included. Pages see the writes made between them. */
  read(filter: TupleFilter, page: { readonly after?: string; readonly limit: number }): Promise<TuplePage> {
    return this.#tuples.page(filter, page.after, page.limit);
  }

  /** All or nothing. Resolves with the zone's revision when every listener is done; a write that changes nothing makes none. */
  async write(write: TupleWrite): Promise<number> {
    checkWrite(this.#keys, write);
    const { writes = [], deletes = [], must = [] } = write;
    const made = await this.#make(async (change) => {
      await change.require(must, this.#now());
      for (const tuple of writes) this.#validate(tuple);
      await change.delete(deletes);
      await change.write(writes);
      return {};
    });
    return made.head.revision;
  }

  /** Deletes every tuple on the object, and every one it or a userset of it is the subject of. */
  async deleteObject(object: ObjectRef): Promise<number> {
    checkObject(object);
    const { type, id } = object;
    const ranges = [this.#keys.ofSubjects(type, id), this.#keys.onObjects(type, id)];
    return this.#deleteIn(ranges, (tuple) => isAbout(tuple, object));
  }

  /** Deletes every tuple of the zone and leaves it without a model; its revision and what is remembered go on. */
  async clear(): Promise<number> {
    await this.#deleteIn([this.#keys.onObjects()], () => true);
    return await this.setModel(undefined);
  }

  /** Deletes the tuples that have expired. */
  purge(): Promise<number> {
    return this.#deleteIn([this.#keys.endedBy(this.#now())], () => true);
  }

  /** See `ChangeLog.changes`. */
  changes(after: number, limit: number): Promise<readonly TupleChange[]> {
    return this.#log.changes(after, limit);
  }

  /** See `ChangeLog.watch`. */
  watch(after: number, signal: AbortSignal): AsyncIterable<TupleChange> {
    return this.#log.watch(after, signal);
  }

  /** Forgets the changes of revisions below `before`. */
  async trimChanges(before: number): Promise<void> {
    const end = Math.min(before, this.revision + 1);
    await this.#make(async ({ head }) => ({ trimmed: Math.max(head.trimmed, end - 1) }));
    const range = this.#keys.changes(0, end);
    for (;;) {
      const entries = await this.#kv.scan({ ...range, limit: WRITE_LIMIT });
      if (entries.length === 0) return;
      await this.#kv.write((tx) => {
        for (const [key] of entries) tx.delete(key);
      });
      await breath();
    }
  }

  /** The text of the current model; undefined for none. */
  async model(): Promise<string | undefined> {
    return (await this.#models.get(this.#head.model))?.text;
  }

  /** The models the zone has had, the newest first. */
  models(limit = 100): Promise<readonly StoredModel[]> {
    return this.#models.list(limit);
  }

  /** Makes this the zone's model (its caller has parsed it), or leaves it without. Listeners hear of a revision without changes. */
  async setModel(text: string | undefined): Promise<number> {
    if (text !== undefined) checkModel(text);
    const made = await this.#make(async ({ head, tx, revision }) => {
      if ((await this.#models.get(head.model, tx))?.text === text) return {};
      const number = head.model + 1;
      tx.put(this.#keys.model(number), encodeModel({ number, revision, time: this.#now(), text }));
      return { model: number };
    });
    return made.head.revision;
  }

  /**
   * Called with the changes of each revision, in order, before the write that made it resolves and before the next one is made. When it
   * rejects, the write stays and rejects with EIO.
   */
  subscribe(listener: TupleListener): Disposable {
    return this.#ordered.subscribe(listener);
  }

  async #deleteIn(ranges: readonly KeyRange[], wanted: (tuple: Tuple) => boolean): Promise<number> {
    for (;;) {
      const made = await this.#make(async (change) => ({ more: await change.deleteIn(ranges, wanted) }));
      if (!made.more) return made.head.revision;
      await breath();
    }
  }

  /** One transaction, one revision if it changes anything. */
  #make(body: (change: StoreChange) => Promise<Extra>): Promise<Made> {
    return this.#ordered.run(
      async () => {
        const made = await this.#kv.write(async (tx): Promise<Made> => {
          const before = decodeHead(await tx.get(this.#keys.head));
          const change = new StoreChange(tx, this.#keys, before);
          const { model = before.model, trimmed = before.trimmed, more = false } = await body(change);
          const moved = change.changes.length > 0 || model !== before.model;
          const head = { revision: moved ? change.revision : before.revision, trimmed, model };
          if (moved || trimmed !== before.trimmed) tx.put(this.#keys.head, encodeHead(head));
          return { head, changes: change.changes, moved, more };
        });
        this.#head = made.head;
        if (made.moved) this.#log.moved();
        return made;
      },
      ({ changes, head, moved }) => (moved ? [changes, head.revision] : undefined),
    );
  }
}

function isAbout({ object, subject }: Tuple, { type, id }: ObjectRef): boolean {
  return (object.type === type && object.id === id) || (subject.type === type && subject.id === id);
}
