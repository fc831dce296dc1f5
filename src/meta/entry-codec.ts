/** The bytes of a directory entry. */
import { S_IFMT } from '../fs/types.ts';
import { readU48, viewOf } from './bytes.ts';

export interface Entry {
  readonly ino: number;
  /** The child's type bits, as in `Inode.mode`. */
  readonly type: number;
  /** The revision at which the name was given. */
  readonly revision: number;
}

const TYPE = 6;
const REVISION = 7;
const LENGTH = 13;

export function encodeEntry(entry: Entry): Uint8Array {
  const bytes = Buffer.allocUnsafe(LENGTH);
  bytes.writeUIntBE(entry.ino, 0, 6);
  bytes[TYPE] = (entry.type & S_IFMT) >>> 12;
  bytes.writeUIntBE(entry.revision, REVISION, 6);
  return bytes;
}

export function decodeEntry(bytes: Uint8Array): Entry {
  const view = viewOf(bytes);
  return { ino: readU48(view, 0), type: view.getUint8(TYPE) << 12, revision: readU48(view, REVISION) };
}
