/** Opens a volume over its stores: looks at the host, recovers what a crash left. */
import type { Time } from '../base/time.ts';
import type { ContentStore } from '../cas/content-store.ts';
import { loadNative } from '../host/native.ts';
import type { KvStore } from '../kv/types.ts';
import type { Namespace } from '../meta/namespace.ts';
import { CasVolume } from './cas-volume.ts';
import { probeHost } from './host-traits.ts';
import { recover } from './recovery.ts';
import type { HostTraits, Parts } from './types.ts';

export interface CasVolumeOptions {
  /** The data directory. */
  readonly directory: string;
  /** The store `content` and `namespace` were opened over. */
  readonly kv: KvStore;
  readonly content: ContentStore;
  readonly namespace: Namespace;
  /** The clock `namespace` was opened with. */
  readonly now: (atLeast?: Time) => Time;
  /** The machine went down without a clean stop: only what an fsync covered is believed. */
  readonly powerCut: boolean;
  /** Told of what fails where nobody waits for an answer. */
  readonly onError: (error: unknown, what: string) => void;
  /** What the host can do, where it need not be found out. */
  readonly host?: HostTraits;
}

/** The stores stay the caller's: dispose of the volume first, then of them. */
export async function openCasVolume(options: CasVolumeOptions): Promise<CasVolume> {
  const { directory, kv, content, namespace, now, onError, powerCut } = options;
  const native = loadNative();
  const parts: Parts = {
    kv,
    content,
    namespace,
    native,
    directory,
    now,
    onError,
    host: options.host ?? (await hostTraits(content)),
  };
  await recover(parts, powerCut);
  return new CasVolume(parts);
}

async function hostTraits(content: ContentStore): Promise<HostTraits> {
  const slot = content.slot();
  try {
    return await probeHost(loadNative(), slot);
  } finally {
    content.giveBack([slot]);
  }
}
