/** Content as bytes, as records of other layers keep it: nothing (zero), 1 and the hash (block), 2 and the number (object). */
import { FsError } from '../base/errors.ts';
import { hashAt } from './hash.ts';
import type { Content } from './types.ts';

/** The one content without bytes of its own; it encodes to no bytes at all. */
export const ZERO: Content = { kind: 'zero' };

const none = new Uint8Array(0);

export function encodeContent(content: Content): Uint8Array {
  if (content.kind === 'zero') return none;
  if (content.kind === 'block') {
    const bytes = Buffer.allocUnsafe(33);
    bytes[0] = 1;
    bytes.write(content.hash, 1, 'latin1');
    return bytes;
  }
  const bytes = Buffer.allocUnsafe(7);
  bytes[0] = 2;
  bytes.writeUIntBE(content.id, 1, 6);
  return bytes;
}

/** EIO for bytes that encode no content. */
export function decodeContent(bytes: Uint8Array): Content {
  if (bytes.length === 0) return ZERO;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes[0] === 1 && bytes.length === 33) {
    return { kind: 'block', hash: hashAt(bytes, 1) };
  }
  if (bytes[0] === 2 && bytes.length === 7) return { kind: 'object', id: view.readUIntBE(1, 6) };
  throw new FsError(
    'EIO',
    `a record names content in a form this version does not know (${view.toString('hex', 0, 8)}…)`,
  );
}
