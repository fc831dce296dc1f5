/** How the tests run: forked processes (a mount's server never shares one with the test that drives it). */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 180_000,
    teardownTimeout: 30_000,
    reporters: process.env['CI'] === undefined ? ['default'] : ['dot'],
    // The machine is shared with whoever else runs on it: a child starved of its processor is not a defect.
    retry: process.env['CI'] === undefined ? 0 : 2,
  },
});
