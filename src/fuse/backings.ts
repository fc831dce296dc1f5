/** Backing ids of passthrough: one a node, shared by all its opens, registered with the kernel and counted. */
import type { NodeId } from '../fs/types.ts';
import type { Device } from '../host/native.ts';
import { errno } from './errno.ts';

/** Failures that only say that there is no room just now. */
const passing: readonly number[] = [errno.EMFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR, 23 /* ENFILE */];

interface Backing {
  readonly id: number;
  uses: number;
}

export class Backings {
  readonly #device: Device;
  readonly #byNode = new Map<NodeId, Backing>();
  /** False once the kernel has refused for good: no right to it, or a host file system that is itself stacked. */
  possible = true;

  constructor(device: Device) {
    this.#device = device;
  }

  /** The id for one more open of the node on the host descriptor `fd`, or undefined where there is no passthrough. */
  take(node: NodeId, fd: number): number | undefined {
    const known = this.#byNode.get(node);
    if (known) {
      known.uses++;
      return known.id;
    }
    if (!this.possible) return undefined;
    const id = this.#device.backingOpen(fd);
    if (id <= 0) {
      this.possible = passing.includes(-id);
      return undefined;
    }
    this.#byNode.set(node, { id, uses: 1 });
    return id;
  }

  /**
   * One open less. The kernel looks an id up only after the reply to OPEN has been read, in the caller's own time; it is safe to close the id
   * with the last RELEASE, because every open that was answered with it has a RELEASE of its own.
   */
  drop(node: NodeId): void {
    const backing = this.#byNode.get(node);
    if (!backing || --backing.uses > 0) return;
    this.#byNode.delete(node);
    this.#device.backingClose(backing.id);
  }
}
