/** A failed host call as the domain's error. */
import { codeOf, FsError } from '../base/errors.ts';

/** `doing` says what failed on what: "cannot write pack 00000007". */
export function hostError(error: unknown, doing: string): FsError {
  if (error instanceof FsError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new FsError(codeOf(error), `${doing}: ${reason}`, { cause: error });
}
