/** The owner of a lock as `Locks` names it: the kernel's 64 bits, and the mount whose kernel made them. */
import type { Request } from './request.ts';

/** Reads now, while the message is lent; makes the name when it is needed, which is rarely. */
export function ownerAt(request: Request, at: number): () => string {
  const low = request.u32(at);
  const high = request.u32(at + 4);
  return () => `${request.via}:${high}:${low}`;
}
