/** What passes over the control socket: one JSON object a line, both ways, several requests at a time. */

/** Bytes of content in one message at most. */
export const largestChunk = 256 * 1024;

/** Chars of one line at most: a chunk in base64 and what is around it. */
export const longestLine = 1024 * 1024;

/** From the client: a request; then, where the operation takes a body, its pieces and their end. */
export type ClientMessage =
  | { readonly id: number; readonly op: string; readonly input: unknown }
  /** Content, base64. */
  | { readonly id: number; readonly chunk: string }
  | { readonly id: number; readonly end: true }
  /** The client waits no longer. */
  | { readonly id: number; readonly cancel: true };

/** How far long work has come. */
export interface Progress {
  /** What is being done, as a few words. */
  readonly step: string;
  readonly done: number;
  /** Absent where nobody knows. */
  readonly total?: number;
}

export interface WireError {
  /** A POSIX code, a kind of Failure, or `bug`. */
  readonly code: string;
  readonly message: string;
}

/** From the daemon: pieces of content and progress, then one `ok` or `error`, which ends the request. */
export type ServerMessage =
  | { readonly id: number; readonly ok: unknown }
  | { readonly id: number; readonly error: WireError }
  | { readonly id: number; readonly chunk: string }
  | { readonly id: number; readonly progress: Progress }
  /** More of the body is welcome: the client may send that many chunks more. */
  | { readonly id: number; readonly more: number };

/** Cuts what arrives into lines. Throws when a line is longer than `longestLine`. */
export class LineReader {
  #pieces: Buffer[] = [];
  #length = 0;

  /** The lines that `data` completes. */
  *push(data: Buffer): Generator<string> {
    let start = 0;
    for (let end = data.indexOf(0x0a); end !== -1; end = data.indexOf(0x0a, start)) {
      this.#pieces.push(data.subarray(start, end));
      const line = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
      this.#pieces = [];
      this.#length = 0;
      start = end + 1;
      if (line !== undefined && line.length > 0) yield line.toString('utf8');
    }
    if (start === data.length) return;
    this.#pieces.push(data.subarray(start));
    this.#length += data.length - start;
    if (this.#length > longestLine) throw new Error(`a message is longer than ${longestLine} bytes`);
  }
}
