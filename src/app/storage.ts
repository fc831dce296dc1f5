/** The stored half of the program: key-value store, content store, namespace, and the volume made of them. */
import type { FoundProblem, Report } from '../api/program.ts';
import type { Time } from '../base/time.ts';
import { ContentStore } from '../cas/content-store.ts';
import type { CasVolume } from '../volume/cas-volume.ts';
import { openLevelKv } from '../kv/level-kv.ts';
import type { KvStore } from '../kv/types.ts';
import { Namespace } from '../meta/namespace.ts';
import { check } from '../volume/check.ts';
import { collect } from '../volume/collect.ts';
import { openCasVolume } from '../volume/open-cas-volume.ts';
import type { DataDirectory } from './data-directory.ts';
import { logBug } from './log.ts';

export interface Storage extends AsyncDisposable {
  /** Where the volume keeps its metadata; tuples and the registry live there too. */
  readonly kv: KvStore;
  readonly volume: CasVolume;
  check(
    options: { readonly repair: boolean; readonly deep: boolean },
    report: Report,
  ): AsyncIterable<FoundProblem>;
  collect(report: Report): Promise<{ readonly blocks: number; readonly bytes: number }>;
  /** What the subject made is nobody's from here on. */
  disown(subject: string): Promise<void>;
  /** Somebody has the subject's name again. */
  welcome(subject: string): void;
  counts(): { readonly inodes: number };
  /** By part: bytes and counts. */
  stats(): Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface StorageOptions {
  readonly now: (atLeast?: Time) => Time;
  /** Open a damaged key-value store with what is readable. */
  readonly repair: boolean;
}

/** Opens what a data directory holds and recovers what a crash left. EIO for damage; what the host says for the rest. */
export async function openStorage(directory: DataDirectory, options: StorageOptions): Promise<Storage> {
  const { now, repair } = options;
  const opened: AsyncDisposable[] = [];
  const close = async (): Promise<void> => {
    for (let part = opened.pop(); part; part = opened.pop()) await part[Symbol.asyncDispose]();
  };
  try {
    // Content reaches the disk before the journal that names it.
    const later: { content?: ContentStore } = {};
    const beforeSync = async (): Promise<void> => later.content?.syncPacks();
    const kv = await openLevelKv(directory.meta, { beforeSync, repair });
    opened.push(kv);
    const content = await ContentStore.open({ directory: directory.content, kv });
    opened.push(content);
    later.content = content;
    const namespace = await Namespace.open({ kv, now });
    const volume = await openCasVolume({
      directory: directory.path,
      kv,
      content,
      namespace,
      now,
      powerCut: directory.powerCut,
      onError: (error, what) => {
        logBug(what, error);
      },
    });
    opened.push(volume);
    const parts = { kv, content, namespace };
    return {
      kv,
      volume,
      check: (wanted, report) => checked(parts, wanted, report),
      collect: (report) =>
        collect({ ...parts, inUse: () => volume.contentsInUse(), progress: told(report, 'sweeping') }),
      disown: (subject) => namespace.disown(subject),
      welcome: (subject) => {
        namespace.welcome(subject);
      },
      counts: () => ({ inodes: namespace.counts().inodes }),
      stats: () => ({
        kv: kv.stats(),
        content: content.stats(),
        namespace: namespace.stats(),
        volume: volume.stats(),
      }),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Progress of the content store, which counts blocks, as the control socket tells it. */
function told(report: Report, step: string): (done: { readonly blocks: number }) => void {
  return ({ blocks }) => {
    report({ step, done: blocks });
  };
}

async function* checked(
  parts: { readonly kv: KvStore; readonly content: ContentStore; readonly namespace: Namespace },
  wanted: { readonly repair: boolean; readonly deep: boolean },
  report: Report,
): AsyncGenerator<FoundProblem> {
  // What still waits to be hashed is nothing to report.
  if (wanted.deep) await parts.content.settle();
  const options = { ...parts, repair: wanted.repair, bytes: wanted.deep, progress: told(report, 'blocks') };
  for await (const { where, kind, detail, repaired } of check(options)) {
    yield { kind: `${where}/${kind}`, text: detail, repaired };
  }
}
