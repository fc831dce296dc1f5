/** Removes a directory with all that is below it. */
import type { Caller } from '../base/caller.ts';
import { isFsError } from '../base/errors.ts';
import type { Attr, FileSystem, NodeId, Place } from '../fs/types.ts';

const page = 256;

interface Level {
  readonly place: Place;
  readonly node: NodeId;
  after: number;
}

/** Depth costs memory, breadth does not. `removed` hears the count from time to time. Names that others remove meanwhile are no error. */
export async function removeTree(
  fs: FileSystem,
  caller: Caller,
  place: Place,
  attr: Attr,
  removed?: (count: number) => void,
): Promise<number> {
  let count = 0;
  const levels: Level[] = [{ place, node: attr.node, after: 0 }];
  for (let level = levels.at(-1); level; level = levels.at(-1)) {
    caller.signal?.throwIfAborted();
    const entries = await fs.readdir(caller, level.node, level.after, page);
    let deeper = false;
    for (const entry of entries) {
      level.after = entry.cookie;
      const at: Place = { parent: level.node, name: entry.name };
      if (entry.attr.parent !== undefined) {
        levels.push({ place: at, node: entry.attr.node, after: 0 });
        deeper = true;
        break;
      }
      if (await gone(fs.unlink(caller, at))) count++;
    }
    removed?.(count);
    if (deeper || entries.length > 0) continue;
    if (await gone(fs.rmdir(caller, level.place))) count++;
    levels.pop();
  }
  return count;
}

/** Did this call remove it, and not somebody else before? */
async function gone(removal: Promise<void>): Promise<boolean> {
  try {
    await removal;
    return true;
  } catch (error) {
    if (isFsError(error, 'ENOENT')) return false;
    throw error;
  }
}
