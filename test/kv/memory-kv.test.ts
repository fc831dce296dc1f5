import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { describeKv } from '../contract/kv.ts';

describeKv('MemoryKv', async () => new MemoryKv());
