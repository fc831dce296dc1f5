import { openLevelKv } from '../../src/kv/level-kv.ts';
import { describeKv } from '../contract/kv.ts';
import { temporaryDirectory } from './temporary.ts';

describeKv('LevelKv', () => openLevelKv(temporaryDirectory()));
// So small that every few transactions begin a checkpoint, and writers wait for one.
describeKv('LevelKv in permanent checkpoints', () =>
  openLevelKv(temporaryDirectory(), { checkpointBytes: 1000 }),
);
