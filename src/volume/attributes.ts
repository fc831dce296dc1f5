/** Attributes as stat(2) shows them: the inode's, with the size, times and blocks of what is staged. */
import type { Awaitable } from '../base/awaitable.ts';
import { compareTimes } from '../base/time.ts';
import { decodeContent } from '../cas/content.ts';
import type { Content } from '../cas/types.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../fs/types.ts';
import type { Attr } from '../fs/types.ts';
import type { Inode } from '../meta/types.ts';
import { after } from './after.ts';
import type { OpenFile } from './open-file.ts';
import type { OpenFiles } from './open-files.ts';
import { slotState } from './slot-io.ts';
import type { Parts } from './types.ts';

/** Objects whose blocks are remembered. */
const REMEMBERED = 4096;

export class Attributes {
  readonly #parts: Parts;
  readonly #files: OpenFiles;
  /** Object -> its blocks: an object never changes. */
  readonly #blocks = new Map<number, number>();

  constructor(parts: Parts, files: OpenFiles) {
    this.#parts = parts;
    this.#files = files;
  }

  of(inode: Inode): Awaitable<Attr> {
    const type = inode.mode & S_IFMT;
    if (type !== S_IFREG) return plain(inode, type === S_IFDIR ? roomOf(inode.size) : 0);
    const file = this.#files.get(inode.ino);
    if (file?.staging !== undefined) return this.#staged(inode, file);
    if (inode.content.length === 0) return plain(inode, 0);
    const blocks = this.#contentBlocks(decodeContent(inode.content), inode.size);
    return typeof blocks === 'number' ? plain(inode, blocks) : blocks.then((count) => plain(inode, count));
  }

  #staged(inode: Inode, file: OpenFile): Awaitable<Attr> {
    const { staging } = file;
    if (staging === undefined) return plain(inode, 0);
    const state = file.observe() ?? slotState(this.#parts.native, staging.slot.fd);
    if (staging.kind === 'complete') return staged(inode, file, state.blocks);
    return after(this.#contentBlocks(file.base, file.baseSize), (base) =>
      staged(inode, file, base + state.blocks),
    );
  }

  #contentBlocks(content: Content, size: number): Awaitable<number> {
    if (content.kind === 'zero') return 0;
    if (content.kind === 'block') return roomOf(size);
    const known = this.#blocks.get(content.id);
    return known ?? this.#count(content, content.id, size);
  }

  async #count(content: Content, id: number, size: number): Promise<number> {
    let bytes = 0;
    for (let at = 0; at < size; ) {
      const data = await this.#parts.content.extents(content, size, at, 'data');
      if (data === -1) break;
      const hole = await this.#parts.content.extents(content, size, data, 'hole');
      at = hole === -1 ? size : hole;
      bytes += at - data;
    }
    const blocks = roomOf(bytes);
    if (this.#blocks.size >= REMEMBERED) {
      for (const oldest of this.#blocks.keys()) {
        this.#blocks.delete(oldest);
        break;
      }
    }
    this.#blocks.set(id, blocks);
    return blocks;
  }
}

/** Units of 512 bytes, in whole pages as disks give them out. */
function roomOf(bytes: number): number {
  return Math.ceil(bytes / 4096) * 8;
}

function plain(inode: Inode, blocks: number): Attr {
  const { mode, nlink, uid, gid, rdev, size, atime, mtime, ctime, btime, version } = inode;
  const attr = {
    node: inode.ino,
    mode,
    nlink,
    uid,
    gid,
    rdev,
    size,
    blocks,
    atime,
    mtime,
    ctime,
    btime,
    version,
  };
  return (inode.mode & S_IFMT) !== S_IFDIR ? attr : { ...attr, parent: inode.parent };
}

function staged(inode: Inode, file: OpenFile, blocks: number): Attr {
  const { pending, size } = file;
  if (pending === undefined) return { ...plain(inode, blocks), size };
  const ctime = compareTimes(pending, inode.ctime) > 0 ? pending : inode.ctime;
  return { ...plain(inode, blocks), size, mtime: pending, ctime };
}
