/** A file while anybody has it open: one object for all its handles, so that everyone sees every write at once. */
import type { Awaitable } from '../base/awaitable.ts';
import type { Caller } from '../base/caller.ts';
import { compareTimes } from '../base/time.ts';
import type { Time } from '../base/time.ts';
import { decodeContent } from '../cas/content.ts';
import type { Content } from '../cas/types.ts';
import { S_ISGID, S_ISUID, S_IXGRP } from './modes.ts';
import type { Inode } from '../meta/types.ts';
import { Serial } from './serial.ts';
import { slotState } from './slot-io.ts';
import type { SlotState } from './slot-io.ts';
import type { Staging } from './staging.ts';
import type { Binding, Mark, Parts } from './types.ts';
import { Users } from './users.ts';

/** Stamps of content that is no version yet lie above those of versions. */
const UNCOMMITTED = 2 ** 40;

/** Two changes within this many seconds may carry the same time where the host's clock is coarse. */
const COARSE = 0.05;

let changes = 0;

export class OpenFile {
  readonly ino: number;
  /** Whatever changes the bytes, their size or the staging runs here; reads do not wait. */
  readonly serial = new Serial();
  readonly users = new Users();
  /** Bytes as of the newest version. */
  base: Content;
  baseSize: number;
  /** Bytes as a reader sees them. */
  size: number;
  /** Where the bytes are that differ from the base; undefined while none do. */
  staging: Staging | undefined;
  /** The record of `staging.slot` as it is stored. */
  binding: Binding | undefined;
  /** The bytes may differ from the base's. */
  changed = false;
  /** A commit that was asked for and has not begun. */
  committing: Promise<void> | undefined;
  /** When the bytes changed last, as long as the inode does not say so. */
  pending: Time | undefined;
  /** The kernel writes into the slot by itself, or did: its fstat(2) is the only trace. */
  watched = false;
  /** The kernel had the slot open for reading: mmap(2), which asks for that right whatever it maps for, may outlive the close. */
  mappable = false;
  /** The last look at a watched slot, and the clock then. */
  seen: Mark | undefined;
  /** Writing clears something: set-id bits, or a capability among the extended attributes. */
  privileged: boolean;
  /** No name was left when last heard of; the last release asks the inode whether that still holds. */
  nameless = false;
  /** The inode is gone for good: nothing is worth keeping. */
  gone = false;
  /** Somebody maps the slot although nobody has the file open. */
  mapped = false;
  /** Who closed a writing handle last: the author of what is committed afterwards. */
  lastCaller: Caller | undefined;
  /** The newest version. */
  version: number;
  readonly #parts: Parts;
  #change = 0;
  #seenAt = 0;

  constructor(parts: Parts, inode: Inode) {
    this.#parts = parts;
    this.ino = inode.ino;
    this.base = decodeContent(inode.content);
    this.baseSize = inode.size;
    this.size = inode.size;
    this.version = inode.version;
    this.privileged = isPrivileged(inode);
  }

  /** See `FileHandle.stamp`. */
  get stamp(): number {
    return this.changed ? UNCOMMITTED + this.#change : this.version;
  }

  /** Counts the changes: equal before and after a wait, nothing changed meanwhile. */
  get change(): number {
    return this.#change;
  }

  /** The bytes have changed now. */
  touch(time = this.#parts.now()): void {
    this.changed = true;
    this.pending = time;
    this.#change = ++changes;
  }

  /** Catches up with what the kernel wrote into the slot by itself; its state, where there is a slot to look at. */
  observe(): SlotState | undefined {
    return this.watched && this.staging !== undefined ? this.look(this.staging) : undefined;
  }

  /** `observe`, whether the slot is watched or not. */
  look(staging: Staging): SlotState {
    const state = slotState(this.#parts.native, staging.slot.fd);
    if (this.watched) this.#compare(state);
    return state;
  }

  #compare(state: SlotState): void {
    const { seen } = this;
    const time = { sec: state.sec, nsec: state.nsec };
    const same =
      seen === undefined
        ? state.size === 0 && this.size === 0
        : seen.size === state.size && compareTimes(seen.mtime, time) === 0 && !this.#maybeStale(state);
    this.seen = { size: state.size, mtime: time };
    if (!this.#parts.host.preciseTimes) this.#seenAt = seconds(this.#parts.now());
    if (same) return;
    this.size = state.size;
    // Whatever is stamped from now on is not before what the host stamped.
    this.#parts.now(time);
    this.touch(time);
  }

  /** On a coarse clock a change right after the last look may have left the same mtime. */
  #maybeStale(state: SlotState): boolean {
    return !this.#parts.host.preciseTimes && Math.abs(this.#seenAt - seconds(state)) < COARSE;
  }

  /** Takes the slot as it is for unchanged: what it holds is known. */
  settle(staging: Staging): Mark {
    const state = slotState(this.#parts.native, staging.slot.fd);
    this.seen = { size: state.size, mtime: { sec: state.sec, nsec: state.nsec } };
    if (!this.#parts.host.preciseTimes) this.#seenAt = seconds(this.#parts.now());
    return this.seen;
  }

  read(into: Uint8Array, offset: number): Awaitable<number> {
    if (this.staging !== undefined) return this.staging.read(into, offset, this.size);
    return this.#parts.content.read(this.base, this.baseSize, into, offset);
  }

  /** The slot is no longer this file's. */
  unstage(): void {
    this.staging = undefined;
    this.binding = undefined;
    this.seen = undefined;
    this.watched = false;
    this.mappable = false;
    this.mapped = false;
  }

  /** A version was made of everything up to the change numbered `change`. */
  committed(inode: Inode, content: Content, size: number, change: number): void {
    this.base = content;
    this.baseSize = size;
    this.version = inode.version;
    if (this.#change !== change) return;
    this.changed = false;
    this.pending = undefined;
  }
}

function seconds(time: Time): number {
  return time.sec + time.nsec / 1e9;
}

/** Does a write to it by an ordinary user have to clear something first? */
export function isPrivileged(inode: Inode): boolean {
  const { mode } = inode;
  return (mode & S_ISUID) !== 0 || (mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP) || inode.xattrs;
}
