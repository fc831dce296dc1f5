/** The bytes of an inode record: a fixed head, then the content (regular files) or the target (symlinks). */
import { FsError } from '../base/errors.ts';
import { S_IFLNK, S_IFMT } from '../fs/types.ts';
import { EMPTY, copyFrom, readTime, readU48, viewOf, writeTime } from './bytes.ts';
import type { Inode } from './types.ts';

const FLAGS = 0;
const MODE = 1;
const NLINK = 3;
const UID = 7;
const GID = 11;
const RDEV = 15;
const SIZE = 19;
const ATIME = 27;
const MTIME = 39;
const CTIME = 51;
const BTIME = 63;
const VERSION = 75;
const PARENT = 79;
const REVISION = 85;
const OWNER = 91;
const TAIL = 95;

/** Who is meant by the numbers of owners. */
export interface SubjectNames {
  nameOf(number: number): string;
}

const HAS_XATTRS = 1;
const NAMELESS = 2;

/** `owner` is the number of the inode's owner. */
export function encodeInode(inode: Inode, owner: number): Uint8Array {
  const tail = (inode.mode & S_IFMT) === S_IFLNK ? inode.target : inode.content;
  const bytes = Buffer.allocUnsafe(TAIL + tail.length);
  bytes[FLAGS] = (inode.xattrs ? HAS_XATTRS : 0) | (inode.nameless ? NAMELESS : 0);
  bytes.writeUInt16BE(inode.mode, MODE);
  bytes.writeUInt32BE(inode.nlink, NLINK);
  bytes.writeUInt32BE(inode.uid, UID);
  bytes.writeUInt32BE(inode.gid, GID);
  bytes.writeUInt32BE(inode.rdev, RDEV);
  bytes.writeDoubleBE(inode.size, SIZE);
  writeTime(bytes, inode.atime, ATIME);
  writeTime(bytes, inode.mtime, MTIME);
  writeTime(bytes, inode.ctime, CTIME);
  writeTime(bytes, inode.btime, BTIME);
  bytes.writeUInt32BE(inode.version, VERSION);
  bytes.writeUIntBE(inode.parent, PARENT, 6);
  bytes.writeUIntBE(inode.revision, REVISION, 6);
  bytes.writeUInt32BE(owner, OWNER);
  if (tail.length > 0) bytes.set(tail, TAIL);
  return bytes;
}

/** The number of the owner in a record that `decodeInode` took. */
export function ownerNumber(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(OWNER);
}

/** EIO for what is no inode record. */
export function decodeInode(ino: number, bytes: Uint8Array, subjects: SubjectNames): Inode {
  if (bytes.length < TAIL) {
    throw new FsError('EIO', `the record of inode ${ino} is cut off; run nexus fsck`);
  }
  const view = viewOf(bytes);
  const flags = view.getUint8(FLAGS);
  const mode = view.getUint16(MODE);
  const tail = copyFrom(bytes, TAIL);
  const symlink = (mode & S_IFMT) === S_IFLNK;
  return {
    ino,
    mode,
    nlink: view.getUint32(NLINK),
    uid: view.getUint32(UID),
    gid: view.getUint32(GID),
    rdev: view.getUint32(RDEV),
    size: view.getFloat64(SIZE),
    content: symlink ? EMPTY : tail,
    target: symlink ? tail : EMPTY,
    atime: readTime(view, ATIME),
    mtime: readTime(view, MTIME),
    ctime: readTime(view, CTIME),
    btime: readTime(view, BTIME),
    version: view.getUint32(VERSION),
    parent: readU48(view, PARENT),
    owner: subjects.nameOf(view.getUint32(OWNER)),
    revision: readU48(view, REVISION),
    xattrs: (flags & HAS_XATTRS) !== 0,
    nameless: (flags & NAMELESS) !== 0,
  };
}
