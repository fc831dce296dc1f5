/** Proofs and usersets of the engine as people read them: with paths for files, a line for each step. */
import type { ExpandedView } from '../api/permissions.ts';
import type { UsersetTree } from '../rebac/expand.ts';
import type { Proof } from '../rebac/explain.ts';
import { formatObject, formatSubject, parseSubject } from '../rebac/refs.ts';
import type { ObjectRef, SubjectRef, Tuple } from '../rebac/types.ts';
import type { Viewer } from './names.ts';

/** The steps of a proof, from what was asked to the tuples that decide. */
export async function stepsOf(proof: Proof, subject: SubjectRef, viewer: Viewer): Promise<string[]> {
  const [object, relation] = usersetOf(proof.userset);
  const where = await told(object, viewer);
  const steps: string[] = [];
  const { tuple, from, because } = proof;
  const first = from[0] === undefined ? undefined : usersetOf(from[0].userset);
  switch (because) {
    case 'direct':
    case 'userset':
      if (tuple) steps.push(await tupleText(tuple, viewer));
      break;
    case 'computed':
      if (first) steps.push(`${relation} of ${where} comes with ${first[1]}`);
      break;
    case 'parent':
      if (first)
        steps.push(`${relation} of ${where} comes with ${first[1]} of ${await told(first[0], viewer)}`);
      break;
    case 'parts':
      steps.push(`${relation} of ${where} takes all of what follows`);
      break;
    case 'itself':
      steps.push(`${formatSubject(subject)} is ${relation} of ${where} by itself`);
      break;
  }
  for (const each of from) steps.push(...(await stepsOf(each, subject, viewer)));
  return steps;
}

async function tupleText(tuple: Tuple, viewer: Viewer): Promise<string> {
  const { subject, relation, expires, condition } = tuple;
  const limits = [
    expires === undefined ? '' : `until ${new Date(expires).toISOString()}`,
    condition === undefined ? '' : `if ${condition.name}`,
  ].filter((each) => each !== '');
  const limit = limits.length === 0 ? '' : ` (${limits.join(', ')})`;
  return `${formatSubject(subject)} is ${relation} of ${await told(tuple.object, viewer)}${limit}`;
}

async function told(object: ObjectRef, viewer: Viewer): Promise<string> {
  return (await viewer.path(object)) ?? formatObject(object);
}

/** `file:12#viewer`. */
function usersetOf(text: string): [object: ObjectRef, relation: string] {
  const { type, id, relation = '' } = parseSubject(text);
  return [{ type, id }, relation];
}

export async function expandedView(tree: UsersetTree, viewer: Viewer): Promise<ExpandedView> {
  const path = await viewer.path(usersetOf(tree.name)[0]);
  const head = { name: tree.name, ...(path === undefined ? {} : { path }) };
  switch (tree.kind) {
    case 'users':
      return { ...head, kind: 'direct', subjects: tree.users };
    case 'computed':
      return { ...head, kind: 'same as', subjects: [await usersetText(tree.userset, viewer)] };
    case 'from': {
      const subjects: string[] = [];
      for (const each of tree.usersets) subjects.push(await usersetText(each, viewer));
      return { ...head, kind: `through ${usersetOf(tree.tupleset)[1]}`, subjects };
    }
    case 'union':
    case 'intersection':
      return {
        ...head,
        kind: tree.kind === 'union' ? 'any of' : 'all of',
        parts: await views(tree.of, viewer),
      };
    case 'exclusion':
      return {
        ...head,
        kind: 'the first but not the second',
        parts: await views([tree.base, tree.subtract], viewer),
      };
  }
}

async function views(trees: readonly UsersetTree[], viewer: Viewer): Promise<ExpandedView[]> {
  const found: ExpandedView[] = [];
  for (const tree of trees) found.push(await expandedView(tree, viewer));
  return found;
}

async function usersetText(text: string, viewer: Viewer): Promise<string> {
  const path = await viewer.path(usersetOf(text)[0]);
  return path === undefined ? text : `${text} (${path})`;
}
