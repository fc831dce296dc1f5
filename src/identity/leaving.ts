/** Deleted entities that somebody may not have dealt with: their names are not free yet. */
import type { KvStore, KvTransaction } from '../kv/types.ts';
import { encodeEntity, entityKey, leavingKey } from './records.ts';
import type { Entity } from './types.ts';

type Id = Pick<Entity, 'kind' | 'zone' | 'name'>;

interface Entry {
  readonly entity: Entity;
  /** Resolves, whatever comes of it, when listeners are done; undefined while nobody is being told. */
  telling: Promise<void> | undefined;
}

export class Leaving {
  readonly #kv: KvStore;
  readonly #entries = new Map<string, Entry>();

  constructor(kv: KvStore) {
    this.#kv = kv;
  }

  get(id: Id): Entry | undefined {
    return this.#entries.get(leavingKey(id));
  }

  all(): Entity[] {
    return [...this.#entries.values()].map(({ entity }) => entity);
  }

  /** One that a process before this one did not finish. */
  found(entity: Entity): void {
    this.#entries.set(leavingKey(entity), { entity, telling: undefined });
  }

  /** The deletion itself, as a part of a transaction. */
  store(tx: KvTransaction, entity: Entity): void {
    tx.delete(entityKey(entity));
    tx.put(leavingKey(entity), encodeEntity(entity));
  }

  /** Listeners are being told; a later telling takes the place of an earlier one. */
  begin(entities: readonly Entity[], telling: Promise<void>): void {
    for (const entity of entities) this.#entries.set(leavingKey(entity), { entity, telling });
  }

  /** Every listener is done: what no later telling is about is over. */
  async finish(entities: readonly Entity[], telling: Promise<void>): Promise<void> {
    const over = entities.map(leavingKey).filter((key) => this.#entries.get(key)?.telling === telling);
    if (over.length === 0) return;
    await this.#kv.write((tx) => {
      for (const key of over) tx.delete(key);
    });
    for (const key of over) this.#entries.delete(key);
  }

  /** The telling is over; what it did not finish waits for another. */
  end(entities: readonly Entity[], telling: Promise<void>): void {
    for (const entity of entities) {
      const entry = this.get(entity);
      if (entry?.telling === telling) entry.telling = undefined;
    }
  }
}
