/** Turns most random steps to what is there, so that they do something; the rest keep trying what may not be. */
import type { OpenTree, Step } from './steps.ts';
import type { NodeState } from './tree.ts';

/** `aim` decides by itself: the same step in the same state always becomes the same. Multiples of four stay as they are. */
export function aimed(tree: OpenTree, step: Step, aim: number): Step {
  if (aim % 4 === 0) return step;
  const choice = Math.floor(aim / 4);
  if ('handle' in step) {
    if (step.op === 'open')
      return step.how === 'exclusive' ? placed(tree, step, choice) : onFile(tree, step, choice);
    const open = tree.open();
    const handle = open[choice % open.length] ?? step.handle;
    return step.op === 'copy'
      ? { ...step, handle, to: open[(choice >> 3) % open.length] ?? step.to }
      : { ...step, handle };
  }
  switch (step.op) {
    case 'mkdir':
    case 'create':
    case 'symlink':
      return placed(tree, step, choice);
    case 'link':
      return { ...onFile(tree, step, choice), to: placeOf(tree, step.to, choice >> 3) };
    case 'rename':
      return { ...onAny(tree, step, choice), to: placeOf(tree, step.to, choice >> 3) };
    case 'unlink':
    case 'put':
    case 'extend':
    case 'patch':
    case 'resize':
    case 'read':
    case 'write':
    case 'truncate':
      return onFile(tree, step, choice);
    default:
      return onAny(tree, step, choice);
  }
}

function pick(
  tree: OpenTree,
  wanted: (node: NodeState, path: string) => boolean,
  choice: number,
): string | undefined {
  const paths = [...tree.state()].filter(([path, node]) => wanted(node, path)).map(([path]) => path);
  return paths[choice % paths.length];
}

function onFile<T extends Step & { readonly path: string }>(tree: OpenTree, step: T, choice: number): T {
  return { ...step, path: pick(tree, ({ type }) => type === 'file', choice) ?? step.path };
}

function onAny<T extends Step & { readonly path: string }>(tree: OpenTree, step: T, choice: number): T {
  return { ...step, path: pick(tree, (_, path) => path !== '/', choice) ?? step.path };
}

function placed<T extends Step & { readonly path: string }>(tree: OpenTree, step: T, choice: number): T {
  return { ...step, path: placeOf(tree, step.path, choice) };
}

/** The last name of the path, in a directory that is there. */
function placeOf(tree: OpenTree, path: string, choice: number): string {
  const parent =
    pick(tree, ({ type }, at) => type === 'directory' && at.split('/').length < 4, choice) ?? '/';
  return `${parent === '/' ? '' : parent}/${path.split('/').at(-1) ?? ''}`;
}
