/** INIT with kernels of several ages. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryFs } from './memory-fs.ts';
import { frame, initFrame, kernel618, text, u32, Wire } from './wire.ts';

const PASSTHROUGH = 1 << 5;
const SETXATTR_EXT = 1 << 29;

describe('negotiation', () => {
  let fs: MemoryFs;
  beforeEach(() => {
    fs = new MemoryFs();
  });
  afterEach(() => {
    fs[Symbol.dispose]();
  });

  it('asks a new kernel for what it wants and nothing else (FS-10)', async () => {
    await using wire = new Wire(fs);
    const { error, data } = await wire.raw(initFrame(kernel618));
    await wire.ready;
    expect(error).toBe(0);
    expect(data.length).toBe(64);
    expect([data.readUInt32LE(0), data.readUInt32LE(4), data.readUInt32LE(8)]).toEqual([7, 45, 131072]);
    const flags = data.readUInt32LE(12);
    const on = [0, 1, 3, 4, 5, 10, 13, 14, 15, 18, 22, 23, 25, 28, 29, 30];
    expect(Array.from({ length: 32 }, (_, bit) => bit).filter((bit) => (flags & (1 << bit)) !== 0)).toEqual(
      on,
    );
    expect([data.readUInt16LE(16), data.readUInt16LE(18)]).toEqual([64, 48]);
    expect([data.readUInt32LE(20), data.readUInt32LE(24), data.readUInt16LE(28)]).toEqual([1 << 20, 1, 256]);
    expect(data.readUInt32LE(32)).toBe(0b01100);
    expect(data.readUInt32LE(36)).toBe(0);
  });

  it('asks for passthrough only when told to and only where it is offered (FS-10)', async () => {
    await using wire = new Wire(fs, { passthrough: true });
    const { data } = await wire.raw(initFrame(kernel618));
    expect(data.readUInt32LE(32) & PASSTHROUGH).toBe(PASSTHROUGH);
    expect(data.readUInt32LE(36)).toBe(1);
    await using older = new Wire(fs, { passthrough: true });
    const { data: without } = await older.raw(initFrame({ ...kernel618, flags2: 0 }));
    expect(without.readUInt32LE(32)).toBe(0);
    expect(without.readUInt32LE(36)).toBe(0);
  });

  it('serves 7.31, whose INIT is short and whose SETXATTR too (FS-10)', async () => {
    await using wire = new Wire(fs);
    const { data } = await wire.raw(initFrame({ minor: 31, flags: 0x0fff_ffff }));
    await wire.ready;
    expect(data.readUInt32LE(4)).toBe(31);
    expect(data.readUInt32LE(12) & (SETXATTR_EXT | (1 << 28) | (1 << 30))).toBe(0);
    expect(data.readUInt32LE(32)).toBe(0);
    expect((await wire.ask(21, {}, u32(3, 0), text('user.a'), Buffer.from('abc'))).error).toBe(0);
    const value = await wire.ask(22, {}, u32(100, 0), text('user.a'));
    expect(value.data.toString()).toBe('abc');
  });

  it('keeps to 128 KiB where there is no MAX_PAGES', async () => {
    await using wire = new Wire(fs);
    const { data } = await wire.raw(initFrame({ minor: 31, flags: 1 }));
    expect([data.readUInt32LE(20), data.readUInt16LE(28)]).toEqual([131072, 0]);
  });

  it('answers a newer major version with its own, and serves the INIT that follows', async () => {
    await using wire = new Wire(fs);
    const first = await wire.raw(initFrame({ major: 8, minor: 0, flags: 0 }));
    expect([first.error, first.data.readUInt32LE(0)]).toEqual([0, 7]);
    await wire.raw(initFrame(kernel618));
    await wire.ready;
  });

  it.each([
    [6, 40],
    [7, 30],
  ])('refuses FUSE %i.%i and says what is needed', async (major, minor) => {
    await using wire = new Wire(fs);
    expect((await wire.raw(initFrame({ major, minor, flags: 0 }))).error).toBe(71);
    await expect(wire.ready).rejects.toThrow('7.31');
  });

  it('answers nothing else before INIT', async () => {
    await using wire = new Wire(fs);
    expect((await wire.raw(frame(3, {}, u32(0, 0, 0, 0)))).error).toBe(22);
  });
});
