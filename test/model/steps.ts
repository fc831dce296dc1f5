/** Random steps on a tree and on the files that are open in it, and what a reference tree says of each. */
import fc from 'fast-check';
import { codes, type Code } from '../../src/base/errors.ts';
import { type Data, bytesOf, digest } from './noise.ts';
import { type NodeState, type OpenHow, type OpenNode, type Operation, Tree, operations } from './tree.ts';

/** Steps on the files of a tree; `handle` numbers descriptors, opening one that is in use closes it first. */
export type FileOperation =
  | { readonly op: 'put' | 'extend'; readonly path: string; readonly data: Data }
  | { readonly op: 'patch'; readonly path: string; readonly offset: number; readonly data: Data }
  | { readonly op: 'resize'; readonly path: string; readonly size: number }
  | { readonly op: 'stat' | 'list'; readonly path: string }
  | { readonly op: 'read'; readonly path: string }
  | { readonly op: 'open'; readonly path: string; readonly handle: number; readonly how: OpenHow }
  | { readonly op: 'close' | 'fstat' | 'fsync'; readonly handle: number }
  | { readonly op: 'pwrite'; readonly handle: number; readonly offset: number; readonly data: Data }
  | { readonly op: 'pread'; readonly handle: number; readonly offset: number; readonly length: number }
  | { readonly op: 'ftruncate'; readonly handle: number; readonly size: number };

/** Steps no call of Node makes: for a FileSystem only. */
export type SpaceOperation =
  | {
      readonly op: 'punch' | 'zero';
      readonly handle: number;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly op: 'copy';
      readonly handle: number;
      readonly offset: number;
      readonly to: number;
      readonly toOffset: number;
      readonly length: number;
    };

/** `via` says through which mount. */
export type Step = (Operation | FileOperation | SpaceOperation) & { readonly via: number };

/** What a step answers: an errno, or what it read. */
export interface Outcome {
  readonly code?: Code;
  readonly value?: string;
}

const isCode = (found: unknown): found is Code => codes.includes(found as Code);

/** A node without its content, as `stat` answers. */
export function statText({ type, mode, uid, gid, nlink, content }: NodeState): string {
  const size = type === 'directory' ? '' : ` size ${content.length}`;
  return `${type} ${mode.toString(8)} ${uid}:${gid} nlink ${nlink}${size}`;
}

interface Open {
  readonly node: OpenNode;
  readonly how: OpenHow;
}

/** The reference tree together with the descriptors that are open in it. */
export class OpenTree {
  readonly #tree = new Tree();
  readonly #handles = new Map<number, Open>();

  run(step: Step): Outcome {
    switch (step.op) {
      case 'put':
      case 'extend':
      case 'patch':
      case 'resize':
      case 'read':
        return this.#content(step);
      case 'stat': {
        const found = this.#tree.stat(step.path);
        return isCode(found) ? { code: found } : { value: statText(found) };
      }
      case 'list': {
        const found = this.#tree.list(step.path);
        return isCode(found) ? { code: found } : { value: found.join(' ') };
      }
      case 'open':
      case 'close':
      case 'fstat':
      case 'fsync':
      case 'pwrite':
      case 'pread':
      case 'ftruncate':
      case 'punch':
      case 'zero':
      case 'copy':
        return this.#handle(step);
      default: {
        const code = this.#tree.run(step);
        return code === undefined ? {} : { code };
      }
    }
  }

  /** The numbers of the open descriptors. */
  open(): number[] {
    return [...this.#handles.keys()];
  }

  /** Who had files open is gone, and with it the files without a name. */
  closeAll(): void {
    this.#handles.clear();
  }

  /** Paths of regular files nobody has open. */
  closed(): string[] {
    const open = new Set([...this.#handles.values()].map(({ node }) => node));
    return [...this.#tree.state()].flatMap(([path, { type }]) => {
      const found = type === 'file' ? this.#tree.open(path, 'read') : 'EISDIR';
      return isCode(found) || open.has(found) ? [] : [path];
    });
  }

  directories(): string[] {
    return [...this.state()].filter(([, { type }]) => type === 'directory').map(([path]) => path);
  }

  /** Every path; of long contents the hash. */
  digests(): Map<string, NodeState> {
    return new Map(
      [...this.state()].map(([path, node]) => [path, { ...node, content: digest(node.content) }]),
    );
  }

  state(): Map<string, NodeState> {
    return this.#tree.state();
  }

  #content(step: Extract<Step, { readonly op: 'put' | 'extend' | 'patch' | 'resize' | 'read' }>): Outcome {
    const node = this.#tree.open(step.path, step.op === 'put' ? 'truncate' : 'read');
    if (isCode(node)) return { code: node };
    if (step.op === 'read') return { value: digest(node.content) };
    if (step.op === 'resize') resize(node, step.size);
    else write(node, step.op === 'patch' ? step.offset : node.content.length, step.data);
    return {};
  }

  #handle(step: Extract<Step, { readonly handle: number }>): Outcome {
    if (step.op === 'open') return this.#open(step);
    const open = this.#handles.get(step.handle);
    if (open === undefined) return { code: 'EBADF' };
    const { node, how } = open;
    switch (step.op) {
      case 'close':
        this.#handles.delete(step.handle);
        return {};
      case 'fstat':
        return { value: `size ${node.content.length} nlink ${this.#tree.names(node)}` };
      case 'pread':
        return { value: digest(node.content.slice(step.offset, step.offset + step.length)) };
      case 'pwrite':
        if (how === 'read') return { code: 'EBADF' };
        write(node, how === 'append' ? node.content.length : step.offset, step.data);
        return {};
      case 'ftruncate':
        if (how === 'read') return { code: 'EINVAL' };
        resize(node, step.size);
        return {};
      case 'punch':
      case 'zero':
      case 'copy':
        return this.#space(step, open);
      default:
        return {};
    }
  }

  #open(step: Extract<Step, { readonly op: 'open' }>): Outcome {
    this.#handles.delete(step.handle);
    const node = this.#tree.open(step.path, step.how);
    if (isCode(node)) return { code: node };
    this.#handles.set(step.handle, { node, how: step.how });
    return {};
  }

  #space(step: SpaceOperation, { node, how }: Open): Outcome {
    const { offset, length } = step;
    const cut = node.content.slice(offset, offset + length);
    if (step.op !== 'copy') {
      if (how === 'read') return { code: 'EBADF' };
      if (step.op === 'zero' && offset + length > node.content.length) resize(node, offset + length);
      const there = Math.min(length, Math.max(0, node.content.length - offset));
      if (there > 0) overwrite(node, offset, '\0'.repeat(there));
      return {};
    }
    const to = this.#handles.get(step.to);
    if (to === undefined || to.how === 'read' || to.how === 'append') return { code: 'EBADF' };
    const { toOffset } = step;
    const meets = offset < toOffset + cut.length && toOffset < offset + cut.length;
    if (to.node === node && meets) return { code: 'EINVAL' };
    if (cut.length > 0) overwrite(to.node, toOffset, cut);
    return { value: String(cut.length) };
  }
}

function overwrite(node: OpenNode, offset: number, text: string): void {
  const { content } = node;
  node.content = content.slice(0, offset).padEnd(offset, '\0') + text + content.slice(offset + text.length);
}

function write(node: OpenNode, offset: number, data: Data): void {
  if (data.length > 0) overwrite(node, offset, bytesOf(data).toString('latin1'));
}

function resize(node: OpenNode, size: number): void {
  node.content = node.content.slice(0, size).padEnd(size, '\0');
}

const path = fc
  .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 2 })
  .map((names) => '/' + names.join('/'));
const edges = [0, 1, 4095, 4096, 4097, 16_384, 16_385, 65_536, 262_143, 262_144, 262_145, 524_288];
const offset = fc.oneof(
  { weight: 4, arbitrary: fc.nat(200) },
  { weight: 3, arbitrary: fc.constantFrom(...edges) },
  { weight: 1, arbitrary: fc.nat(150).map((page) => page * 4096) },
  { weight: 1, arbitrary: fc.nat(700_000) },
);
const length = fc.oneof(
  { weight: 4, arbitrary: fc.nat(200) },
  { weight: 2, arbitrary: fc.constantFrom(...edges) },
  { weight: 1, arbitrary: fc.nat(400_000) },
);
const data = fc.record({ length, seed: fc.nat(20) });
const huge = fc.record({ length: fc.constant(4_300_000), seed: fc.integer({ min: 1, max: 5 }) });
const handle = fc.nat(4);
const how = fc.constantFrom<OpenHow>('read', 'write', 'write', 'append', 'truncate', 'exclusive');
const constant = <T extends string>(...ops: T[]): fc.Arbitrary<T> => fc.constantFrom(...ops);
const via = fc.nat(1);

const files: [number, fc.Arbitrary<FileOperation>][] = [
  [4, fc.record({ op: constant('put', 'extend'), path, data })],
  [2, fc.record({ op: constant('patch'), path, offset, data })],
  [2, fc.record({ op: constant('resize'), path, size: offset })],
  [2, fc.record({ op: constant('stat', 'list'), path })],
  [2, fc.record({ op: constant('read'), path })],
  [6, fc.record({ op: constant('open'), path, handle, how })],
  [4, fc.record({ op: constant('close', 'fstat', 'fsync'), handle })],
  [6, fc.record({ op: constant('pwrite'), handle, offset, data })],
  [3, fc.record({ op: constant('pread'), handle, offset, length })],
  [2, fc.record({ op: constant('ftruncate'), handle, size: offset })],
];
const space: [number, fc.Arbitrary<SpaceOperation>][] = [
  [2, fc.record({ op: constant('punch', 'zero'), handle, offset, length: length.map((n) => n + 1) })],
  [2, fc.record({ op: constant('copy'), handle, offset, to: handle, toOffset: offset, length })],
];

function steps(
  more: [number, fc.Arbitrary<Operation | FileOperation | SpaceOperation>][],
): fc.Arbitrary<Step> {
  const all = [
    [14, operations] as const,
    [0.2, fc.record({ op: constant('put'), path, data: huge })] as const,
    ...more,
  ];
  const operation = fc.oneof(...all.map(([weight, arbitrary]) => ({ weight: weight * 5, arbitrary })));
  return fc.tuple(operation, via).map(([made, through]) => ({ ...made, via: through }));
}

/** See `aimed`. */
export const aims = fc.nat(1 << 20);

/** For a mount, driven by a process. renameat2(2) is none of Node's calls. */
export const mountSteps: fc.Arbitrary<Step> = steps(files).filter(
  (step) => step.op !== 'rename' || step.mode === 'replace',
);

/** For a FileSystem. */
export const volumeSteps: fc.Arbitrary<Step> = steps([...files, ...space]);
