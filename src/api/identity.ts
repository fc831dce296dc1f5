/** What the operations on zones, users, agents and groups need of the running program; `app` provides it. */
import type { Caller } from '../base/caller.ts';

export interface UserView {
  readonly name: string;
}

export interface AgentView {
  readonly name: string;
  /** The user it acts for. */
  readonly owner: string;
  /** The most it may do, whatever it and its owner were granted. */
  readonly ceiling?: string | undefined;
}

export interface GroupView {
  readonly name: string;
}

export interface ZoneView {
  readonly name: string;
}

export interface Page {
  /** Names after this one. */
  readonly after: string | undefined;
  readonly limit: number;
}

export interface MembersRequest {
  readonly zone: string;
  readonly group: string;
  /** `type:name`, as in `user:alice`; a group stands for its members. */
  readonly subjects: readonly string[];
  /** Members, or those who may change the members. */
  readonly relation: 'member' | 'admin';
}

/** Errors are FsErrors: EEXIST and ENOENT for names, EINVAL for those that are none, EACCES for who may not. */
export interface Identities {
  createUser(caller: Caller, zone: string, name: string): Promise<UserView>;
  users(caller: Caller, zone: string, page: Page): Promise<readonly UserView[]>;
  /** What was granted to the user ends with it. */
  deleteUser(caller: Caller, zone: string, name: string): Promise<void>;
  registerAgent(caller: Caller, zone: string, agent: AgentView): Promise<AgentView>;
  agents(caller: Caller, zone: string, page: Page): Promise<readonly AgentView[]>;
  deleteAgent(caller: Caller, zone: string, name: string): Promise<void>;
  createGroup(caller: Caller, zone: string, name: string): Promise<GroupView>;
  groups(caller: Caller, zone: string, page: Page): Promise<readonly GroupView[]>;
  deleteGroup(caller: Caller, zone: string, name: string): Promise<void>;
  addMembers(caller: Caller, request: MembersRequest): Promise<{ revision: number }>;
  removeMembers(caller: Caller, request: MembersRequest): Promise<{ revision: number }>;
  members(
    caller: Caller,
    zone: string,
    group: string,
  ): Promise<readonly { subject: string; relation: string }[]>;
  createZone(caller: Caller, name: string): Promise<ZoneView>;
  zones(caller: Caller, page: Page): Promise<readonly ZoneView[]>;
  deleteZone(caller: Caller, name: string): Promise<void>;
}
