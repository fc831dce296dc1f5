/** Tuples and usersets as lines for people. */
import type { ExpandedView, TupleView } from '../api/permissions.ts';

/** Cells: subject, relation, object, until when. */
export function tupleRow(
  tuple: TupleView,
): [subject: string, relation: string, object: string, until: string] {
  const { subject, relation, object, path, expires, condition } = tuple;
  const limits = [
    expires === undefined ? '' : Date.parse(expires) <= Date.now() ? `${expires} (over)` : expires,
    condition === undefined ? '' : `if ${condition.name}${JSON.stringify(condition.context)}`,
  ];
  const type = object.slice(0, object.indexOf(':') + 1);
  return [
    subject,
    relation,
    path === undefined ? object : type + path,
    limits.filter((each) => each !== '').join(', '),
  ];
}

/** A tree of usersets, two spaces a level. */
export function expandedText(tree: ExpandedView, depth = 0): string {
  const { name, path, kind, subjects = [], parts = [] } = tree;
  const indent = '  '.repeat(depth);
  const lines = [
    `${indent}${name}${path === undefined ? '' : ` (${path})`}: ${kind}\n`,
    ...subjects.map((subject) => `${indent}  ${subject}\n`),
    ...parts.map((part) => expandedText(part, depth + 1)),
  ];
  return lines.join('');
}
