/** The bytes of a version record; its number stands in the key. */
import { TIME_BYTES, copyFrom, readTime, readU48, viewOf, writeTime } from './bytes.ts';
import type { VersionRecord } from './types.ts';

const SIZE = 0;
const MTIME = 8;
const TIME = MTIME + TIME_BYTES;
const REVISION = TIME + TIME_BYTES;
const AUTHOR_LENGTH = REVISION + 6;
const AUTHOR = AUTHOR_LENGTH + 2;

export function encodeVersion(version: VersionRecord): Uint8Array {
  const author = Buffer.byteLength(version.author);
  const bytes = Buffer.allocUnsafe(AUTHOR + author + version.content.length);
  bytes.writeDoubleBE(version.size, SIZE);
  writeTime(bytes, version.mtime, MTIME);
  writeTime(bytes, version.time, TIME);
  bytes.writeUIntBE(version.revision, REVISION, 6);
  bytes.writeUInt16BE(author, AUTHOR_LENGTH);
  bytes.write(version.author, AUTHOR);
  bytes.set(version.content, AUTHOR + author);
  return bytes;
}

export function decodeVersion(number: number, bytes: Uint8Array): VersionRecord {
  const view = viewOf(bytes);
  const content = AUTHOR + view.getUint16(AUTHOR_LENGTH);
  return {
    number,
    size: view.getFloat64(SIZE),
    content: copyFrom(bytes, content),
    mtime: readTime(view, MTIME),
    time: readTime(view, TIME),
    author: Buffer.from(bytes.buffer, bytes.byteOffset + AUTHOR, content - AUTHOR).toString(),
    revision: readU48(view, REVISION),
  };
}
