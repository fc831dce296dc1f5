/** Finds out what the file system of the data directory can do, on an empty slot. */
import type { Slot } from '../cas/types.ts';
import type { Native } from '../host/native.ts';
import { PAGE } from './page-map.ts';
import { resizeSlot, slotState, writeSlot } from './slot-io.ts';
import type { HostTraits } from './types.ts';

/** Changes looked at; fewer might fall on a tick of a coarse clock each. */
const TRIES = 5;

export async function probeHost(native: Native, slot: Slot): Promise<HostTraits> {
  const preciseTimes = await timesArePrecise(native, slot.fd);
  const pageHoles = await holesArePages(native, slot.fd);
  await resizeSlot(slot.fd, 0, 0);
  return { preciseTimes, pageHoles };
}

async function timesArePrecise(native: Native, fd: number): Promise<boolean> {
  const byte = new Uint8Array(1);
  let before = slotState(native, fd);
  for (let i = 0; i < TRIES; i++) {
    await writeSlot(fd, byte, 0);
    const now = slotState(native, fd);
    if (now.sec === before.sec && now.nsec === before.nsec) return false;
    before = now;
  }
  return true;
}

async function holesArePages(native: Native, fd: number): Promise<boolean> {
  const page = new Uint8Array(PAGE).fill(1);
  const at = 1024 * PAGE;
  await resizeSlot(fd, 0, 0);
  await resizeSlot(fd, 0, 2 * at);
  await writeSlot(fd, page, at);
  return native.seek(fd, PAGE, 'data') === at && native.seek(fd, at, 'hole') === at + PAGE;
}
