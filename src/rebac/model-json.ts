/** OpenFGA's JSON as our model: the shape is checked here, the meaning elsewhere. */
import { RebacError } from './errors.ts';
import type { Places } from './model-places.ts';
import { isName, quoted } from './refs.ts';
import type { Condition, Model, Relation, Restriction, Rewrite } from './types.ts';

const maxTypes = 500;
const maxRelations = 500;
const maxNesting = 50;
const maxArms = 500;
const maxExpression = 16 * 1024;

export function readModel(json: unknown, places: Places): Model {
  return new ModelReader(places).model(json);
}

type Json = Readonly<Record<string, unknown>>;

class ModelReader {
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  model(json: unknown): Model {
    const model = this.#object(json, 'model');
    const schema = field(model, 'schema_version');
    if (schema !== '1.1' && schema !== '1.2')
      throw refused('model', `its schema must be 1.1, not ${shown(schema)}`);
    const types = new Map<string, ReadonlyMap<string, Relation>>();
    for (const item of this.#list(field(model, 'type_definitions') ?? [], 'model: its types', maxTypes)) {
      const definition = this.#object(item, 'type');
      const type = this.#name(field(definition, 'type'), 'type');
      if (types.has(type)) throw refused(this.#places.of(type), 'the type is there twice');
      types.set(type, this.#relations(type, definition));
    }
    if (types.size === 0) throw refused('model', 'it has no types');
    return { types, conditions: this.#conditions(field(model, 'conditions')) };
  }

  #relations(type: string, definition: Json): Map<string, Relation> {
    const metadata = this.#optional(field(definition, 'metadata'), `${type}: its metadata`);
    const described = this.#optional(field(metadata, 'relations'), `${type}: metadata of its relations`);
    const relations = this.#optional(field(definition, 'relations'), `${type}: its relations`);
    const names = Object.keys(relations);
    if (names.length > maxRelations)
      throw refused(this.#places.of(type), `more than ${maxRelations} relations`);
    return new Map(
      names.map((name) => {
        const where = this.#places.of(`${type}#${this.#name(name, `relation of ${type}`)}`);
        const rewrite = this.#rewrite(relations[name], where, 0);
        return [name, { rewrite, restrictions: this.#restrictions(field(described, name), where) }];
      }),
    );
  }

  #restrictions(metadata: unknown, where: string): Restriction[] {
    const listed = field(this.#optional(metadata, where), 'directly_related_user_types') ?? [];
    return this.#list(listed, `${where}: its restrictions`, maxArms).map((item) => {
      const given = this.#object(item, where);
      const relation = field(given, 'relation');
      const condition = field(given, 'condition');
      const wildcard = field(given, 'wildcard') !== undefined;
      if (wildcard && named(relation)) throw refused(where, 'a restriction is a wildcard with a relation');
      return {
        type: this.#name(field(given, 'type'), `${where}: type of a restriction`),
        ...(named(relation) && { relation: this.#name(relation, `${where}: relation of a restriction`) }),
        ...(wildcard && { wildcard }),
        ...(named(condition) && { condition: this.#name(condition, `${where}: condition of a restriction`) }),
      };
    });
  }

  #rewrite(json: unknown, where: string, depth: number): Rewrite {
    if (depth > maxNesting) throw refused(where, `nested more than ${maxNesting} levels`);
    const given = this.#object(json, where);
    const kinds = Object.keys(given).filter((kind) => given[kind] !== undefined);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) throw refused(where, 'must be exactly one kind of rewrite');
    const body = this.#object(given[kind], where);
    switch (kind) {
      case 'this':
        return { kind: 'this' };
      case 'computedUserset':
        return { kind: 'computed', relation: this.#relation(body, where) };
      case 'tupleToUserset':
        return {
          kind: 'from',
          tupleset: this.#relation(this.#object(field(body, 'tupleset'), where), where),
          relation: this.#relation(this.#object(field(body, 'computedUserset'), where), where),
        };
      case 'union':
      case 'intersection': {
        const children = this.#list(field(body, 'child'), where, maxArms);
        if (children.length === 0) throw refused(where, `an empty ${kind}`);
        return { kind, of: children.map((child) => this.#rewrite(child, where, depth + 1)) };
      }
      case 'difference':
        return {
          kind: 'exclusion',
          base: this.#rewrite(field(body, 'base'), where, depth + 1),
          subtract: this.#rewrite(field(body, 'subtract'), where, depth + 1),
        };
      default:
        throw refused(where, `no rewrite is called ${quoted(kind)}`);
    }
  }

  #relation(body: Json, where: string): string {
    return this.#name(field(body, 'relation'), `${where}: relation`);
  }

  #conditions(json: unknown): Map<string, Condition> {
    const given = this.#optional(json, 'model: its conditions');
    return new Map(
      Object.entries(given).map(([name, item]) => {
        const where = this.#places.of(`condition ${this.#name(name, 'condition')}`);
        const condition = this.#object(item, where);
        const expression = field(condition, 'expression');
        if (typeof expression !== 'string' || expression.length > maxExpression) {
          throw refused(where, `its expression must be a text of at most ${maxExpression} characters`);
        }
        const declared = this.#optional(field(condition, 'parameters'), where);
        const parameters = Object.entries(declared).map(([parameter, type]): [string, string] => [
          this.#name(parameter, `${where}: parameter`),
          this.#parameter(type, `${where}: type of ${parameter}`),
        ]);
        return [name, { parameters: new Map(parameters), expression }];
      }),
    );
  }

  /** `{ type_name: 'TYPE_NAME_LIST', generic_types: [{ type_name: 'TYPE_NAME_STRING' }] }` is `list<string>`. */
  #parameter(json: unknown, where: string): string {
    const given = this.#object(json, where);
    const name = field(given, 'type_name');
    if (typeof name !== 'string' || !name.startsWith('TYPE_NAME_'))
      throw refused(where, `not a type: ${shown(name)}`);
    const type = name.slice('TYPE_NAME_'.length).toLowerCase();
    const [of] = this.#list(field(given, 'generic_types') ?? [], where, 1);
    if (of !== undefined) return `${type}<${this.#parameter(of, where)}>`;
    return type === 'list' || type === 'map' ? `${type}<any>` : type;
  }

  #name(value: unknown, what: string): string {
    if (typeof value !== 'string' || !isName(value)) throw refused(what, `${shown(value)} is no name`);
    if (value === 'self' || value === 'this') throw refused(what, `${quoted(value)} is reserved`);
    return value;
  }

  #object(value: unknown, where: string): Json {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw refused(where, `${shown(value)} is no object`);
    return value as Json;
  }

  #optional(value: unknown, where: string): Json {
    return value === undefined || value === null ? {} : this.#object(value, where);
  }

  #list(value: unknown, where: string, most: number): readonly unknown[] {
    if (!Array.isArray(value)) throw refused(where, `${shown(value)} is no list`);
    if (value.length > most) throw refused(where, `more than ${most}`);
    return value;
  }
}

/** Only what the object has itself: `constructor` is a name like others. */
function field(object: Json, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function named(value: unknown): boolean {
  return value !== undefined && value !== '';
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : quoted(typeof value === 'string' ? value : JSON.stringify(value));
}

function refused(where: string, problem: string): RebacError {
  return new RebacError(2000, `model: ${where}: ${problem}`.replace('model: model: ', 'model: '));
}
