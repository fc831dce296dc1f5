/** The volume itself passes the suite of every FileSystem: over memory, over the store on disk, by passthrough. */
import { root } from '../../src/fs/types.ts';
import { describeFileSystem } from '../contract/filesystem.ts';
import type { FileSystemSubject } from '../contract/filesystem.ts';
import { openStack } from '../volume/fixture.ts';
import type { StackOptions } from '../volume/fixture.ts';
import { passthrough } from '../volume/passthrough.ts';

async function open(options: StackOptions): Promise<FileSystemSubject> {
  const stack = await openStack(options);
  return { fs: stack.volume, directory: root, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}

async function openPassthrough(): Promise<FileSystemSubject> {
  const stack = await openStack();
  return {
    fs: passthrough(stack.volume),
    directory: root,
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}

describeFileSystem('the volume over memory', () => open({ kv: 'memory' }));
describeFileSystem('the volume over LevelDB', () => open({ kv: 'level' }));
describeFileSystem('the volume where the host has coarse times and coarse holes', () =>
  open({ kv: 'memory', host: { preciseTimes: false, pageHoles: false } }),
);
describeFileSystem('the volume with the kernel writing by itself', openPassthrough, {
  lacks: { 'late set-id bits': 'the kernel clears them before it writes by itself; the simulation does not' },
});
