/** The composition root: from a data directory to a running program. */
import type { Program, Status } from '../api/program.ts';
import { FsError } from '../base/errors.ts';
import { guard } from '../vfs/guard.ts';
import { span } from '../vfs/mounted.ts';
import type { NodeId } from '../fs/types.ts';
import { MountTable } from '../vfs/mount-table.ts';
import { observe } from '../vfs/observe.ts';
import { TreeFiles } from '../vfs/files.ts';
import { hostClock } from './clock.ts';
import { ControlServer } from './control-server.ts';
import { dataFailure, openDataDirectory } from './data-directory.ts';
import type { DataDirectory } from './data-directory.ts';
import { callerOf } from './identity.ts';
import { Linger } from './linger.ts';
import { LiveMounts } from './live-mounts.ts';
import { log, logBug } from './log.ts';
import { Maintenance } from './maintenance.ts';
import { openRights } from './rights.ts';
import type { Rights } from './rights.ts';
import { openStorage } from './storage.ts';
import type { Storage } from './storage.ts';

export interface DaemonOptions {
  readonly data: string;
  readonly version: string;
  /** Stay when nothing is mounted and nobody is connected. */
  readonly keep: boolean;
  /** Open damaged data with what is readable. */
  readonly repair: boolean;
}

/** How long a daemon stays without mounts and clients: the next command of a script finds it running. */
const lingering = 10_000;

/** The number of the default volume in the mount table: it decides its inode numbers, so it stays. */
const workspace = 1;

/** Runs the daemon of one data directory. Failures of its start as Failure. */
export class Daemon {
  /** Resolves when everything is closed. */
  readonly ended: Promise<void>;
  readonly #options: DaemonOptions;
  readonly #directory: DataDirectory;
  readonly #storage: Storage;
  readonly #rights: Rights;
  readonly #mounts: LiveMounts;
  readonly #maintenance: Maintenance;
  readonly #linger: Linger;
  readonly #started = new Date();
  #control: ControlServer | undefined;
  #closing: Promise<void> | undefined;
  #end: () => void = () => undefined;

  private constructor(
    options: DaemonOptions,
    directory: DataDirectory,
    storage: Storage,
    rights: Rights,
    mounts: LiveMounts,
  ) {
    this.#options = options;
    this.#directory = directory;
    this.#storage = storage;
    this.#rights = rights;
    this.#mounts = mounts;
    this.#maintenance = new Maintenance(storage);
    this.#linger = new Linger(options.keep ? Infinity : lingering, () => {
      log('no mounts and no clients any more');
      void this.stop();
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  static async open(options: DaemonOptions): Promise<Daemon> {
    const directory = await openDataDirectory(options.data);
    let opened: Storage | undefined;
    try {
      const now = hostClock();
      const storage = await openStorage(directory, { now, repair: options.repair });
      opened = storage;
      await directory.recovered();
      const table = new MountTable({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, now });
      await table.add(callerOf({ uid: 0, gid: 0, pid: 0 }), '/workspace', storage.volume, {
        number: workspace,
      });
      const observed = observe(table);
      const rights = await openRights(storage.kv, observed, storage);
      const tree = guard(observed, rights.access);
      const later: { daemon?: Daemon } = {};
      const changed = (count: number): void => later.daemon?.count('mounts', count);
      const writtenElsewhere = (node: NodeId, via: number): boolean =>
        Math.floor(node / span) === workspace && storage.volume.openElsewhere(node % span, via);
      const { data } = options;
      const mounts = new LiveMounts({
        data,
        tree,
        observed,
        rights: rights.access,
        writtenElsewhere,
        changed,
      });
      rights.whenDeleted((subject, zone) => mounts.dismiss(subject, zone));
      const daemon = new Daemon(options, directory, storage, rights, mounts);
      later.daemon = daemon;
      await daemon.#listen(new TreeFiles(tree));
      return daemon;
    } catch (error) {
      try {
        await opened?.[Symbol.asyncDispose]();
      } catch (trouble) {
        logBug('closing after a failed start', trouble);
      }
      await directory.close(false);
      throw dataFailure(options.data, error) ?? error;
    }
  }

  /** Says how many mounts or clients there are: without any the daemon ends after a while. */
  count(kind: 'mounts' | 'clients', count: number): void {
    this.#linger.count(kind, count);
  }

  async #listen(files: TreeFiles): Promise<void> {
    const program = this.#program();
    const { identities } = this.#rights;
    const permissions = this.#rights.permissions(files);
    this.#control = await ControlServer.open({
      data: this.#options.data,
      context: (peer) => ({ files, program, permissions, identities, caller: callerOf(peer) }),
      clients: (count) => {
        this.count('clients', count);
      },
    });
    this.count('clients', 0);
  }

  #program(): Program {
    return {
      status: async () => this.#status(),
      mount: async (caller, request) => {
        this.#rights.authority.requireMount(caller, request);
        return this.#mounts.add(request);
      },
      unmount: (dir, lazy) => this.#mounts.remove(dir, lazy),
      mounts: () => this.#mounts.list(),
      ended: (dir, signal) => this.#mounts.ended(dir, signal),
      check: (options, report) => this.#maintenance.check(options, report),
      collect: (report) => this.#maintenance.collect(report),
      stop: () => this.#closed(),
    };
  }

  #status(): Status {
    const { rss, heapUsed, external } = process.memoryUsage();
    return {
      pid: process.pid,
      version: this.#options.version,
      data: this.#options.data,
      startedAt: this.#started.toISOString(),
      uptimeSeconds: (Date.now() - this.#started.getTime()) / 1000,
      keep: this.#options.keep,
      mounts: this.#mounts.status(),
      caches: this.#storage.stats(),
      memory: { rss, heapUsed, external },
    };
  }

  /** Unmounts and closes everything but the control socket, over which the answer to `stop` still has to go. */
  #closed(): Promise<void> {
    this.#closing ??= (async () => {
      log('stopping');
      this.#linger[Symbol.dispose]();
      try {
        await this.#mounts[Symbol.asyncDispose]();
        await this.#control?.quiet();
        this.#rights.access[Symbol.dispose]();
        await this.#storage[Symbol.asyncDispose]();
        await this.#directory.close(true);
        log('stopped');
      } catch (error) {
        // The marker of a running daemon stays: the next start recovers what was not closed.
        logBug('stopping', error);
        throw error instanceof FsError
          ? error
          : new FsError('EIO', 'the daemon could not close everything: its log tells more');
      } finally {
        setImmediate(() => void this.#hangUp());
      }
    })();
    return this.#closing;
  }

  async #hangUp(): Promise<void> {
    await this.#control?.[Symbol.asyncDispose]();
    this.#end();
  }

  /** Ends in order; `ended` resolves afterwards. */
  async stop(): Promise<void> {
    await this.#closed().catch(() => undefined);
    await this.ended;
  }
}
