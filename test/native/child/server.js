/**
 * The smallest file system that can be mounted: a root, and a regular file `file` that takes and gives bytes.
 * It speaks the FUSE protocol by hand, so that a test of the device needs nothing but the device.
 */
import { createRequire } from 'node:module';

export const native = createRequire(import.meta.url)('../../../native/build/nexus.node');

export const MS_NOSUID = 2;
export const MS_NODEV = 4;
const BUFFER_SIZE = (1 << 20) + 4096;
const ENOENT = -2;
const ENOSYS = -38;
const ROOT = 1n;
const FILE = 2n;
const S_IFDIR = 0o040755;
const S_IFREG = 0o100644;

/** Opcodes, by the numbers of the kernel's header. */
export const op = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  UNLINK: 10,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  RELEASE: 18,
  FLUSH: 25,
  INIT: 26,
  DESTROY: 38,
  BATCH_FORGET: 42,
};

const reply = Buffer.alloc(256);

function attributes(out, at, node, size) {
  out.fill(0, at, at + 88);
  out.writeBigUInt64LE(node, at);
  out.writeBigUInt64LE(BigInt(size), at + 8);
  out.writeUInt32LE(node === ROOT ? S_IFDIR : S_IFREG, at + 60);
  out.writeUInt32LE(1, at + 64);
  out.writeUInt32LE(process.getuid(), at + 68);
  out.writeUInt32LE(process.getgid(), at + 72);
  out.writeUInt32LE(4096, at + 80);
}

/** Answers requests of one device. `hooks` may intercept: return true to say that the reply will come later. */
export class Server {
  content = Buffer.alloc(0);
  hooks = {};

  constructor(device) {
    this.device = device;
  }

  send(unique, error, length, data) {
    reply.writeUInt32LE(16 + length + (data ? data.length : 0), 0);
    reply.writeInt32LE(error, 4);
    reply.writeBigUInt64LE(unique, 8);
    return data
      ? this.device.send(reply, 16 + length, data, data.length)
      : this.device.send(reply, 16 + length);
  }

  message = (request, length) => {
    const opcode = request.readUInt32LE(4);
    const unique = request.readBigUInt64LE(8);
    const node = request.readBigUInt64LE(16);
    if (this.hooks.message?.(opcode, unique, request, length) === true) return;
    this.answer(opcode, unique, node, request, length);
  };

  answer(opcode, unique, node, request, length) {
    switch (opcode) {
      case op.INIT:
        return this.init(unique, request);
      case op.FORGET:
      case op.BATCH_FORGET:
        return undefined;
      case op.LOOKUP:
        return this.lookup(unique, request.toString('latin1', 40, length - 1));
      case op.GETATTR:
      case op.SETATTR:
        if (opcode === op.SETATTR && (request.readUInt32LE(40) & 8) !== 0) {
          this.resize(Number(request.readBigUInt64LE(56)));
        }
        reply.fill(0, 16, 32);
        attributes(reply, 32, node, this.content.length);
        return this.send(unique, 0, 104);
      case op.OPEN:
        reply.fill(0, 16, 32);
        return this.send(unique, 0, 16);
      case op.READ:
        return this.read(unique, request);
      case op.WRITE:
        return this.write(unique, request);
      case op.FLUSH:
      case op.RELEASE:
      case op.DESTROY:
        return this.send(unique, 0, 0);
      default:
        return this.send(unique, ENOSYS, 0);
    }
  }

  init(unique, request) {
    reply.fill(0, 16, 80);
    reply.writeUInt32LE(7, 16);
    reply.writeUInt32LE(request.readUInt32LE(44), 20);
    reply.writeUInt32LE(1 << 17, 24);
    reply.writeUInt32LE((1 << 5) | (1 << 18) | (1 << 22), 28); // BIG_WRITES, PARALLEL_DIROPS, MAX_PAGES
    reply.writeUInt16LE(64, 32);
    reply.writeUInt16LE(48, 34);
    reply.writeUInt32LE(1 << 20, 36);
    reply.writeUInt32LE(1, 40);
    reply.writeUInt16LE(256, 44);
    return this.send(unique, 0, 64);
  }

  lookup(unique, name) {
    if (name !== 'file') return this.send(unique, ENOENT, 0);
    reply.fill(0, 16, 56);
    reply.writeBigUInt64LE(FILE, 16);
    attributes(reply, 56, FILE, this.content.length);
    return this.send(unique, 0, 128);
  }

  resize(size) {
    const next = Buffer.alloc(size);
    this.content.copy(next);
    this.content = next;
  }

  read(unique, request) {
    const offset = Number(request.readBigUInt64LE(48));
    return this.send(unique, 0, 0, this.content.subarray(offset, offset + request.readUInt32LE(56)));
  }

  write(unique, request) {
    const offset = Number(request.readBigUInt64LE(48));
    const size = request.readUInt32LE(56);
    if (offset + size > this.content.length) this.resize(offset + size);
    request.copy(this.content, offset, 80, 80 + size);
    reply.writeUInt32LE(size, 16);
    reply.writeUInt32LE(0, 20);
    return this.send(unique, 0, 8);
  }
}

/** Mounts at `dir` as root and serves; `onEnd` gets what the device says at its end. */
export function serve(dir, onEnd = () => {}, buffers = 4) {
  const fd = native.mountRoot(dir, 'nexus-test', 'fuse', MS_NOSUID | MS_NODEV, 'max_read=1048576');
  const device = native.openDevice(fd, BUFFER_SIZE, buffers);
  const server = new Server(device);
  device.start(server.message, onEnd);
  return server;
}
