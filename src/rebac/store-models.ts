/** The models a zone has had: texts under numbers. */
import type { KvReader } from '../kv/types.ts';
import { RebacError } from './errors.ts';
import { decodeModel, type StoredModel } from './store-codec.ts';
import type { StoreKeys } from './store-keys.ts';

/** Most bytes of a model's text. */
const LONGEST = 256 * 1024;

/** Throws for a text that cannot be stored as it is. */
export function checkModel(text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes === 0) throw new RebacError(2000, 'the model is empty');
  if (bytes > LONGEST) {
    throw new RebacError(2000, `the model has ${bytes} bytes, at most ${LONGEST} can be stored`);
  }
  if (/\p{Surrogate}/u.test(text)) {
    throw new RebacError(2000, 'the model is not valid Unicode, a surrogate stands alone');
  }
}

export class StoredModels {
  readonly #kv: KvReader;
  readonly #keys: StoreKeys;

  constructor(kv: KvReader, keys: StoreKeys) {
    this.#kv = kv;
    this.#keys = keys;
  }

  /** The model with this number; 0 is none. */
  async get(number: number, reader = this.#kv): Promise<StoredModel | undefined> {
    if (number === 0) return undefined;
    const value = await reader.get(this.#keys.model(number));
    return value === undefined ? undefined : decodeModel(number, value);
  }

  /** The newest first. */
  async list(limit: number): Promise<readonly StoredModel[]> {
    const entries = await this.#kv.scan({ ...this.#keys.models(), limit, reverse: true });
    return entries.map(([key, value]) => decodeModel(this.#keys.numberOf(key), value));
  }
}
