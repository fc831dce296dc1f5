/** One ordered view of several layers of changes, the newest first. */
import type { Change } from './change.ts';
import type { Key } from './types.ts';

/** The next change of a layer in scan order; undefined at its end. */
export type Cursor = () => Change | undefined;

/** What a scan asks of layers in memory. */
export interface MergeOptions {
  /** Stop after as many values; deletions do not count. */
  readonly limit: number;
  readonly reverse: boolean;
  /** Leave deletions in: something older is to be merged beneath. */
  readonly keepDeleted: boolean;
}

/** Merges layers given newest first. Of equal keys the newest layer's change is taken. */
export function merge(layers: readonly Cursor[], options: MergeOptions): Change[] {
  const heads = layers.map((next) => ({ next, head: next() })).filter(({ head }) => head !== undefined);
  const merged: Change[] = [];
  for (let live = 0; live < options.limit; ) {
    let first: Change | undefined;
    for (const { head } of heads) {
      if (head !== undefined && (first === undefined || precedes(head[0], first[0], options.reverse)))
        first = head;
    }
    if (first === undefined) break;
    for (const layer of heads) if (layer.head?.[0] === first[0]) layer.head = layer.next();
    if (first[1] !== null) live++;
    if (first[1] !== null || options.keepDeleted) merged.push(first);
  }
  return merged;
}

/** Does `a` come before `b` in scan order? */
export function precedes(a: Key, b: Key, reverse: boolean): boolean {
  return reverse ? a > b : a < b;
}

/** A cursor over changes already in scan order. */
export function cursorOf(changes: readonly Change[]): Cursor {
  let at = 0;
  return () => changes[at++];
}
