/** Between the names people use for subjects and objects and the references of tuples. */
import type { Named, TupleView } from '../api/permissions.ts';
import type { Caller } from '../base/caller.ts';
import { FsError, isFsError } from '../base/errors.ts';
import type { NodeId } from '../fs/types.ts';
import { formatObject, formatSubject, validateObject, validateSubject } from '../rebac/refs.ts';
import type { ObjectRef, SubjectRef, Tuple } from '../rebac/types.ts';
import type { TreeFiles } from '../vfs/files.ts';

/** The type of the objects that are nodes of the tree. */
export const fileType = 'file';

/** Types whose names may be paths. */
const pathTypes = new Set([fileType, 'memory']);

/** `alice`, `*`, `eng#admin`; a group without `#` stands for its members. */
export function subjectOf({ type, name }: Named): SubjectRef {
  const hash = name.indexOf('#');
  const relation = hash >= 0 ? name.slice(hash + 1) : type === 'group' ? 'member' : undefined;
  const id = hash >= 0 ? name.slice(0, hash) : name;
  const subject = relation === undefined ? { type, id } : { type, id, relation };
  validateSubject(subject);
  return subject;
}

/** The node an object stands for; undefined for what is no file. */
export function nodeOf({ type, id }: ObjectRef): NodeId | undefined {
  if (type !== fileType || !/^[1-9]\d{0,15}$/.test(id)) return undefined;
  const node = Number(id);
  return Number.isSafeInteger(node) ? node : undefined;
}

/** The object people name. ENOENT for a file that is not there, EINVAL for what cannot be the name of an object. */
export async function objectOf(files: TreeFiles, caller: Caller, { type, name }: Named): Promise<ObjectRef> {
  if (pathTypes.has(type) && name.startsWith('/')) {
    const node = await nodeAt(files, caller, name, type === fileType);
    if (node !== undefined) return { type: fileType, id: String(node) };
  } else if (type === fileType && nodeOf({ type, id: name }) === undefined) {
    throw new FsError(
      'EINVAL',
      `file ${JSON.stringify(name)}: a file is named by its path, as in /workspace/notes.txt, or by its number`,
    );
  }
  const object = { type, id: name };
  validateObject(object);
  return object;
}

async function nodeAt(
  files: TreeFiles,
  caller: Caller,
  path: string,
  must: boolean,
): Promise<NodeId | undefined> {
  try {
    return (await files.stat(caller, path)).node;
  } catch (error) {
    if (!must && (isFsError(error, 'ENOENT') || isFsError(error, 'ENOTDIR'))) return undefined;
    throw error;
  }
}

/** An absolute path without detours. */
const plainPath = /^(\/(?!\.{1,2}(\/|$))[^/]+)+$/;

/** Shows tuples of one request: each path is searched for once. */
export class Viewer {
  readonly #find: (node: NodeId) => Promise<string | undefined>;
  readonly #found = new Map<NodeId, string | undefined>();

  constructor(find: (node: NodeId) => Promise<string | undefined>) {
    this.#find = find;
  }

  /** The caller named the object by this path: no need to search for it. */
  found(object: ObjectRef, { name }: Named): void {
    const node = nodeOf(object);
    if (node !== undefined && plainPath.test(name)) this.#found.set(node, name);
  }

  /** Where in the tree an object is. */
  async path(object: ObjectRef): Promise<string | undefined> {
    const node = nodeOf(object);
    if (node === undefined) return undefined;
    if (!this.#found.has(node)) this.#found.set(node, await this.#find(node));
    return this.#found.get(node);
  }

  async object(object: ObjectRef): Promise<{ object: string; path?: string }> {
    const path = await this.path(object);
    return { object: formatObject(object), ...(path === undefined ? {} : { path }) };
  }

  async tuple(tuple: Tuple): Promise<TupleView> {
    const { subject, relation, object, expires, condition } = tuple;
    return {
      subject: formatSubject(subject),
      relation,
      ...(await this.object(object)),
      ...(expires === undefined ? {} : { expires: new Date(expires).toISOString() }),
      ...(condition === undefined ? {} : { condition }),
    };
  }

  async tuples(tuples: readonly Tuple[]): Promise<TupleView[]> {
    const views: TupleView[] = [];
    for (const tuple of tuples) views.push(await this.tuple(tuple));
    return views;
  }
}
