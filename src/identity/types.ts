/** Who there is: zones, and in each of them users, agents that act for them, and groups. */

/** How much of what its user may do an agent may do for it. */
export const ceilings = ['none', 'viewer', 'editor', 'owner'] as const;

export type Ceiling = (typeof ceilings)[number];

interface Named {
  /** The zone it is in; a zone is in itself. */
  readonly zone: string;
  /** Byte-exact, unique among its kind in its zone. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly created: number;
}

export interface Zone extends Named {
  readonly kind: 'zone';
}

export interface User extends Named {
  readonly kind: 'user';
}

export interface Group extends Named {
  readonly kind: 'group';
}

export interface Agent extends Named {
  readonly kind: 'agent';
  /** The user of the same zone it acts for. */
  readonly user: string;
  /** Absent: everything its user may do. */
  readonly ceiling?: Ceiling;
}

export type Entity = Zone | User | Group | Agent;
export type EntityKind = Entity['kind'];

export interface EntityChange {
  readonly kind: 'created' | 'changed' | 'deleted';
  /** As it is now; a deleted one as it was. */
  readonly entity: Entity;
}

export interface PageOptions {
  /** The last name of the page before. */
  readonly after?: string;
  /** 1,000 unless told. */
  readonly limit?: number;
}
