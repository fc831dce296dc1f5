/** A process to be killed: writes numbered transactions without end and prints the number of each that is acknowledged. */
import { writeSync } from 'node:fs';
import { openLevelKv } from '../../src/kv/level-kv.ts';
import { applyNumbered } from './numbered.ts';

const [directory = '', checkpointBytes = ''] = process.argv.slice(2);
const kv = await openLevelKv(directory, { checkpointBytes: Number(checkpointBytes) });
const count = await kv.get('count');
for (let n = 1 + Number(count === undefined ? 0 : Buffer.from(count).toString()); ; n++) {
  await kv.write((tx) => applyNumbered(tx, n));
  writeSync(1, `${n}\n`);
  if (n % 64 === 0) await kv.sync();
  if (n % 16 === 0) await new Promise(setImmediate);
}
