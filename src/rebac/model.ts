/** Models from text and from OpenFGA's JSON. */
import { transformDSLToJSONObject } from '@openfga/syntax-transformer/dist/transformer/dsltojson.js';
import { RebacError } from './errors.ts';
import { readModel } from './model-json.ts';
import { Places } from './model-places.ts';
import { quoted } from './refs.ts';
import type { Model } from './types.ts';
import { validateModel } from './validate-model.ts';

/** Longest model as text. */
const maxModel = 256 * 1024;
/** Deepest nesting of parentheses: the parser recurses. */
const maxParentheses = 50;

/** The model a text in OpenFGA's language (schema 1.1) describes. Throws 2000 with line and column, or what is wrong with what. */
export function parseModel(dsl: string): Model {
  if (dsl.length > maxModel) throw new RebacError(2000, `model: longer than ${maxModel} characters`);
  const places = new Places(dsl);
  refuseUnparsable(dsl);
  const model = readModel(transform(dsl), places);
  validateModel(model, places);
  return model;
}

/** The model an authorization model in JSON, as OpenFGA's API has it, describes. */
export function modelOfJson(json: unknown): Model {
  const places = new Places('');
  const model = readModel(json, places);
  validateModel(model, places);
  return model;
}

function transform(dsl: string): unknown {
  try {
    return transformDSLToJSONObject(dsl);
  } catch (error) {
    const [first] = (error as { errors?: readonly SyntaxProblem[] }).errors ?? [];
    if (first === undefined) throw new RebacError(2000, 'model: cannot be read', { cause: error });
    const where =
      first.line === undefined
        ? ''
        : `line ${first.line.start + 1}, column ${(first.column?.start ?? 0) + 1}: `;
    throw new RebacError(2000, `model: ${where}${explained(first.msg)}`, { cause: error });
  }
}

/** The parser takes what every JavaScript object has for defined already. */
function explained(message: string): string {
  const [, name] = /'(\w+)' is already defined/.exec(message) ?? [];
  return name !== undefined && name in {} ? `${quoted(name)} is no name to use` : message;
}

/** What the parser says of one place; it counts lines and columns from zero. */
interface SyntaxProblem {
  readonly msg: string;
  readonly line?: { readonly start: number };
  readonly column?: { readonly start: number };
}

/** What would take the parser down, or what it would lose without a word. */
function refuseUnparsable(dsl: string): void {
  let line = 1;
  let open = 0;
  for (const character of dsl) {
    if (character === '\n') {
      line += 1;
      open = 0;
    } else if (character === '(') {
      open += 1;
      if (open > maxParentheses) {
        throw new RebacError(
          2000,
          `model: line ${line}: more than ${maxParentheses} parentheses within each other`,
        );
      }
    } else if (character === ')') open -= 1;
  }
  const lost = dsl.split('\n').findIndex((text) => /\b__proto__\b/.test(text));
  if (lost >= 0)
    throw new RebacError(2000, `model: line ${lost + 1}: ${quoted('__proto__')} is no name to use`);
}
