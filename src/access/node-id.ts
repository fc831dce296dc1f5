/** Nodes as objects of tuples: `file:<number>`. */
import type { NodeId } from '../fs/types.ts';

const decimal = /^[1-9][0-9]{0,15}$/;

/** The node an object's id stands for; undefined for ids that are no node's. */
export function nodeOf(id: string): NodeId | undefined {
  if (!decimal.test(id)) return undefined;
  const node = Number(id);
  return Number.isSafeInteger(node) ? node : undefined;
}
