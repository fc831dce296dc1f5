/** One client of the control socket: its requests, each with its answer, several at a time. */
import type { Socket } from 'node:net';
import type { BaseContext, Context } from '../api/operation.ts';
import { LineReader } from '../api/protocol.ts';
import type { ClientMessage, Progress, ServerMessage } from '../api/protocol.ts';
import { runOperation, wireError } from '../api/run.ts';
import { BodyQueue } from './body-queue.ts';
import { logBug } from './log.ts';

interface Request {
  readonly op: string;
  readonly abort: AbortController;
  readonly body: BodyQueue;
  readonly done: Promise<void>;
}

/** Progress is told at most so often. */
const progressEvery = 200;

export class ControlConnection {
  readonly #socket: Socket;
  readonly #base: BaseContext;
  readonly #requests = new Map<number, Request>();
  #quiet = false;

  constructor(socket: Socket, base: BaseContext, closed: () => void) {
    this.#socket = socket;
    this.#base = base;
    const lines = new LineReader();
    socket.on('data', (data) => {
      try {
        for (const line of lines.push(data)) this.#receive(JSON.parse(line) as ClientMessage);
      } catch {
        // Whoever speaks something else has no right to an answer.
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const request of this.#requests.values()) {
        request.abort.abort();
        request.body.fail(new DOMException('the client is gone', 'AbortError'));
      }
      closed();
    });
  }

  /** Takes no new requests and ends those under way, except `stop`, which asked for it. */
  async quiet(): Promise<void> {
    this.#quiet = true;
    const others = [...this.#requests.values()].filter((request) => request.op !== 'stop');
    for (const request of others) {
      request.abort.abort();
      request.body.fail(new DOMException('the daemon ends', 'AbortError'));
    }
    await Promise.all(others.map((request) => request.done));
  }

  /** Waits for the answers under way and hangs up. */
  async close(): Promise<void> {
    await Promise.all([...this.#requests.values()].map((request) => request.done));
    await new Promise<void>((resolve) => {
      if (this.#socket.destroyed) resolve();
      else this.#socket.end(resolve);
    });
    this.#socket.destroy();
  }

  #receive(message: ClientMessage): void {
    const request = this.#requests.get(message.id);
    if ('op' in message) {
      const refusal = { code: 'unreachable', message: 'the daemon is about to end: try again' };
      if (this.#quiet) this.#send({ id: message.id, error: refusal });
      else if (!request) this.#start(message.id, message.op, message.input);
    } else if ('chunk' in message) request?.body.push(Buffer.from(message.chunk, 'base64'));
    else if ('end' in message) request?.body.end();
    else {
      request?.abort.abort();
      request?.body.fail(new DOMException('cancelled', 'AbortError'));
    }
  }

  #start(id: number, op: string, input: unknown): void {
    const abort = new AbortController();
    const body = new BodyQueue(() => this.#send({ id, more: 1 }));
    const context: Context = {
      ...this.#base,
      caller: { ...this.#base.caller, signal: abort.signal },
      signal: abort.signal,
      body,
      send: (piece) => this.#sent({ id, chunk: base64(piece) }),
      report: this.#reporter(id),
    };
    const done = runOperation(op, input, context).then(
      (ok) => this.#finish({ id, ok: ok ?? null }),
      (error: unknown) => this.#finish({ id, error: describe(op, error) }),
    );
    this.#requests.set(id, { op, abort, body, done });
  }

  #reporter(id: number): (progress: Progress) => void {
    let last = 0;
    return (progress) => {
      const now = performance.now();
      if (now - last < progressEvery) return;
      last = now;
      this.#send({ id, progress });
    };
  }

  async #finish(message: ServerMessage): Promise<void> {
    await this.#sent(message);
    this.#requests.delete(message.id);
  }

  #send(message: ServerMessage): void {
    if (this.#socket.writable) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  /** Resolves when the client has taken it, or is gone. */
  #sent(message: ServerMessage): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#socket.writable) resolve();
      else this.#socket.write(`${JSON.stringify(message)}\n`, () => resolve());
    });
  }
}

function base64(piece: Uint8Array): string {
  return Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('base64');
}

function describe(op: string, error: unknown): { code: string; message: string } {
  const known = wireError(error);
  if (known) return known;
  logBug(`operation ${op}`, error);
  return { code: 'bug', message: `${op} failed in an unexpected way; the daemon's log tells more` };
}
