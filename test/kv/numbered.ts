/** Transactions that follow from their number, so that the state after any count of them is known. */
import type { KvTransaction } from '../../src/kv/types.ts';

const keys = 97;

/** What transaction `n` (from 1) does: some puts, a deletion, and its own number under `count`. */
export function changesOf(n: number): [key: string, value: string | null][] {
  const changes: [string, string | null][] = [[`k${(n * 31 + 7) % keys}`, null]];
  for (let i = 0; i < 1 + (n % 4); i++) {
    changes.push([`k${(n * (i + 3)) % keys}`, `${n}:${'x'.repeat((n * 13 + i) % 200)}`]);
  }
  changes.push(['count', String(n)]);
  return changes;
}

export function applyNumbered(tx: KvTransaction, n: number): void {
  for (const [key, value] of changesOf(n)) {
    if (value === null) tx.delete(key);
    else tx.put(key, Buffer.from(value));
  }
}

/** Everything there is after transactions 1 to `n`. */
export function stateAfter(n: number): Record<string, string> {
  const state = new Map<string, string>();
  for (let i = 1; i <= n; i++) {
    for (const [key, value] of changesOf(i)) {
      if (value === null) state.delete(key);
      else state.set(key, value);
    }
  }
  return Object.fromEntries(state);
}
