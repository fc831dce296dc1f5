/** What a child process does with a device: `node scenarios.js NAME DIR`. Each prints one JSON line per event. */
import { openSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { native, op, serve } from './server.js';

const [, , name, dir] = process.argv;

function tell(event, detail = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...detail })}\n`);
}

function descriptors() {
  return readdirSync('/proc/self/fd').length;
}

/** A notification that the name `file` of the root is to be forgotten, and one for the root's attributes. */
function invalidateEntry(name = 'file') {
  const message = Buffer.alloc(16 + 16 + name.length + 1);
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(3, 4);
  message.writeBigUInt64LE(1n, 16);
  message.writeUInt32LE(name.length, 24);
  message.write(name, 32, 'latin1');
  return message;
}

function invalidateInode(node) {
  const message = Buffer.alloc(16 + 24);
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(2, 4);
  message.writeBigUInt64LE(node, 16);
  message.writeBigInt64LE(-1n, 24);
  return message;
}

/** Serves until unmounted, then closes; the process ends by itself because nothing keeps its loop. */
function serveUntilEnd(buffers) {
  const server = serve(
    dir,
    (error) => {
      tell('end', { error: error ?? null, stats: server.device.stats() });
      server.device.close();
    },
    buffers,
  );
  tell('ready');
  return server;
}

const scenarios = {
  serve() {
    let immediates = 0;
    const server = serveUntilEnd();
    const tick = () => setImmediate(() => ++immediates).unref?.();
    const timer = setInterval(tick, 1);
    timer.unref();
    process.on('exit', () => tell('exit', { immediates, closed: server.device.send(Buffer.alloc(16), 16) }));
  },

  /** An async handler that waits for no I/O is through before the next message comes. */
  microtasks() {
    const order = [];
    const server = serveUntilEnd();
    server.hooks.message = (_opcode, unique) => {
      order.push(`in ${unique}`);
      void (async () => {
        await undefined;
        await Promise.resolve();
        order.push(`out ${unique}`);
      })();
      return false;
    };
    process.on('exit', () => tell('order', { order }));
  },

  /** Keeps every LOOKUP's buffer until 200 ms later, and checks that nobody wrote into it. */
  keep() {
    let intact = 0;
    let most = 0;
    const server = serveUntilEnd(1);
    server.hooks.message = (opcode, unique, request, length) => {
      if (opcode !== op.LOOKUP) return false;
      const copy = Buffer.from(request.subarray(0, length));
      server.device.keep();
      most = Math.max(most, server.device.stats().kept);
      setTimeout(() => {
        intact += request.subarray(0, length).equals(copy) ? 1 : 0;
        server.answer(opcode, unique, 1n, request, length);
        server.device.giveBack(request);
        server.device.giveBack(request);
      }, 200);
      return true;
    };
    process.on('exit', () => tell('kept', { intact, most }));
  },

  keepOutside() {
    const server = serve(dir);
    try {
      server.device.keep();
    } catch (error) {
      tell('refused', { code: error.code });
    }
    server.device.close();
  },

  async notify() {
    const server = serveUntilEnd();
    server.hooks.message = (opcode) => {
      if (opcode !== op.GETATTR) return false;
      server.hooks.message = undefined;
      for (let i = 0; i < 100; i++) server.device.notify(invalidateEntry());
      server.device.notify(invalidateInode(2n));
      server.device.notify(Buffer.from('no notification'));
      void server.device.notified().then(() => tell('notified', { stats: server.device.stats() }));
      return false;
    };
  },

  throws() {
    const server = serveUntilEnd();
    process.on('uncaughtException', (error) => tell('uncaught', { message: error.message }));
    server.hooks.message = (opcode, unique, request, length) => {
      if (opcode !== op.GETATTR) return false;
      server.hooks.message = undefined;
      server.answer(opcode, unique, 1n, request, length);
      throw new Error('thrown by the handler');
    };
  },

  throwsUncaught() {
    const server = serveUntilEnd();
    server.hooks.message = (opcode) => {
      if (opcode === op.GETATTR) throw new Error('thrown by the handler');
      return false;
    };
  },

  closeInside() {
    const server = serveUntilEnd();
    server.hooks.message = (opcode, unique, request, length) => {
      if (opcode !== op.GETATTR) return false;
      server.device.close();
      server.device.close();
      server.device.giveBack(request);
      const sent = server.device.send(request, 40);
      void server.device
        .notified()
        .then(() => tell('closed', { sent, node: Number(request.readBigUInt64LE(16)), length }));
      return true;
    };
  },

  closeInsideEnd() {
    const server = serve(dir, (error) => {
      server.device.close();
      tell('end', { error: error ?? null });
    });
    tell('ready');
  },

  exitInside() {
    const server = serveUntilEnd();
    server.device.notify(invalidateEntry());
    server.hooks.message = (opcode) => (opcode === op.GETATTR ? process.exit(7) : false);
  },

  /** The notification waits for the lock that the caller of unlink(2) holds, whom nobody will answer. */
  stuckThenClose() {
    const server = stuck(() => {
      server.device.close();
      tell('closed');
    });
  },

  stuckThenExit() {
    stuck(() => process.exit(7));
  },

  /** Opens and closes; then the number of descriptors is what it was. */
  async cycles() {
    const counts = [];
    for (let i = 0; i < 50; i++) {
      const server = serve(dir);
      server.device.notify(invalidateEntry());
      if (i % 2 === 0) await sleep(1);
      native.unmount(dir, true);
      if (i % 3 === 0) await server.device.notified();
      server.device.close();
      await sleep(0);
      counts.push(descriptors());
    }
    tell('counts', { first: counts[4], last: counts.at(-1) });
  },

  async unmounted() {
    const device = native.openDevice(openSync('/dev/fuse', 'r+'), 1 << 17, 1);
    device.start(
      () => tell('message'),
      (error) => tell('end', { error: error ?? null }),
    );
    await sleep(200);
    try {
      device.start(
        () => {},
        () => {},
      );
    } catch (error) {
      tell('again', { code: error.code });
    }
    device.close();
  },

  async leaked() {
    const before = descriptors();
    const weak = [];
    (() => {
      for (let i = 0; i < 20; i++) {
        const device = native.openDevice(openSync('/dev/fuse', 'r+'), 1 << 17, 2);
        if (i % 2 === 0) device.notify(Buffer.alloc(16));
        weak.push(new WeakRef(device));
      }
    })();
    const during = descriptors();
    for (let i = 0; i < 100 && descriptors() > before; i++) {
      globalThis.gc();
      await sleep(20);
    }
    tell('collected', {
      before,
      during,
      after: descriptors(),
      alive: weak.filter((ref) => ref.deref()).length,
    });
  },

  async worker() {
    let before = 0;
    for (const end of ['exit', 'terminate', 'terminate', 'exit', 'terminate']) {
      const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: { dir, end } });
      await new Promise((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      if (end === 'terminate') await worker.terminate();
      else await new Promise((resolve) => worker.once('exit', resolve));
      native.unmount(dir, true);
      // What Node itself keeps open after its first thread is no leak.
      if (before === 0) before = await settled();
    }
    tell('workers', { leaked: (await settled()) - before });
  },
};

/** The number of descriptors once a thread's own are closed, which is a moment after its exit is told. */
async function settled() {
  let count = descriptors();
  for (let same = 0; same < 5; ) {
    await sleep(20);
    same = descriptors() === count ? same + 1 : 0;
    count = descriptors();
  }
  return count;
}

function stuck(then) {
  const server = serveUntilEnd();
  server.hooks.message = (opcode) => {
    if (opcode !== op.UNLINK) return false;
    server.device.notify(invalidateEntry());
    setTimeout(() => {
      tell('stuck', { queued: server.device.stats().notifyQueued });
      then();
    }, 300);
    return true;
  };
  return server;
}

await scenarios[name]();
