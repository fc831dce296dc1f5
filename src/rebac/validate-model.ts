/** Whether a model means something: every name is defined, every relation can hold for somebody. */
import { validateCondition } from './conditions.ts';
import { RebacError } from './errors.ts';
import { isFsError } from '../base/errors.ts';
import type { Places } from './model-places.ts';
import { quoted } from './refs.ts';
import type { Model, Relation, Restriction, Rewrite } from './types.ts';

/** Throws 2000 with the first thing that is wrong and where it is. */
export function validateModel(model: Model, places: Places): void {
  new Validator(model, places).run();
}

class Validator {
  readonly #model: Model;
  readonly #places: Places;

  constructor(model: Model, places: Places) {
    this.#model = model;
    this.#places = places;
  }

  run(): void {
    if (this.#places.twice !== undefined) throw this.#refused(this.#places.twice, 'the type is there twice');
    for (const [name, condition] of this.#model.conditions) {
      try {
        validateCondition(name, condition);
      } catch (error) {
        if (!isFsError(error)) throw error;
        throw this.#refused(
          `condition ${name}`,
          error.message.replace(/^EINVAL: condition "[^"]*": /, ''),
          error,
        );
      }
    }
    for (const [type, relations] of this.#model.types) {
      for (const [name, relation] of relations) this.#relation(type, name, relation);
    }
    this.#canHold();
  }

  #relation(type: string, name: string, { rewrite, restrictions }: Relation): void {
    const where = `${type}#${name}`;
    const direct = isDirect(rewrite);
    if (direct && restrictions.length === 0) {
      throw this.#refused(where, 'takes tuples but does not say of which types: write [user] or the like');
    }
    if (!direct && restrictions.length > 0)
      throw this.#refused(where, 'names types of tuples but takes none');
    for (const restriction of restrictions) this.#restriction(where, restriction);
    this.#rewrite(type, where, rewrite);
  }

  #restriction(where: string, { type, relation, condition }: Restriction): void {
    const relations = this.#model.types.get(type);
    if (relations === undefined) throw this.#refused(where, `there is no type ${quoted(type)}`);
    if (relation !== undefined && !relations.has(relation)) {
      throw this.#refused(where, `type ${type} has no relation ${quoted(relation)}`);
    }
    if (condition !== undefined && !this.#model.conditions.has(condition)) {
      throw this.#refused(where, `there is no condition ${quoted(condition)}`);
    }
  }

  #rewrite(type: string, where: string, rewrite: Rewrite): void {
    switch (rewrite.kind) {
      case 'this':
        return;
      case 'computed':
        if (!this.#has(type, rewrite.relation)) {
          throw this.#refused(where, `type ${type} has no relation ${quoted(rewrite.relation)}`);
        }
        return;
      case 'from':
        this.#from(type, where, rewrite.tupleset, rewrite.relation);
        return;
      case 'union':
      case 'intersection':
        for (const child of rewrite.of) this.#rewrite(type, where, child);
        return;
      case 'exclusion':
        this.#rewrite(type, where, rewrite.base);
        this.#rewrite(type, where, rewrite.subtract);
    }
  }

  #from(type: string, where: string, tupleset: string, relation: string): void {
    const link = this.#model.types.get(type)?.get(tupleset);
    const text = `${quoted(`${relation} from ${tupleset}`)}: `;
    if (link === undefined)
      throw this.#refused(where, `${text}type ${type} has no relation ${quoted(tupleset)}`);
    if (link.rewrite.kind !== 'this') {
      throw this.#refused(where, `${text}${quoted(tupleset)} must take tuples directly and be nothing else`);
    }
    const parents = link.restrictions.filter((restriction) => restriction.relation === undefined);
    if (!parents.some((parent) => this.#has(parent.type, relation))) {
      throw this.#refused(
        where,
        `${text}no type that ${quoted(tupleset)} takes has a relation ${quoted(relation)}`,
      );
    }
  }

  /** Grows the set of relations that can hold for somebody until it stays; what is not in it never can. */
  #canHold(): void {
    const held = new Set<string>();
    for (let before = -1; before !== held.size; ) {
      before = held.size;
      for (const [type, relations] of this.#model.types) {
        for (const [name, relation] of relations) {
          if (this.#holds(type, relation, relation.rewrite, held)) held.add(`${type}#${name}`);
        }
      }
    }
    for (const [type, relations] of this.#model.types) {
      for (const name of relations.keys()) {
        if (!held.has(`${type}#${name}`)) {
          throw this.#refused(
            `${type}#${name}`,
            'can never hold: it leads only back to itself, or to what never holds',
          );
        }
      }
    }
  }

  #holds(type: string, relation: Relation, rewrite: Rewrite, held: ReadonlySet<string>): boolean {
    switch (rewrite.kind) {
      case 'this':
        return relation.restrictions.some(
          (by) => by.relation === undefined || held.has(`${by.type}#${by.relation}`),
        );
      case 'computed':
        return held.has(`${type}#${rewrite.relation}`);
      case 'from': {
        const parents = this.#model.types.get(type)?.get(rewrite.tupleset)?.restrictions ?? [];
        return parents.some((parent) => held.has(`${parent.type}#${rewrite.relation}`));
      }
      case 'union':
        return rewrite.of.some((child) => this.#holds(type, relation, child, held));
      case 'intersection':
        return rewrite.of.every((child) => this.#holds(type, relation, child, held));
      case 'exclusion':
        return this.#holds(type, relation, rewrite.base, held);
    }
  }

  #has(type: string, relation: string): boolean {
    return this.#model.types.get(type)?.has(relation) ?? false;
  }

  #refused(name: string, problem: string, cause?: unknown): RebacError {
    return new RebacError(2000, `model: ${this.#places.of(name)}: ${problem}`, { cause });
  }
}

function isDirect(rewrite: Rewrite): boolean {
  switch (rewrite.kind) {
    case 'this':
      return true;
    case 'union':
    case 'intersection':
      return rewrite.of.some(isDirect);
    case 'exclusion':
      return isDirect(rewrite.base) || isDirect(rewrite.subtract);
    default:
      return false;
  }
}
