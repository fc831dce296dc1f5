/** Messages that no kernel would send: answered as errors or not at all, and the session goes on. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { opcode } from '../../src/fuse/protocol.ts';
import { MemoryFs } from './memory-fs.ts';
import { frame, text, u32, u64, Wire } from './wire.ts';

const silent: readonly number[] = [opcode.forget, opcode.interrupt, opcode.batchForget, opcode.notifyReply];
const opcodes = Object.values(opcode).filter((number) => number !== opcode.init && number !== opcode.setlkw);

describe('malformed messages', () => {
  let fs: MemoryFs;
  let wire: Wire;
  beforeEach(async () => {
    fs = new MemoryFs();
    wire = await Wire.open(fs);
    await wire.ask(opcode.create, {}, u32(2, 0o644, 0, 0), text('file'));
    await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text('dir'));
  });
  afterEach(async () => {
    await wire[Symbol.asyncDispose]();
    fs[Symbol.dispose]();
  });

  async function stillServes(): Promise<void> {
    expect((await wire.ask(opcode.lookup, {}, text('.'))).error).toBe(0);
    expect(wire.log).toEqual([]);
    expect(wire.device.kept.size).toBe(0);
  }

  it('have one answer at most, and leave the session alive', async () => {
    // Small numbers, so that handles, nodes and sizes are met as well as missed.
    const word = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 0xffff_ffff }));
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc
        .tuple(fc.array(word, { maxLength: 24 }), fc.string({ maxLength: 12 }))
        .map(([words, name]) => Buffer.concat([u32(...words), text(name)])),
    );
    const extension = fc
      .uint8Array({ maxLength: 5 })
      .map((bytes) => Buffer.alloc(bytes.length * 8, Buffer.from(bytes)));
    const message = fc.record({
      code: fc.constantFrom(...opcodes),
      node: fc.integer({ min: 0, max: 5 }),
      body,
      extension,
    });
    await fc.assert(
      fc.asyncProperty(message, async ({ code, node, body: bytes, extension: more }) => {
        const request = frame(code, { node, extension: more }, bytes);
        // An fallocate or truncation of what the words happen to say would only fill the disk.
        if (code === opcode.setattr || code === opcode.fallocate) request.fill(0, 40);
        const replies = await wire.device.exchange(request);
        expect(replies.length).toBe(silent.includes(code) ? 0 : 1);
        for (const reply of replies) {
          expect(reply.readUInt32LE(0)).toBe(reply.length);
          const error = reply.readInt32LE(4);
          expect(error).toBeLessThanOrEqual(0);
          expect(error).toBeGreaterThan(-512);
        }
      }),
      { numRuns: 3000 },
    );
    await stillServes();
  });

  it('cut off anywhere are refused or ignored', async () => {
    const whole = [
      frame(opcode.rename2, {}, u64(1), u32(0, 0), text('file', 'other')),
      frame(opcode.setxattr, {}, u32(3, 0, 0, 0), text('user.a'), Buffer.from('abc')),
      frame(opcode.write, { node: 2 }, u64(1, 0), u32(5, 0), u64(0), u32(0, 0), Buffer.from('hello')),
      frame(opcode.symlink, {}, text('link', 'target')),
    ];
    for (const request of whole) {
      for (let length = 0; length < request.length; length++) {
        const cut = Buffer.from(request.subarray(0, length));
        if (length >= 4) cut.writeUInt32LE(length, 0);
        const replies = await wire.device.exchange(cut);
        expect(replies.length).toBe(length < 40 ? 0 : 1);
        if (replies[0]) expect(replies[0].readInt32LE(4)).toBe(-22);
      }
    }
    expect(wire.session.stats().malformed).toBeGreaterThan(160);
    await stillServes();
  });

  it('whose length or extension lies are refused or ignored', async () => {
    const lying = frame(opcode.lookup, {}, text('dir'));
    lying.writeUInt32LE(lying.length + 1, 0);
    expect(await wire.device.exchange(lying)).toEqual([]);
    const extended = frame(opcode.mkdir, {}, u32(0o755, 0), text('x'));
    extended.writeUInt16LE(0xffff, 36);
    expect((await wire.raw(extended)).error).toBe(22);
    const groups = Buffer.concat([u32(16, 32, 0xffff_ffff, 5)]);
    expect((await wire.ask(opcode.mkdir, { extension: groups }, u32(0o755, 0), text('y'))).error).toBe(0);
    await stillServes();
  });
});
