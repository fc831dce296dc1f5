import { openLevelKv } from '../../src/kv/level-kv.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { MemoryTuples } from '../../src/rebac/memory-tuples.ts';
import { stackReaders } from '../../src/rebac/stack-readers.ts';
import { TupleStore } from '../../src/rebac/store.ts';
import { describeTupleReader } from '../contract/tuple-reader.ts';
import { temporaryDirectory } from '../kv/temporary.ts';

describeTupleReader('TupleStore over MemoryKv', async (tuples) => {
  const store = await TupleStore.open({ kv: new MemoryKv(), zone: 'default' });
  await store.write({ writes: tuples });
  return store;
});

describeTupleReader('TupleStore over LevelDB', async (tuples) => {
  const kv = await openLevelKv(temporaryDirectory());
  const store = await TupleStore.open({ kv, zone: 'default' });
  await store.write({ writes: tuples });
  await kv.checkpoint();
  return store;
});

describeTupleReader('MemoryTuples', (tuples) => new MemoryTuples(tuples));

// Every other tuple in each; the first one in both.
describeTupleReader('stacked readers', async (tuples) => {
  const store = await TupleStore.open({ kv: new MemoryKv(), zone: 'default' });
  await store.write({ writes: tuples.filter((_, index) => index % 2 === 0) });
  return stackReaders(new MemoryTuples(tuples.filter((_, index) => index % 2 === 1 || index === 0)), store);
});
