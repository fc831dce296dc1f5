/** The disk fails at one call, at every call there is: what was acknowledged stays, and the volume goes on. */
import { FailingHost, type HostFault } from './failing-host.ts';
import { describe, expect, it } from 'vitest';
import { type Campaign, campaign } from './campaign.ts';
import { type Scenario, scenarios } from './scenarios.ts';

const stride = process.env['NEXUS_LONG'] === undefined ? 13 : 1;

function campaignOf(scenario: Scenario, fault: HostFault, world: Campaign['world']): Campaign {
  return {
    scenario,
    world,
    stride,
    failures: fault === 'short' ? 3 : 1,
    // After a failed fdatasync(2) nobody knows what reached the disk.
    lasting: (failed) => failed.startsWith('fdatasync') || failed.startsWith('fsync'),
    arm: (directory, failAt) => {
      const host = new FailingHost(directory, failAt, fault);
      return {
        failed: () => host.failed,
        [Symbol.dispose]: () => host[Symbol.dispose](),
      };
    },
  };
}

describe.each<[HostFault, Campaign['world']]>([
  ['EIO', { kv: 'memory', passthrough: false }],
  ['EIO', { kv: 'level', passthrough: false }],
  ['ENOSPC', { kv: 'level', passthrough: false }],
  ['short', { kv: 'level', passthrough: false }],
])('a host whose calls fail with %s under %o (FS-3, FS-5)', (fault, world) => {
  it.each(scenarios)('$name', { timeout: 600_000 }, async (scenario) => {
    const met = await campaign(campaignOf(scenario, fault, world));
    expect(met.length).toBeGreaterThan(0);
  });
});
