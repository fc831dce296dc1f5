/** fsync(2): what is staged, its size and its times survive a power cut. */
import type { Caller } from '../base/caller.ts';
import { INLINE } from '../cas/layout.ts';
import { bindingKey, encodeBinding } from './binding.ts';
import type { OpenFile } from './open-file.ts';
import { readSlot, syncSlot } from './slot-io.ts';
import type { Staging } from './staging.ts';
import type { Binding, Parts } from './types.ts';

/**
 * Brings what is staged to the disk, all but the sync of the journal, which the caller does afterwards. Runs in the file's `serial`.
 * Small files are kept in the record of the binding: then the journal is all there is to sync.
 */
export async function secure(parts: Parts, file: OpenFile, caller: Caller): Promise<void> {
  const { staging, binding } = file;
  if (staging === undefined || binding === undefined || file.gone) return;
  file.observe();
  if (!file.changed) return;
  const { change } = file;
  const small = staging.kind === 'complete' && file.size <= INLINE;
  const bytes = small ? await readAll(parts, file, staging) : undefined;
  // Bytes first: a record of a durable slot must not reach the disk before them.
  if (!small) await syncSlot(staging.slot.fd);
  await record(parts, file, caller, staging, { ...binding, durable: true, changed: true, bytes }, change);
}

async function readAll(parts: Parts, file: OpenFile, staging: Staging): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(file.size);
  return bytes.subarray(0, await readSlot(parts.native, staging.slot.fd, bytes, 0));
}

/** The binding, and the times of the file with it. */
async function record(
  parts: Parts,
  file: OpenFile,
  caller: Caller,
  staging: Staging,
  binding: Binding,
  change: number,
): Promise<void> {
  const key = bindingKey(staging.slot.id);
  const { pending } = file;
  if (pending === undefined) {
    if (binding.bytes !== undefined || file.binding?.durable !== true || !file.binding.changed) {
      await parts.kv.write((tx) => {
        tx.put(key, encodeBinding(binding));
      });
    }
    file.binding = binding;
    return;
  }
  const state = file.look(staging);
  const mark = parts.host.preciseTimes
    ? { size: state.size, mtime: { sec: state.sec, nsec: state.nsec } }
    : undefined;
  const next = { ...binding, mark };
  const times = { mtime: pending, ctime: pending };
  await parts.namespace.change(caller, file.ino, times, (tx) => {
    tx.put(key, encodeBinding(next));
  });
  file.binding = next;
  if (file.change === change) file.pending = undefined;
}

/** fsync(2) and fdatasync(2) of one file. */
export async function fsync(parts: Parts, file: OpenFile, caller: Caller): Promise<void> {
  if (file.staging !== undefined) await file.serial.run(() => secure(parts, file, caller));
  await parts.kv.sync();
}
