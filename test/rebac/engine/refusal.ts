/** What was refused, as number and text. */
import { RebacError } from '../../../src/rebac/errors.ts';

/** `2000 EINVAL: …`; anything but a refusal fails. */
export async function refusal(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof RebacError) return `${error.number} ${error.message}`;
    throw error;
  }
  throw new Error('was not refused');
}
