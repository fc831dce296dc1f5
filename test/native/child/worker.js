/** A worker thread that ends, or is ended, with an open device and a notification on its way. */
import { parentPort, workerData } from 'node:worker_threads';
import { serve } from './server.js';

const server = serve(workerData.dir);
server.device.notify(Buffer.alloc(16));
void server.device.notified().then(() => {
  parentPort.postMessage('ready');
  if (workerData.end === 'exit') process.exit(0);
});
