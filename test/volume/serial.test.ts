import { describe, expect, it } from 'vitest';
import { Serial } from '../../src/volume/serial.ts';

describe('Serial', () => {
  it('runs at once while idle, and answers at once', () => {
    const serial = new Serial();
    expect(serial.run(() => 5)).toBe(5);
    expect(serial.busy).toBe(false);
  });

  it('runs one after the other, in order, whatever fails', async () => {
    const serial = new Serial();
    const log: string[] = [];
    const slow = serial.run(async () => {
      log.push('a starts');
      await Promise.resolve();
      await Promise.resolve();
      log.push('a ends');
    });
    const failing = serial.run(() => {
      log.push('b');
      throw new Error('b fails');
    });
    const last = serial.run(() => log.push('c'));
    expect(serial.busy).toBe(true);
    await slow;
    await expect(Promise.resolve(failing)).rejects.toThrow('b fails');
    await last;
    await serial.idle();
    expect(log).toEqual(['a starts', 'a ends', 'b', 'c']);
    expect(serial.busy).toBe(false);
  });
});
