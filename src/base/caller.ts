/** Who asks: set once by whoever authenticates (the mount, the control socket), passed first to every operation. */
export interface Caller {
  /** `type:id`, for example `user:alice` or `agent:builder`. */
  readonly subject: string;
  readonly zone: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; a function where finding them costs something (the kernel does not send them). */
  readonly groups: readonly number[] | (() => readonly number[]);
  /** Thread id of the caller in the daemon's pid namespace; 0 where unknown. */
  readonly pid: number;
  /** Bits cleared from the mode of what the caller creates. The mount passes modes the kernel has masked, and 0 here. */
  readonly umask: number;
  /** Which edge the call came through: the id of a mount, 0 for everything that is not a mount. */
  readonly via: number;
  /** Aborted when the caller no longer waits (FUSE INTERRUPT, a closed connection). */
  readonly signal?: AbortSignal;
}

/** For what nobody in particular asks for. With a subject and a zone: these, where no request says more. */
export const nobody: Caller = {
  subject: '',
  zone: '',
  uid: 0,
  gid: 0,
  groups: [],
  pid: 0,
  umask: 0,
  via: 0,
};

/** The groups of a caller, its own gid left out. */
export function groupsOf(caller: Caller): readonly number[] {
  return typeof caller.groups === 'function' ? caller.groups() : caller.groups;
}

/** Is the caller a member of the group, by its gid or a supplementary group? */
export function inGroup(caller: Caller, gid: number): boolean {
  return caller.gid === gid || groupsOf(caller).includes(gid);
}

/** The zone that everything in the tree belongs to. */
export const TREE_ZONE = 'default';

/** A caller as the tree remembers it, and the tuples of its zone name it: with its own zone where that is another one. */
export function rememberedAs({ subject, zone }: Pick<Caller, 'subject' | 'zone'>): string {
  if (zone === TREE_ZONE || zone === '') return subject;
  const colon = subject.indexOf(':');
  return `${subject.slice(0, colon)}:${zone}/${subject.slice(colon + 1)}`;
}
