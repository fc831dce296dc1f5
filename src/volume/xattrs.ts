/** Extended attributes: which namespaces are kept, and the virtual ones that tell of the content. */
import type { Caller } from '../base/caller.ts';
import { FsError } from '../base/errors.ts';
import { nameToText } from '../base/names.ts';
import type { Name } from '../base/names.ts';
import { decodeContent } from '../cas/content.ts';
import { S_IFDIR, S_IFMT, S_IFREG } from '../fs/types.ts';
import type { XattrMode } from '../fs/types.ts';
import type { Inode } from '../meta/types.ts';
import { hashStaged } from './hash-staged.ts';
import type { OpenFiles } from './open-files.ts';
import type { Parts } from './types.ts';

const HASH = 'user.nexus.hash';
const VERSION = 'user.nexus.version';

export class Xattrs {
  readonly #parts: Parts;
  readonly #files: OpenFiles;

  constructor(parts: Parts, files: OpenFiles) {
    this.#parts = parts;
    this.#files = files;
  }

  async get(caller: Caller, ino: number, name: Name): Promise<Uint8Array> {
    if ((name as string) === HASH || (name as string) === VERSION) return this.#virtual(ino, name);
    await this.#inode(ino);
    refuseUnkept(name);
    if (hiddenFrom(caller, name)) throw absent(name);
    return this.#parts.namespace.getxattr(ino, name);
  }

  async set(caller: Caller, ino: number, name: Name, value: Uint8Array, mode: XattrMode): Promise<void> {
    refuseChange(caller, await this.#inode(ino), name);
    await this.#parts.namespace.setxattr(ino, name, value, mode);
    const file = this.#files.get(ino);
    if (file !== undefined) file.privileged = true;
  }

  async remove(caller: Caller, ino: number, name: Name): Promise<void> {
    refuseChange(caller, await this.#inode(ino), name);
    await this.#parts.namespace.removexattr(ino, name);
  }

  /** The virtual ones are not listed: tools that copy all attributes would stumble over them. */
  async list(caller: Caller, ino: number): Promise<readonly Name[]> {
    const inode = await this.#inode(ino);
    if (!inode.xattrs) return [];
    const names = await this.#parts.namespace.listxattr(ino);
    return names.filter((name) => !hiddenFrom(caller, name));
  }

  async #inode(ino: number): Promise<Inode> {
    const inode = await this.#parts.namespace.inode(ino);
    if (inode === undefined) throw new FsError('ESTALE', `there is no inode ${String(ino)} any more`);
    return inode;
  }

  async #virtual(ino: number, name: Name): Promise<Uint8Array> {
    const file = this.#files.get(ino);
    if (file !== undefined) this.#files.commits.hurry(file);
    await file?.committing?.catch(() => undefined);
    const inode = await this.#inode(ino);
    if ((inode.mode & S_IFMT) !== S_IFREG) throw absent(name);
    if ((name as string) === VERSION) return Buffer.from(String(inode.version));
    file?.observe();
    const hash =
      file?.staging !== undefined && file.changed
        ? await hashStaged(file)
        : await this.#parts.content.hashOf(decodeContent(inode.content), inode.size);
    return Buffer.from(Buffer.from(hash, 'latin1').toString('hex'));
  }
}

function absent(name: Name): FsError {
  return new FsError('ENODATA', `there is no attribute ${nameToText(name)}`);
}

/** Only root sees trusted.*, as xattr(7) has it. */
function hiddenFrom(caller: Caller, name: Name): boolean {
  return caller.uid !== 0 && name.startsWith('trusted.');
}

const kept = ['user.', 'trusted.', 'security.'];

function refuseUnkept(name: Name): void {
  const space = kept.find((prefix) => name.startsWith(prefix));
  if (space !== undefined && name.length > space.length) return;
  if (space !== undefined) throw new FsError('EINVAL', `an attribute needs a name after ${space}`);
  throw new FsError('EOPNOTSUPP', `attributes like ${nameToText(name)} are not kept; user.* are`);
}

function refuseChange(caller: Caller, inode: Inode, name: Name): void {
  refuseUnkept(name);
  if (name.startsWith('user.nexus.')) {
    throw new FsError('EPERM', `${nameToText(name)} tells of the content; it cannot be changed`);
  }
  if (!name.startsWith('user.')) {
    if (caller.uid !== 0) throw new FsError('EPERM', `only root changes ${nameToText(name)}`);
    return;
  }
  const type = inode.mode & S_IFMT;
  if (type !== S_IFREG && type !== S_IFDIR) {
    throw new FsError('EPERM', 'user.* attributes are for regular files and directories only');
  }
}
