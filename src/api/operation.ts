/** One entry of the table of operations: what every edge offers is derived from it. */
import type { z } from 'zod';
import type { Caller } from '../base/caller.ts';
import type { TreeFiles } from '../vfs/files.ts';
import type { Identities } from './identity.ts';
import type { Permissions } from './permissions.ts';
import type { Program, Report } from './program.ts';

/** What an operation runs with. */
export interface Context {
  readonly caller: Caller;
  readonly files: TreeFiles;
  readonly program: Program;
  readonly permissions: Permissions;
  readonly identities: Identities;
  readonly signal: AbortSignal;
  /** Operations with `stream: 'in'`: the content that comes after the input. A piece is valid until the next is asked for. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Operations with `stream: 'out'`: sends content, resolves when more may be sent. The bytes may be reused then. */
  send(piece: Uint8Array): Promise<void>;
  readonly report: Report;
}

/** What all requests of one client have in common. */
export type BaseContext = Omit<Context, 'signal' | 'body' | 'send' | 'report'>;

export interface Operation<I = unknown, O = unknown> {
  /** `thing.verb`, or a word of its own. */
  readonly name: string;
  readonly summary: string;
  /** What it may change: nothing, files, or the running program. */
  readonly effect: 'read' | 'write' | 'admin';
  readonly stream?: 'in' | 'out';
  readonly input: z.ZodType<I>;
  readonly output: z.ZodType<O>;
  run(context: Context, input: I): Promise<O>;
}

/** Lets the compiler find input and output types from the schemas. */
export function operation<I, O>(definition: Operation<I, O>): Operation<I, O> {
  return definition;
}
