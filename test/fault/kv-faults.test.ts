/** The key-value store fails once, at every call there is: what was acknowledged stays, and the volume goes on. */
import { describe, expect, it } from 'vitest';
import { campaign } from './campaign.ts';
import { FailingKv } from './failing-kv.ts';
import { scenarios } from './scenarios.ts';

const stride = process.env['NEXUS_LONG'] === undefined ? 7 : 1;

describe('a key-value store that fails at one call (FS-3, FS-5)', () => {
  it.each(scenarios)('$name', { timeout: 300_000 }, async (scenario) => {
    const met = await campaign({
      scenario,
      world: { kv: 'memory', passthrough: false },
      stride,
      failures: 1,
      lasting: () => false,
      arm: (_directory, failAt) => {
        let kv: FailingKv | undefined;
        return {
          wrap: (inner) => (kv = new FailingKv(inner, failAt)),
          failed: () => (kv?.failed === true ? `call ${failAt}` : undefined),
          [Symbol.dispose]: () => undefined,
        };
      },
    });
    expect(met.length).toBeGreaterThan(4);
  });
});
