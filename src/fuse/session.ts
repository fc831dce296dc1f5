/** Serves one connection: takes messages off the device, has them answered, and ends tidily. */
import type { Device } from '../host/native.ts';
import type { ConnectionOptions } from './connection.ts';
import { Connection } from './connection.ts';
import { errno } from './errno.ts';
import type { Change } from './invalidate.ts';
import { Invalidation } from './invalidate.ts';
import type { Latency } from './latency.ts';
import { IN_HEADER, opcode } from './protocol.ts';
import { Request } from './request.ts';
import type { Allowed } from './revoke.ts';
import { revoke } from './revoke.ts';
import { operations } from './table.ts';

/** Longest wait of a change for another mount's kernel, in milliseconds. */
const PATIENCE = 50;

export interface SessionStats {
  /** By operation; those that were never asked for are left out. */
  readonly operations: Readonly<Record<string, Latency>>;
  readonly openFiles: number;
  /** Messages that were none. */
  readonly malformed: number;
  readonly device: Readonly<Record<string, number>>;
}

/** Can be subscribed to an observed FileSystem as a listener: `via` and `changed` are what it asks for. */
export class Session implements AsyncDisposable {
  readonly via: number;
  /** Resolves once, when the connection is over: with undefined when it was unmounted or closed, else with what went wrong. */
  readonly ended: Promise<string | undefined>;
  readonly #connection: Connection;
  readonly #device: Device;
  readonly #invalidation: Invalidation;
  readonly #end: (error: string | undefined) => void;
  #running = 0;
  /** Resolves what waits for the last request that is being served. */
  #idle: (() => void) | undefined;
  readonly #finished = () => {
    if (--this.#running === 0) this.#idle?.();
  };
  #malformed = 0;
  #closed: Promise<void> | undefined;

  constructor(options: ConnectionOptions) {
    this.via = options.via;
    this.#device = options.device;
    this.#connection = new Connection(options);
    this.#invalidation = new Invalidation(this.#connection, PATIENCE);
    const { promise, resolve } = withResolvers<string | undefined>();
    this.ended = promise;
    this.#end = resolve;
  }

  /** Starts reading; resolves when the kernel and we have agreed on the protocol. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.onReady = (refused) => {
        if (refused === undefined) resolve();
        else reject(new Error(refused));
      };
      this.#device.start(
        (message, length) => {
          this.#receive(message, length);
        },
        (error) => {
          reject(new Error(error ?? 'unmounted before the first request'));
          this.#end(error);
          void this.close();
        },
      );
    });
  }

  /** What others changed, for this kernel to drop what it has cached of it. */
  changed(change: Change): Promise<void> | undefined {
    return this.#closed ? undefined : this.#invalidation.changed(change);
  }

  /** Resolves when this kernel shows nothing any more that its subject may not see. */
  async revoke(allowed: Allowed, patience?: number): Promise<void> {
    if (!this.#closed) await revoke(this.#connection, allowed, patience);
  }

  #receive(message: Buffer, length: number): void {
    if (length < IN_HEADER || message.readUInt32LE(0) !== length) {
      this.#malformed++;
      return;
    }
    const connection = this.#connection;
    const request = new Request(connection.edge, message, length, performance.now());
    const operation = operations[request.opcode];
    if (operation === undefined) {
      connection.refuse(request, errno.ENOSYS);
      return;
    }
    if (request.bodyLength < operation.body || (!connection.protocol && request.opcode !== opcode.init)) {
      this.#malformed++;
      if (!operation.silent) connection.refuse(request, errno.EINVAL);
      return;
    }
    const { subjectOf } = connection.edge;
    if (subjectOf !== undefined && !operation.anybody && subjectOf(request.uid) === undefined) {
      connection.refuse(request, errno.EACCES);
      return;
    }
    try {
      const result = operation.run(connection, request);
      if (result === undefined) {
        if (operation.silent) connection.latencies.record(request.opcode, 0, false);
      } else {
        this.#await(request, result);
      }
    } catch (error) {
      connection.fail(request, error);
    }
  }

  #await(request: Request, result: Promise<void>): void {
    this.#running++;
    result.then(this.#finished, (error: unknown) => {
      this.#connection.fail(request, error);
      this.#finished();
    });
  }

  stats(): SessionStats {
    const counted: Record<string, Latency> = {};
    for (const [number, operation] of operations.entries()) {
      const latency = this.#connection.latencies.of(number);
      if (operation && latency) counted[operation.name] = latency;
    }
    return {
      operations: counted,
      openFiles: this.#connection.files.size,
      malformed: this.#malformed,
      device: this.#device.stats(),
    };
  }

  /** Ends the connection, whatever its state; resolves when every request and every open file has been dealt with. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#device.close();
    this.#end(undefined);
    this.#connection.interruptAll();
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
