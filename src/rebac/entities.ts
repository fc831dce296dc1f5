/** Numbers for the objects, subjects and relations that tuples name: each text is kept once. */
import { entry } from './entry.ts';

interface Kind {
  readonly type: string;
  readonly relation: string | undefined;
  readonly numbers: Map<string, number>;
}

export class Entities {
  readonly #types = new Map<string, Map<string | undefined, Kind>>();
  readonly #ids: string[] = [];
  readonly #kindOf: Kind[] = [];

  get count(): number {
    return this.#ids.length;
  }

  find(type: string, id: string, relation?: string): number {
    return this.#types.get(type)?.get(relation)?.numbers.get(id) ?? -1;
  }

  intern(type: string, id: string, relation?: string): number {
    const kind = this.#kind(type, relation);
    let number = kind.numbers.get(id);
    if (number === undefined) {
      number = this.#ids.length;
      kind.numbers.set(id, number);
      this.#ids.push(id);
      this.#kindOf.push(kind);
    }
    return number;
  }

  type(number: number): string {
    return (this.#kindOf[number] as Kind).type;
  }

  id(number: number): string {
    return this.#ids[number] as string;
  }

  relation(number: number): string | undefined {
    return (this.#kindOf[number] as Kind).relation;
  }

  #kind(type: string, relation: string | undefined): Kind {
    const relations = entry(this.#types, type, () => new Map<string | undefined, Kind>());
    return entry(relations, relation, () => ({ type, relation, numbers: new Map<string, number>() }));
  }
}
