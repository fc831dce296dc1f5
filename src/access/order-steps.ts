/** Orders steps so that each runs after those that set what it reads. */
import type { Step } from './plan.ts';

export interface OrderedSteps {
  readonly steps: readonly Step[];
  /** Bits that depend on each other through more than unions: no order finds them. */
  readonly unordered: number;
}

/** For each bit, all that it depends on, itself only where that is a circle. */
function reach(steps: readonly Step[]): Map<number, number> {
  const reached = new Map<number, number>();
  for (let moved = true; moved; ) {
    moved = false;
    for (const { from, except, to } of steps) {
      let mask = (reached.get(to) ?? 0) | from | except;
      for (let rest = mask; rest !== 0; rest &= rest - 1) mask |= reached.get(rest & -rest) ?? 0;
      if (mask === (reached.get(to) ?? 0)) continue;
      reached.set(to, mask);
      moved = true;
    }
  }
  return reached;
}

export function orderSteps(steps: readonly Step[]): OrderedSteps {
  const reached = reach(steps);
  const dependsOn = (bit: number, mask: number): boolean => ((reached.get(bit) ?? 0) & mask) !== 0;
  /** The bits in one circle with this one; 0 for none. */
  const circleOf = (bit: number): number => {
    let circle = 0;
    for (const other of reached.keys()) if (dependsOn(bit, other) && dependsOn(other, bit)) circle |= other;
    return circle;
  };
  let unordered = 0;
  for (const { kind, from, except, to } of steps) {
    if (kind !== 'any' && (circleOf(to) & (from | except)) !== 0) unordered |= circleOf(to);
  }
  const ordered: Step[] = [];
  let rest = steps.filter(({ to }) => (to & unordered) === 0);
  while (rest.length > 0) {
    const waiting = rest.reduce((all, { to }) => all | to, 0);
    // What is in a circle of unions is the same as its other members: they are found together.
    const next = rest.find(({ to }) => {
      const circle = circleOf(to) | to;
      return ((reached.get(to) ?? 0) & waiting & ~circle) === 0;
    });
    if (next === undefined) throw new Error('relations of a model depend on each other in no order');
    const circle = circleOf(next.to) | next.to;
    const members = rest.filter(({ to }) => (to & circle) !== 0);
    ordered.push(...members);
    if ((circle & (circle - 1)) !== 0) ordered.push({ kind: 'any', from: circle, except: 0, to: circle });
    rest = rest.filter(({ to }) => (to & circle) === 0);
  }
  return { steps: ordered, unordered };
}
