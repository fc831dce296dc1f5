/** The tuple stores of the zones, each opened when it is first asked for, with the model it follows. */
import { FsError } from '../base/errors.ts';
import type { Registry } from '../identity/registry.ts';
import type { KvStore } from '../kv/types.ts';
import { admit } from '../rebac/admit.ts';
import { defaultModel } from '../rebac/default-model.ts';
import { parsedModel } from '../rebac/parsed-model.ts';
import { TupleStore } from '../rebac/store.ts';
import type { Model } from '../rebac/types.ts';

export interface Zone {
  readonly name: string;
  readonly store: TupleStore;
  /** The one that tuples are written by and questions answered by now. */
  readonly model: Model;
}

/** What the guard asks of files: a model without it would shut everybody out. */
const asked = ['can_read', 'can_write', 'can_own'] as const;

/** The model of a text. EINVAL says what is wrong, and where. */
export function usableModel(dsl: string): Model {
  const model = parsedModel(dsl);
  const file = model.types.get('file');
  const missing = asked.filter((relation) => file?.has(relation) !== true);
  if (missing.length === 0) return model;
  throw new FsError(
    'EINVAL',
    `the model has no ${missing.join(', ')} on type file: mounts ask for can_read, can_write and can_own`,
  );
}

export class Zones {
  readonly #kv: KvStore;
  readonly #registry: Registry;
  readonly #open = new Map<string, Promise<Opened>>();

  constructor(kv: KvStore, registry: Registry) {
    this.#kv = kv;
    this.#registry = registry;
  }

  /** ENOENT for a zone nobody made. */
  async zone(name: string): Promise<Zone> {
    if (this.#registry.zone(name) === undefined) {
      throw new FsError('ENOENT', `there is no zone ${name}: \`nexus zone create ${name}\` makes it`);
    }
    return this.#opened(name);
  }

  async store(name: string): Promise<TupleStore> {
    return (await this.zone(name)).store;
  }

  /** The zones there are. */
  names(): readonly string[] {
    const all: string[] = [];
    for (;;) {
      const after = all.at(-1);
      const page = this.#registry.zones(after === undefined ? {} : { after });
      if (page.length === 0) return all;
      all.push(...page.map(({ name }) => name));
    }
  }

  /** The store of a zone that may be gone from the registry already. */
  async leaving(name: string): Promise<TupleStore> {
    return (await this.#opened(name)).store;
  }

  async setModel(name: string, dsl: string): Promise<number> {
    const model = usableModel(dsl);
    await this.zone(name);
    const opened = await this.#opened(name);
    const revision = await opened.store.setModel(dsl);
    opened.model = model;
    return revision;
  }

  #opened(name: string): Promise<Opened> {
    let opened = this.#open.get(name);
    if (opened === undefined) {
      opened = this.#load(name);
      this.#open.set(name, opened);
      opened.catch(() => this.#open.delete(name));
    }
    return opened;
  }

  async #load(name: string): Promise<Opened> {
    const current: { model?: Model } = {};
    const store = await TupleStore.open({
      kv: this.#kv,
      zone: name,
      validate: (tuple) => {
        if (current.model) admit(current.model, tuple);
      },
    });
    const model = parsedModel((await store.model()) ?? defaultModel);
    return Object.assign(current, { name, store, model });
  }
}

type Opened = { -readonly [K in keyof Zone]: Zone[K] };
