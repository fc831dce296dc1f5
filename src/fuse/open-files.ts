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
  #last = 0;

  get size(): number {
    return this.#files.size;
  }

  add(handle: FileHandle, backed: boolean): OpenFile {
    const file = { fh: ++this.#last, node: handle.node, handle, backed };
    this.#files.set(file.fh, file);
    return file;
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
    return file;
  }

  takeAll(): OpenFile[] {
    const files = [...this.#files.values()];
    this.#files.clear();
    return files;
  }
}
