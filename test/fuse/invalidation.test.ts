/** What other mounts change, as notifications. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nameFromText } from '../../src/base/names.ts';
import { opcode } from '../../src/fuse/protocol.ts';
import { MemoryFs } from './memory-fs.ts';
import { at64, text, u32, Wire } from './wire.ts';

const INVAL_INODE = 2;
const INVAL_ENTRY = 3;
const INC_EPOCH = 8;

describe('changes by others', () => {
  let fs: MemoryFs;
  let wire: Wire;
  beforeEach(async () => {
    fs = new MemoryFs();
    wire = await Wire.open(fs);
    await wire.ask(opcode.mkdir, {}, u32(0o755, 0), text('dir'));
  });
  afterEach(async () => {
    await wire[Symbol.asyncDispose]();
    fs[Symbol.dispose]();
  });

  function sent(): unknown[] {
    return wire.device.notifications.splice(0).map((message) => {
      expect(message.readUInt32LE(0)).toBe(message.length);
      expect(message.readBigUInt64LE(8)).toBe(0n);
      const code = message.readInt32LE(4);
      if (code === INVAL_INODE) return ['inode', at64(message, 16), at64(message, 24), at64(message, 32)];
      expect(code).toBe(INVAL_ENTRY);
      expect(message.readUInt32LE(28)).toBe(0);
      expect(message.at(-1)).toBe(0);
      const length = message.readUInt32LE(24);
      expect(message.length).toBe(32 + length + 1);
      return ['entry', at64(message, 16), message.toString('latin1', 32, 32 + length)];
    });
  }

  it('name the entry, then drop the listing it may stand in (FS-11)', async () => {
    await wire.session.changed({ kind: 'entry', via: 1, parent: 2, name: nameFromText('é') });
    expect(sent()).toEqual([
      ['entry', 2, '\xc3\xa9'],
      ['inode', 2, 0, 0],
    ]);
  });

  it('drop attributes alone, or pages with them (FS-11)', async () => {
    await wire.session.changed({ kind: 'attr', via: 1, node: 2 });
    expect(sent()).toEqual([['inode', 2, -1, 0]]);
    await wire.session.changed({ kind: 'content', via: 1, node: 2, offset: 4096, length: 10 });
    expect(sent()).toEqual([['inode', 2, 4096, 10]]);
    await wire.session.changed({ kind: 'content', via: 1, node: 2, offset: 2 ** 40, length: 0 });
    expect(sent()).toEqual([['inode', 2, 2 ** 40, 0]]);
  });

  it('of one step are told once each (FS-11)', async () => {
    const name = nameFromText('a');
    const told = [
      wire.session.changed({ kind: 'attr', via: 1, node: 1 }),
      wire.session.changed({ kind: 'entry', via: 1, parent: 1, name }),
      wire.session.changed({ kind: 'entry', via: 1, parent: 1, name }),
      wire.session.changed({ kind: 'content', via: 1, node: 2, offset: 10, length: 5 }),
      wire.session.changed({ kind: 'content', via: 1, node: 2, offset: 0, length: 2 }),
      wire.session.changed({ kind: 'attr', via: 1, node: 2 }),
    ];
    await Promise.all(told.map((each) => each ?? Promise.reject(new Error('not told'))));
    expect(sent()).toEqual([
      ['entry', 1, 'a'],
      ['inode', 1, 0, 0],
      ['inode', 2, 0, 15],
    ]);
  });

  it('of nodes this kernel never saw are not told', () => {
    expect(wire.session.changed({ kind: 'attr', via: 1, node: 3 })).toBeUndefined();
    expect(
      wire.session.changed({ kind: 'entry', via: 1, parent: 3, name: nameFromText('a') }),
    ).toBeUndefined();
  });

  it('are waited for, but not for ever: two mounts may wait for each other (FS-11)', async () => {
    let written: () => void = () => undefined;
    wire.device.delivered = new Promise((resolve) => {
      written = resolve;
    });
    let seen = false;
    const told = wire.session.changed({ kind: 'attr', via: 1, node: 2 })?.then(() => {
      seen = true;
    });
    await Promise.resolve();
    expect(seen).toBe(false);
    written();
    await told;
    wire.device.delivered = new Promise(() => undefined);
    await wire.session.changed({ kind: 'attr', via: 1, node: 2 });
  });

  it('of names are told to who may lose rights without waiting for a directory, as what is revoked would wait too (PERM-5)', async () => {
    await using restricted = await Wire.open(fs, { restricted: true });
    await restricted.ask(opcode.lookup, {}, text('dir'));
    restricted.device.delivered = new Promise(() => undefined);
    let epochs = 0;
    const send = restricted.device.send.bind(restricted.device);
    restricted.device.send = (...parts) => {
      if (Buffer.from(parts[0] as Uint8Array).readInt32LE(4) === INC_EPOCH) epochs++;
      return send(...parts);
    };
    void restricted.session.changed({ kind: 'entry', via: 1, parent: 2, name: nameFromText('a') });
    await Promise.resolve();
    await Promise.resolve();
    const { notifications } = restricted.device;
    expect(notifications.map((each) => [each.readInt32LE(4), at64(each, 16), at64(each, 24)])).toEqual([
      [INVAL_INODE, 2, -1],
    ]);
    expect(epochs).toBe(1);
  });

  it("speak of the root by the kernel's number", async () => {
    await using sub = await Wire.open(fs, { root: 2 });
    await sub.session.changed({ kind: 'attr', via: 1, node: 2 });
    expect(sub.device.notifications.map((message) => at64(message, 16))).toEqual([1]);
  });
});
