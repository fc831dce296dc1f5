/** The table of operations: everything an edge can ask for, by name. */
import {
  filesList,
  filesMkdir,
  filesRead,
  filesReadVersion,
  filesRemove,
  filesRename,
  filesStat,
  filesVersions,
  filesWrite,
} from './files-operations.ts';
import {
  agentsDelete,
  agentsList,
  agentsRegister,
  groupsAddMember,
  groupsCreate,
  groupsDelete,
  groupsList,
  groupsMembers,
  groupsRemoveMember,
  usersCreate,
  usersDelete,
  usersList,
  zonesCreate,
  zonesDelete,
  zonesList,
} from './identity-operations.ts';
import type { Operation } from './operation.ts';
import {
  fsck,
  gc,
  mountsAdd,
  mountsEnded,
  mountsList,
  mountsRemove,
  status,
  stop,
} from './program-operations.ts';
import {
  rebacBatchCheck,
  rebacCheck,
  rebacExpand,
  rebacExplain,
  rebacGrant,
  rebacList,
  rebacListObjects,
  rebacListUsers,
  rebacModelSet,
  rebacModelShow,
  rebacModelTest,
  rebacRevoke,
  rebacWatch,
} from './rebac-operations.ts';

export const table = {
  'files.list': filesList,
  'files.stat': filesStat,
  'files.read': filesRead,
  'files.readVersion': filesReadVersion,
  'files.write': filesWrite,
  'files.mkdir': filesMkdir,
  'files.remove': filesRemove,
  'files.rename': filesRename,
  'files.versions': filesVersions,
  'rebac.grant': rebacGrant,
  'rebac.revoke': rebacRevoke,
  'rebac.check': rebacCheck,
  'rebac.batchCheck': rebacBatchCheck,
  'rebac.list': rebacList,
  'rebac.expand': rebacExpand,
  'rebac.explain': rebacExplain,
  'rebac.listObjects': rebacListObjects,
  'rebac.listUsers': rebacListUsers,
  'rebac.watch': rebacWatch,
  'rebac.modelShow': rebacModelShow,
  'rebac.modelSet': rebacModelSet,
  'rebac.modelTest': rebacModelTest,
  'users.create': usersCreate,
  'users.list': usersList,
  'users.delete': usersDelete,
  'agents.register': agentsRegister,
  'agents.list': agentsList,
  'agents.delete': agentsDelete,
  'groups.create': groupsCreate,
  'groups.list': groupsList,
  'groups.delete': groupsDelete,
  'groups.addMember': groupsAddMember,
  'groups.removeMember': groupsRemoveMember,
  'groups.members': groupsMembers,
  'zones.create': zonesCreate,
  'zones.list': zonesList,
  'zones.delete': zonesDelete,
  status,
  'mounts.add': mountsAdd,
  'mounts.list': mountsList,
  'mounts.remove': mountsRemove,
  'mounts.ended': mountsEnded,
  fsck,
  gc,
  stop,
} as const;

export type Table = typeof table;
export type OperationName = keyof Table;

/** What a caller passes: fields with a default may be left out. */
export type Input<N extends OperationName> = Partial<Parameters<Table[N]['run']>[1]>;
export type Output<N extends OperationName> = Awaited<ReturnType<Table[N]['run']>>;

/** The operation of that name, if there is one. */
export function operationOf(name: string): Operation | undefined {
  return Object.hasOwn(table, name)
    ? (table as unknown as Readonly<Record<string, Operation>>)[name]
    : undefined;
}
