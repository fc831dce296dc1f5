/** The control socket: lets the owner of the data directory run operations. */
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { controlSocket } from '../api/data-directory.ts';
import type { BaseContext } from '../api/operation.ts';
import { loadNative } from '../host/native.ts';
import { ControlConnection } from './control-connection.ts';
import { log } from './log.ts';

export interface ControlOptions {
  readonly data: string;
  /** What operations run with, less what belongs to one request. */
  context(peer: { readonly uid: number; readonly gid: number; readonly pid: number }): BaseContext;
  /** The number of connected clients changed. */
  clients(count: number): void;
}

export class ControlServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #options: ControlOptions;
  readonly #connections = new Set<ControlConnection>();
  #quiet = false;

  private constructor(options: ControlOptions) {
    this.#options = options;
    this.#server = createServer((socket) => {
      this.#accept(socket);
    });
  }

  /** Listens. The caller holds the lock of the data directory, so a socket that is there is a dead daemon's. */
  static async open(options: ControlOptions): Promise<ControlServer> {
    const control = new ControlServer(options);
    rmSync(join(options.data, 'control.sock'), { force: true });
    using address = controlSocket(options.data);
    // The mask decides the mode the socket is born with: there is no moment at which others could connect.
    const mask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        control.#server.once('error', reject);
        control.#server.listen(address.path, resolve);
      });
    } finally {
      process.umask(mask);
    }
    return control;
  }

  #accept(socket: Socket): void {
    const peer = peerOf(socket);
    if (!peer || (peer.uid !== 0 && peer.uid !== process.getuid?.())) {
      log(`refused a client of uid ${peer?.uid ?? 'unknown'}`);
      socket.destroy();
      return;
    }
    const connection = new ControlConnection(socket, this.#options.context(peer), () => {
      this.#connections.delete(connection);
      this.#options.clients(this.#connections.size);
    });
    this.#connections.add(connection);
    if (this.#quiet) void connection.quiet();
    this.#options.clients(this.#connections.size);
  }

  /** Takes no new requests and ends those under way, except `stop`. */
  async quiet(): Promise<void> {
    this.#quiet = true;
    await Promise.all([...this.#connections].map((connection) => connection.quiet()));
  }

  /** Takes no new clients, lets the answers under way leave, then hangs up. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    rmSync(join(this.#options.data, 'control.sock'), { force: true });
    await Promise.all([...this.#connections].map((connection) => connection.close()));
    await closed;
  }
}

/** Who is at the other end, as the kernel says. Node keeps the descriptor of a socket to itself but for this field. */
function peerOf(socket: Socket): { uid: number; gid: number; pid: number } | undefined {
  const fd = (socket as unknown as { readonly _handle?: { readonly fd?: number } })._handle?.fd;
  return fd === undefined || fd < 0 ? undefined : loadNative().peerCredentials(fd);
}
