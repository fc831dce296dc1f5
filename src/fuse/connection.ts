/** One mount's connection to its kernel, as the handlers of requests see it: what they work on, and how they answer. */
import { FsError } from '../base/errors.ts';
import type { Name } from '../base/names.ts';
import type { Attr, FileSystem, NodeId } from '../fs/types.ts';
import type { Device } from '../host/native.ts';
import { Backings } from './backings.ts';
import { Buffers } from './buffers.ts';
import { errno } from './errno.ts';
import { Frame } from './frame.ts';
import { ThreadGroups } from './groups.ts';
import { Latencies } from './latency.ts';
import type { Locks } from './locks.ts';
import type { Protocol } from './negotiate.ts';
import { CachedNodes } from './cached-nodes.ts';
import { CachedPages, KnownNodes, SetIdFiles } from './nodes.ts';
import { OpenFiles } from './open-files.ts';
import { ATTR_OUT_SIZE, ENTRY_SIZE, EPOCH_MINOR, NAME_MAX, notify, OUT_HEADER, ROOT_ID } from './protocol.ts';
import type { Edge, Request } from './request.ts';

/** Seconds the kernel may believe what it was told. */
export interface Timeouts {
  readonly entry: number;
  readonly attr: number;
  /** Names that do not exist. */
  readonly negative: number;
}

/** What the kernel may not keep at all. */
const nothingKept: Timeouts = { entry: 0, attr: 0, negative: 0 };

export interface ConnectionOptions {
  readonly fs: FileSystem;
  readonly device: Device;
  /** Shared by all mounts of the same nodes. */
  readonly locks: Locks;
  /** The id of the mount: `Caller.via` of everything that comes through it. */
  readonly via: number;
  readonly subject: string;
  readonly zone: string;
  /** The node that is the root of the mount. */
  readonly root: NodeId;
  readonly timeouts: Timeouts;
  /** Ask the FileSystem for host files that the kernel does the I/O on, where the kernel can. */
  readonly passthrough: boolean;
  /** The kernel keeps listings until it is told otherwise; only where every change by others is announced. */
  readonly cacheDirectories: boolean;
  /** Do size and times of the node change without announcement, because another mount's kernel writes it? */
  readonly writtenElsewhere: (node: NodeId, via: number) => boolean;
  /**
   * What the subject may do can be taken away (`revoke`): the kernel keeps only what it can be made to drop, node by node, and no listings.
   */
  readonly restricted?: boolean;
  /**
   * Makes it a mount of several subjects: whose the requests of a user id are. A user without one gets EACCES for everything. The kernel shares
   * what it caches among all users, so it keeps nothing: no names, no attributes, no pages (every open is DIRECT_IO, which no read by another
   * user can fill behind its back, as a page cache dropped at each open could be).
   */
  readonly subjectOf?: (uid: number) => string | undefined;
  readonly log: (text: string) => void;
}

export class Connection {
  readonly fs: FileSystem;
  readonly device: Device;
  readonly locks: Locks;
  readonly options: ConnectionOptions;
  readonly edge: Edge;
  readonly frame = new Frame();
  /** For notifications, which may be due while a reply is being built. */
  readonly #notices = new Frame(2 * NAME_MAX);
  readonly buffers = new Buffers();
  readonly files = new OpenFiles();
  readonly backings: Backings;
  readonly known = new KnownNodes();
  readonly setId = new SetIdFiles();
  readonly pages = new CachedPages();
  /** What a restricted mount's kernel keeps attributes of. */
  readonly cached: CachedNodes | undefined;
  readonly latencies = new Latencies();
  /** Undefined until INIT. */
  protocol: Protocol | undefined;
  #timeouts: Timeouts;
  /** Called when INIT was answered, with a reason when the kernel cannot be served. */
  onReady: (refused?: string) => void = () => undefined;

  constructor(options: ConnectionOptions) {
    this.options = options;
    this.fs = options.fs;
    this.device = options.device;
    this.locks = options.locks;
    this.backings = new Backings(options.device);
    const { subject, zone, via, root, subjectOf } = options;
    const groups = new ThreadGroups();
    this.edge = { subject, zone, via, root, groups, subjectOf, generation: 0, interrupts: new Map() };
    this.known.add(root);
    this.#timeouts = this.shared ? nothingKept : options.timeouts;
    if (options.restricted === true)
      this.cached = new CachedNodes((node, offset) => this.dropNode(node, offset, 0));
  }

  /** Several subjects use it. */
  get shared(): boolean {
    return this.edge.subjectOf !== undefined;
  }

  /** Both sides know what the other can. */
  agreed(protocol: Protocol): void {
    this.protocol = protocol;
    // Names that cannot be dropped all at once are not kept where they may have to be.
    if (this.options.restricted === true && protocol.minor < EPOCH_MINOR) {
      this.#timeouts = { ...this.#timeouts, entry: 0, negative: 0 };
    }
  }

  /** Passthrough can be asked for. */
  get passthrough(): boolean {
    return this.protocol?.passthrough === true && this.backings.possible;
  }

  /** The kernel may keep listings. */
  get keepsListings(): boolean {
    return this.options.cacheDirectories && this.options.restricted !== true && !this.shared;
  }

  /** The kernel's number of a node. */
  number(node: NodeId): number {
    return node === this.edge.root ? ROOT_ID : node;
  }

  /** Has nothing been revoked since the request arrived? */
  current(request: Request): boolean {
    return request.generation === this.edge.generation;
  }

  /** How long the kernel may keep what the request is answered with. */
  #kept(request: Request): Timeouts {
    return this.current(request) ? this.#timeouts : nothingKept;
  }

  /** Seconds for which these attributes are right; takes notice of what the kernel is about to learn. */
  attrSeconds(request: Request, attr: Attr): number {
    this.known.add(attr.node);
    this.setId.note(attr);
    const { attr: seconds } = this.#kept(request);
    if (seconds === 0 || this.options.writtenElsewhere(attr.node, this.edge.via)) return 0;
    this.cached?.add(attr);
    return seconds;
  }

  /** Sends what the frame holds, `length` bytes of payload. 0, or a negative errno: -ENOENT when nobody waits for it any more. */
  send(request: Request, length: number): number {
    this.frame.header(OUT_HEADER + length, 0, request.unique);
    this.#finish(request, false);
    return this.device.send(this.frame.bytes, OUT_HEADER + length);
  }

  /** Sends `length` bytes of `data`, which are not copied first. */
  sendData(request: Request, data: Uint8Array, length: number): number {
    this.frame.header(OUT_HEADER + length, 0, request.unique);
    this.#finish(request, false);
    if (length === 0) return this.device.send(this.frame.bytes, OUT_HEADER);
    return this.device.send(this.frame.bytes, OUT_HEADER, data, length);
  }

  /** Success without a payload. */
  done(request: Request): void {
    this.send(request, 0);
  }

  /** The error itself, given as an errno. */
  refuse(request: Request, error: number): void {
    this.frame.header(OUT_HEADER, error, request.unique);
    this.#finish(request, true);
    this.device.send(this.frame.bytes, OUT_HEADER);
  }

  #finish(request: Request, failed: boolean): void {
    request.finish();
    this.latencies.record(request.opcode, performance.now() - request.started, failed);
  }

  /** What a handler threw, answered as an errno; what is no error of the domain is a defect, which is told and shown as EIO. */
  fail(request: Request, error: unknown): void {
    let code = errno.EIO;
    if (error instanceof FsError) {
      // The kernel takes ENOSYS as a word about the whole mount and would never ask again.
      code = errno[error.code === 'ENOSYS' ? 'EOPNOTSUPP' : error.code];
    } else if (request.interrupted) {
      code = errno.EINTR;
    } else {
      this.options.log(`request ${request.opcode} on node ${request.node} failed: ${textOf(error)}`);
    }
    if (!request.replied) this.refuse(request, code);
  }

  /** `struct fuse_entry_out` into the frame. */
  putEntry(request: Request, at: number, attr: Attr): void {
    const { entry } = this.#kept(request);
    this.frame.entry(at, this.number(attr.node), entry, this.attrSeconds(request, attr));
    this.frame.attr(at + 40, attr, attr.node);
  }

  entry(request: Request, attr: Attr): void {
    this.putEntry(request, 0, attr);
    this.send(request, ENTRY_SIZE);
  }

  /** The name does not exist, and the kernel may remember so. */
  negative(request: Request): void {
    const { negative } = this.#kept(request);
    if (negative <= 0) {
      this.refuse(request, errno.ENOENT);
      return;
    }
    this.frame.clear(0, ENTRY_SIZE);
    this.frame.entry(0, 0, negative, 0);
    this.send(request, ENTRY_SIZE);
  }

  attr(request: Request, attr: Attr): void {
    const seconds = this.attrSeconds(request, attr);
    const whole = Math.floor(seconds);
    this.frame.u64(0, whole);
    this.frame.u32(8, (seconds - whole) * 1e9);
    this.frame.u32(12, 0);
    this.frame.attr(16, attr, attr.node);
    this.send(request, ATTR_OUT_SIZE);
  }

  /** Has the notifier drop attributes (offset -1), or pages from `offset` on too (`length` 0: all of them), that this kernel has cached. */
  dropNode(node: NodeId, offset: number, length: number): void {
    const size = OUT_HEADER + 24;
    const notices = this.#notices;
    notices.notification(size, notify.INVAL_INODE);
    notices.u64(0, this.number(node));
    notices.u64(8, offset);
    notices.u64(16, length);
    this.device.notify(notices.bytes.subarray(0, size));
  }

  /** Has the notifier drop a name, or that it does not exist. */
  dropEntry(parent: NodeId, name: Name): void {
    if (name.length > NAME_MAX) return;
    const size = OUT_HEADER + 16 + name.length + 1;
    const notices = this.#notices;
    notices.notification(size, notify.INVAL_ENTRY);
    notices.u64(0, this.number(parent));
    notices.u32(8, name.length);
    notices.u32(12, 0);
    notices.name(16, name, name.length + 1);
    this.device.notify(notices.bytes.subarray(0, size));
  }

  get canForgetNames(): boolean {
    return (this.protocol?.minor ?? 0) >= EPOCH_MINOR;
  }

  /** Has the kernel ask for every name again. Takes no lock, so it leaves from this thread. */
  forgetNames(): void {
    this.#notices.notification(OUT_HEADER, notify.INC_EPOCH);
    this.device.send(this.#notices.bytes, OUT_HEADER);
  }

  /** Ends what waits: each request whose signal somebody looks at. */
  interruptAll(): void {
    for (const controller of this.edge.interrupts.values()) controller.abort();
  }

  /** Lets go of what the kernel still had open and locked, once nothing is being served any more. */
  async close(): Promise<void> {
    this.locks.dropMount(this.edge.via);
    const caller = { ...closing, subject: this.edge.subject, zone: this.edge.zone, via: this.edge.via };
    for (const { node, handle, backed } of this.files.takeAll()) {
      if (backed) this.backings.drop(node);
      await this.logged(`closing node ${node}`, handle.release(caller));
    }
  }

  /** For what has nobody left to report to. */
  async logged(what: string, result: Promise<void>): Promise<void> {
    try {
      await result;
    } catch (error) {
      this.options.log(`${what} failed: ${textOf(error)}`);
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const closing = { uid: 0, gid: 0, groups: [], pid: 0, umask: 0 };
