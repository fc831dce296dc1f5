/** Drafts of content that is one block, or nothing but zero bytes. */
import type { Awaitable } from '../base/awaitable.ts';
import type { KvTransaction } from '../kv/types.ts';
import type { Blocks, StoredBlock } from './blocks.ts';
import { ZERO } from './content.ts';
import { hashOfBytes } from './hash.ts';
import { blockKey, isZero } from './layout.ts';
import type { PackLog } from './pack-log.ts';
import type { Needs, Protection } from './protection.ts';
import type { Content, Draft, Hash } from './types.ts';

const none: readonly never[] = [];

/** Names nothing: nothing to put, nothing to protect. */
export const zeroDraft: Draft = {
  content: ZERO,
  apply: () => undefined,
  done: () => undefined,
  drop: () => undefined,
};

class BlockDraft implements Draft, Needs {
  readonly content: Content;
  readonly hashes: readonly Hash[];
  readonly segments = none;
  readonly objects = none;
  readonly packs: readonly number[];
  readonly #block: StoredBlock;
  readonly #log: PackLog;
  readonly #protection: Protection;

  constructor(block: StoredBlock, log: PackLog, protection: Protection) {
    this.content = { kind: 'block', hash: block.hash };
    this.hashes = [block.hash];
    this.packs = block.pack === 0 ? none : [block.pack];
    this.#block = block;
    this.#log = log;
    this.#protection = protection;
    protection.hold(this);
  }

  apply(tx: KvTransaction): void {
    const { hash, record, pack } = this.#block;
    if (record) tx.put(blockKey(hash), record);
    if (pack !== 0) this.#log.apply(tx, pack);
  }

  done(): void {
    if (this.#block.pack !== 0) this.#log.applied(this.#block.pack);
    this.#protection.release(this);
  }

  drop(): void {
    this.#protection.release(this);
  }
}

/** Content of at most BLOCK bytes. */
export function draftBlock(
  bytes: Uint8Array,
  blocks: Blocks,
  log: PackLog,
  protection: Protection,
): Awaitable<Draft> {
  if (isZero(bytes)) return zeroDraft;
  const hash = hashOfBytes(bytes);
  const block = blocks.store(hash, bytes);
  if (!(block instanceof Promise)) return new BlockDraft(block, log, protection);
  // The draft comes later, a sweep may begin before.
  const needs: Needs = { hashes: [hash], segments: none, objects: none, packs: none };
  protection.hold(needs);
  return block
    .then((stored) => new BlockDraft(stored, log, protection))
    .finally(() => {
      protection.release(needs);
    });
}
