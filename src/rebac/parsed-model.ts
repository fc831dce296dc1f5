/** Models by their text, parsed once: everything that follows the model of a zone follows the same object. */
import { parseModel } from './model.ts';
import type { Model } from './types.ts';

/** The texts of few zones differ. */
const mostKept = 16;

const kept = new Map<string, Model>();

/** See `parseModel`; a text that is wrong throws each time. */
export function parsedModel(dsl: string): Model {
  const known = kept.get(dsl);
  if (known) return known;
  const model = parseModel(dsl);
  if (kept.size === mostKept) kept.clear();
  kept.set(dsl, model);
  return model;
}
