/** Conditions of a model: CEL expressions over declared parameters, compiled once a model. */
import { Environment } from '@marcbachmann/cel-js';
import { RebacError } from './errors.ts';
import { coerce, parameterType } from './parameter-types.ts';
import type { ParameterType } from './parameter-types.ts';
import { quoted } from './refs.ts';
import { addressOf, IpAddress } from './ip-address.ts';
import type { Condition, Model, TupleCondition } from './types.ts';

export type Context = Readonly<Record<string, unknown>>;

/** Longest context a tuple may store, as JSON. */
const maxContext = 32 * 1024;

const compiled = new WeakMap<Model, Conditions>();

/** The conditions of a model, compiled when first asked for. */
export function conditionsOf(model: Model): Conditions {
  let conditions = compiled.get(model);
  if (conditions === undefined) {
    conditions = new Conditions(model.conditions);
    compiled.set(model, conditions);
  }
  return conditions;
}

export class Conditions {
  readonly #declared: ReadonlyMap<string, Condition>;
  readonly #compiled = new Map<string, CompiledCondition>();

  constructor(declared: ReadonlyMap<string, Condition>) {
    this.#declared = declared;
  }

  /** Does it hold, given what was stored with the tuple and what came with the question? The stored context wins. Throws 2000. */
  holds(condition: TupleCondition, context: Context | undefined): boolean {
    return this.#of(condition.name).holds(condition.context, context);
  }

  /** Throws 2000 where what a tuple would store does not fit the declaration. `where` names the tuple. */
  admit(condition: TupleCondition, where: string): void {
    const size = sizeOf(condition.context);
    if (size === undefined || size > maxContext) {
      throw new RebacError(
        2000,
        `tuple ${quoted(where)}: its context is no JSON of at most ${maxContext} bytes`,
      );
    }
    this.#of(condition.name).admit(condition.context, where);
  }

  #of(name: string): CompiledCondition {
    let condition = this.#compiled.get(name);
    if (condition === undefined) {
      const declared = this.#declared.get(name);
      if (declared === undefined) throw new RebacError(2000, `the model has no condition ${quoted(name)}`);
      condition = new CompiledCondition(name, declared);
      this.#compiled.set(name, condition);
    }
    return condition;
  }
}

/** Throws 2000 for parameters of no known type and expressions that are not CEL or not a truth value. */
export function validateCondition(name: string, condition: Condition): void {
  new CompiledCondition(name, condition);
}

class CompiledCondition {
  readonly #name: string;
  readonly #parameters = new Map<string, ParameterType>();
  readonly #evaluate: (context: Record<string, unknown>) => unknown;

  constructor(name: string, condition: Condition) {
    this.#name = name;
    const environment = environmentOf();
    for (const [parameter, text] of condition.parameters) {
      const type = parameterType(text);
      if (type === undefined)
        throw this.#refused(`parameter ${quoted(parameter)} has no known type: ${quoted(text)}`);
      this.#parameters.set(parameter, type);
      environment.registerVariable(parameter, type.cel);
    }
    const parsed = this.#attempt(() => environment.parse(condition.expression));
    const checked = parsed.check();
    if (!checked.valid) throw this.#refused(firstLine(checked.error));
    if (checked.type !== 'bool' && checked.type !== 'dyn') {
      throw this.#refused(`its expression is a ${String(checked.type)}, not a bool`);
    }
    this.#evaluate = (context): unknown => parsed(context);
  }

  holds(stored: Context, given: Context | undefined): boolean {
    const values: Record<string, unknown> = {};
    for (const [parameter, type] of this.#parameters) {
      const source = Object.hasOwn(stored, parameter) ? stored : given;
      if (source === undefined || !Object.hasOwn(source, parameter)) {
        throw this.#refused(`parameter ${quoted(parameter)} is missing: give it in the context`);
      }
      values[parameter] = this.#value(parameter, type, source[parameter]);
    }
    const result = this.#attempt(() => this.#evaluate(values));
    if (typeof result !== 'boolean') throw this.#refused('its expression gave no bool');
    return result;
  }

  admit(stored: Context, where: string): void {
    for (const parameter of Object.keys(stored)) {
      const type = this.#parameters.get(parameter);
      if (type === undefined) {
        throw this.#refused(`tuple ${quoted(where)} gives ${quoted(parameter)}, which is no parameter`);
      }
      this.#value(parameter, type, stored[parameter]);
    }
  }

  #value(parameter: string, type: ParameterType, value: unknown): unknown {
    try {
      return coerce(type, value);
    } catch (error) {
      if (error instanceof TypeError) throw this.#refused(`parameter ${quoted(parameter)} ${error.message}`);
      throw error;
    }
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#refused(firstLine(error), error);
    }
  }

  #refused(problem: string, cause?: unknown): RebacError {
    return new RebacError(2000, `condition ${quoted(this.#name)}: ${problem}`, { cause });
  }
}

/** CEL with what OpenFGA adds to it. */
function environmentOf(): Environment {
  return new Environment()
    .registerType('ipaddress', IpAddress)
    .registerOperator('ipaddress == ipaddress', (a: IpAddress, b: IpAddress) => a.equals(b))
    .registerFunction('ipaddress(string): ipaddress', (text: string) => addressOf(text))
    .registerFunction('ipaddress.in_cidr(string): bool', (address: IpAddress, range: string) =>
      address.inCidr(range),
    );
}

function sizeOf(context: Context): number | undefined {
  try {
    return JSON.stringify(context).length;
  } catch {
    return undefined;
  }
}

function firstLine(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}
