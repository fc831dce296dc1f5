/** A small tree in memory with everything that decides about it, and operations run as anybody. */
import { administratorsOf } from '../../src/app/identity.ts';
import { openRights } from '../../src/app/rights.ts';
import type { Context } from '../../src/api/operation.ts';
import type { MountInfo, Program } from '../../src/api/program.ts';
import { runOperation } from '../../src/api/run.ts';
import type { Input, OperationName, Output } from '../../src/api/table.ts';
import { isFsError } from '../../src/base/errors.ts';
import type { KvStore } from '../../src/kv/types.ts';
import { MemoryKv } from '../../src/kv/memory-kv.ts';
import { TreeFiles } from '../../src/vfs/files.ts';
import { guard } from '../../src/vfs/guard.ts';
import { caller, MemoryTree } from '../vfs/memory-tree.ts';

const [admin = ''] = [...administratorsOf(process.getuid?.() ?? 0)];

export interface Who {
  readonly subject?: string;
  readonly zone?: string;
  readonly signal?: AbortSignal;
}

export interface RightsWorld {
  readonly tree: MemoryTree;
  /** Runs an operation, as the administrator unless told. */
  run<N extends OperationName>(name: N, input: Input<N>, who?: Who): Promise<Output<N>>;
  /** Its failure: the code, and what it says. */
  failure<N extends OperationName>(name: N, input: Input<N>, who?: Who): Promise<string>;
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // The operations in these tests take no body.
}

/** `/docs/a.txt` and `/private/b.txt` are there. */
export async function rightsWorld(
  kv: KvStore = new MemoryKv(),
  tree = new MemoryTree(),
): Promise<RightsWorld> {
  const rights = await openRights(kv, tree);
  const files = new TreeFiles(guard(tree, rights.access));
  const permissions = rights.permissions(files);
  // Only what operations on mounts ask.
  const program = {
    mount: async (who, request): Promise<MountInfo> => {
      rights.authority.requireMount(who, request);
      return { ...request, since: '' };
    },
  } as Partial<Program> as Program;
  const context = (who: Who): Context => {
    const signal = who.signal ?? new AbortController().signal;
    return {
      caller: caller({ subject: admin, ...who, signal }),
      files,
      program,
      permissions,
      identities: rights.identities,
      signal,
      body: nothing(),
      send: async () => undefined,
      report: () => undefined,
    };
  };
  const run = <N extends OperationName>(name: N, input: Input<N>, who: Who = {}): Promise<Output<N>> =>
    runOperation(name, input, context(who)) as Promise<Output<N>>;
  if (tree.nodes.size === 1) {
    for (const path of ['/docs', '/private', '/docs/deep']) await run('files.mkdir', { path });
    for (const path of ['/docs/a.txt', '/private/b.txt']) await run('files.write', { path });
  }
  return {
    tree,
    run,
    failure: async (name, input, who) => {
      try {
        await run(name, input, who);
      } catch (error) {
        if (error instanceof Error) return isFsError(error) ? error.message : `usage: ${error.message}`;
      }
      return 'no failure';
    },
  };
}

/** `agent bot`, `file /docs`: type and name in one text. */
export function named(text: string): { type: string; name: string } {
  const [type = '', name = ''] = text.split(' ');
  return { type, name };
}

/** `agent bot, viewer, file /docs` as the input of operations on one tuple. */
export function tuple(text: string): {
  subject: { type: string; name: string };
  relation: string;
  object: { type: string; name: string };
} {
  const [subject = '', relation = '', object = ''] = text.split(', ');
  return { subject: named(subject), relation, object: named(object) };
}
