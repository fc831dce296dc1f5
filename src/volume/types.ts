/** What the parts of the volume share: the stores beneath it, and what a slot is bound to. */
import type { Time } from '../base/time.ts';
import type { ContentStore } from '../cas/content-store.ts';
import type { Native } from '../host/native.ts';
import type { KvStore } from '../kv/types.ts';
import type { Namespace } from '../meta/namespace.ts';

/** What the file system of the data directory can do; found out when the volume opens. */
export interface HostTraits {
  /**
   * A change right after fstat(2) gets a new mtime (Linux's multigrain timestamps). Without it two changes within one tick
   * of the clock look alike, and the bytes have to be compared.
   */
  readonly preciseTimes: boolean;
  /** SEEK_DATA tells single pages of 4 KiB apart, so that the dirty pages of an overlay can be found after a crash. */
  readonly pageHoles: boolean;
}

/** What a volume is made of. */
export interface Parts {
  readonly kv: KvStore;
  readonly content: ContentStore;
  readonly namespace: Namespace;
  readonly native: Native;
  /** The data directory: statfs(2) is asked of it. */
  readonly directory: string;
  readonly now: (atLeast?: Time) => Time;
  /** Told of what fails where nobody waits for an answer (the commit after the last close). */
  readonly onError: (error: unknown, what: string) => void;
  readonly host: HostTraits;
}

/** A slot at one moment: two equal marks say that nothing was written in between. */
export interface Mark {
  readonly size: number;
  readonly mtime: Time;
}

/** The record that ties a slot to the file whose bytes it holds, from before the first write is acknowledged until it is retired. */
export interface Binding {
  readonly ino: number;
  /** complete: the slot holds all bytes. overlay: its data pages lie over the committed content up to `baseLimit`. */
  readonly kind: 'complete' | 'overlay';
  readonly baseLimit: number;
  /** An fsync covered it: it is believed after a power cut. */
  readonly durable: boolean;
  /** False: at `mark` the slot held just what was committed. */
  readonly changed: boolean;
  /** While the slot is as `mark` says, the times of the inode are right; afterwards the slot's mtime is. */
  readonly mark: Mark | undefined;
  /** With `durable`, small files: the bytes fsync covered, so that one sync of the journal suffices for it. */
  readonly bytes: Uint8Array | undefined;
}
