/** The stored half of the program: key-value store, content store, namespace and the volume made of them. */
import type { Time } from '../base/time.ts';
import { ContentStore } from '../cas/content-store.ts';
import { loadNative } from '../host/native.ts';
import { openLevelKv } from '../kv/level-kv.ts';
import type { KvStore } from '../kv/types.ts';
import { Namespace } from '../meta/namespace.ts';
import { openCasVolume } from '../volume/open-cas-volume.ts';
import type { CasVolume } from '../volume/cas-volume.ts';
import type { DataDirectory } from './data-directory.ts';

export interface Storage extends AsyncDisposable {
  readonly kv: KvStore;
  readonly content: ContentStore;
  readonly namespace: Namespace;
  readonly volume: CasVolume;
}
