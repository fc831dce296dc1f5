/** The client's end of the control socket. */
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { controlSocket } from '../api/data-directory.ts';
import { Failure, isFailureKind } from '../api/failure.ts';
import { largestChunk, LineReader } from '../api/protocol.ts';
import type { ClientMessage, Progress, ServerMessage, WireError } from '../api/protocol.ts';
import type { Input, OperationName, Output } from '../api/table.ts';

export interface CallOptions {
  /** Content for operations that take it. */
  readonly body?: AsyncIterable<Uint8Array>;
  /** Content from operations that send it; what it returns is waited for. */
  readonly received?: (piece: Buffer) => void | Promise<void>;
  readonly progress?: (progress: Progress) => void;
}

/** An operation's failure, as the daemon tells it: the code of a FsError, or `bug`. */
export class OperationFailed extends Error {
  override readonly name = 'OperationFailed';
  readonly code: string;

  constructor(error: WireError) {
    super(error.message);
    this.code = error.code;
  }
}

/** Pieces of a body that may be under way before the daemon asks for more. */
const window = 4;

interface Call {
  readonly options: CallOptions;
  resolve(value: unknown): void;
  reject(error: Error): void;
  /** Content received so far has been dealt with. */
  drained: Promise<void>;
  credit: number;
  wake: (() => void) | undefined;
  over: boolean;
}

export class ControlClient implements Disposable {
  readonly #socket: Socket;
  readonly #calls = new Map<number, Call>();
  #lastId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const lines = new LineReader();
    socket.on('data', (data) => {
      for (const line of lines.push(data)) this.#receive(JSON.parse(line) as ServerMessage);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      const gone = new Failure('unreachable', 'the daemon went away before it answered: its log tells more');
      for (const call of this.#calls.values()) this.#end(call, () => call.reject(gone));
      this.#calls.clear();
    });
  }

  /** Undefined when no daemon listens in the data directory. */
  static async connect(data: string): Promise<ControlClient | undefined> {
    let address: ReturnType<typeof controlSocket>;
    try {
      address = controlSocket(data);
    } catch {
      return undefined;
    }
    using path = address;
    const socket = createConnection(path.path);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EPERM') {
        throw new Failure(
          'unreachable',
          `the daemon of ${data} belongs to another user: run the command as that user or as root`,
        );
      }
      return undefined;
    }
    socket.removeAllListeners('error');
    return new ControlClient(socket);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  /** Runs an operation. Failure for the kinds of failures.ts, OperationFailed for the rest. */
  call<N extends OperationName>(op: N, input: Input<N>, options: CallOptions = {}): Promise<Output<N>> {
    const id = ++this.#lastId;
    return new Promise<Output<N>>((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Failure('unreachable', 'the daemon went away'));
        return;
      }
      const call: Call = {
        options,
        resolve,
        reject,
        drained: Promise.resolve(),
        credit: window,
        wake: undefined,
        over: false,
      };
      this.#calls.set(id, call);
      this.#send({ id, op, input });
      if (options.body) {
        this.#sendBody(id, call, options.body).catch((error: unknown) => {
          this.#send({ id, cancel: true });
          this.#calls.delete(id);
          this.#end(call, () => {
            reject(error instanceof Error ? error : new Error(String(error)));
          });
        });
      }
    });
  }

  #send(message: ClientMessage): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  async #sendBody(id: number, call: Call, body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of body) {
      for (let start = 0; start < piece.length; start += largestChunk) {
        while (call.credit === 0 && !call.over) {
          await new Promise<void>((resolve) => {
            call.wake = resolve;
          });
        }
        if (call.over) return;
        call.credit--;
        const part = piece.subarray(start, start + largestChunk);
        this.#send({ id, chunk: Buffer.from(part).toString('base64') });
      }
    }
    this.#send({ id, end: true });
  }

  #end(call: Call, settle: () => void): void {
    call.over = true;
    call.wake?.();
    settle();
  }

  #receive(message: ServerMessage): void {
    const call = this.#calls.get(message.id);
    if (!call) return;
    if ('chunk' in message) this.#received(call, Buffer.from(message.chunk, 'base64'));
    else if ('progress' in message) call.options.progress?.(message.progress);
    else if ('more' in message) {
      call.credit += message.more;
      call.wake?.();
    } else {
      this.#calls.delete(message.id);
      const failed = 'error' in message ? failure(message.error) : undefined;
      this.#end(call, () => {
        call.drained.then(
          () => {
            if (failed) call.reject(failed);
            else if ('ok' in message) call.resolve(message.ok);
          },
          (error: unknown) => {
            call.reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      });
    }
  }

  /** Stops reading while the receiver is slow: the daemon then waits, too. */
  #received(call: Call, piece: Buffer): void {
    const { received } = call.options;
    if (!received) return;
    this.#socket.pause();
    call.drained = call.drained
      .then(() => received(piece))
      .finally(() => {
        this.#socket.resume();
      });
    call.drained.catch(() => undefined);
  }
}

function failure(error: WireError): Error {
  return isFailureKind(error.code) ? new Failure(error.code, error.message) : new OperationFailed(error);
}
