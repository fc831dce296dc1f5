/** The files a kernel has open, by the number it was given for each. */
import { FsError } from '../base/errors.ts';
import type { FileHandle, NodeId } from '../fs/types.ts';

export interface OpenFile {
  readonly fh: number;
  readonly node: NodeId;
  readonly handle: FileHandle;
  /** The kernel does the I/O on a backing file. */
  readonly backed: boolean;
}

export class OpenFiles {
  readonly #files = new Map<number, OpenFile>();
  readonly #opens = new Map<NodeId, number>();
  #last = 0;

  get size(): number {
    return this.#files.size;
  }

  add(handle: FileHandle, backed: boolean): OpenFile {
    const file = { fh: ++this.#last, node: handle.node, handle, backed };
    this.#files.set(file.fh, file);
    this.#opens.set(file.node, (this.#opens.get(file.node) ?? 0) + 1);
    return file;
  }

  /** The nodes that are open. */
  nodes(): IterableIterator<NodeId> {
    return this.#opens.keys();
  }

  isOpen(node: NodeId): boolean {
    return this.#opens.has(node);
  }

  get(fh: number): OpenFile {
    const file = this.#files.get(fh);
    if (!file) throw new FsError('EBADF', `no open file ${fh}`);
    return file;
  }

  /** It is nobody's any more: the caller releases it. */
  take(fh: number): OpenFile {
    const file = this.get(fh);
    this.#files.delete(fh);
    const opens = this.#opens.get(file.node) ?? 0;
    if (opens > 1) this.#opens.set(file.node, opens - 1);
    else this.#opens.delete(file.node);
    return file;
  }

  takeAll(): OpenFile[] {
    const files = [...this.#files.values()];
    this.#files.clear();
    this.#opens.clear();
    return files;
  }
}
