/** An Authorizer for trees whose permissions are POSIX mode bits alone. */
import type { Authorizer } from './authorizer.ts';

/**
 * Everybody may do everything; mode bits remain the kernel's business. Agents are asked about node by node all the same: what one may
 * do can be taken back at any moment, so its kernel does no I/O by itself.
 */
export const allowAll: Authorizer = {
  revision: 0,
  tracks: false,
  allows: () => true,
  everything: ({ subject }) => !subject.startsWith('agent:'),
  widens: () => false,
  moved: () => undefined,
  removed: () => undefined,
};
