/** Operations on who there is: users, agents, groups, zones. */
import { z } from 'zod';
import { registeredShape, subjectShape, zoneShape } from './names.ts';
import { operation } from './operation.ts';

const nameInput = z.object({ zone: zoneShape, name: registeredShape });
const pageInput = z.object({
  zone: zoneShape,
  after: registeredShape.optional(),
  limit: z.number().int().min(1).max(10_000).default(1000),
});

const userShape = z.object({ name: z.string() });
const agentShape = z.object({ name: z.string(), owner: z.string(), ceiling: z.string().optional() });
const groupShape = z.object({ name: z.string() });
const zoneView = z.object({ name: z.string() });
const revisionShape = z.object({ revision: z.number() });

/** A subject, or the members of a group: `user:alice`, `group:eng`. */
const memberInput = z.object({
  zone: zoneShape,
  group: registeredShape,
  subjects: z.array(subjectShape).min(1).max(1000),
  relation: z.enum(['member', 'admin']).default('member'),
});

export const usersCreate = operation({
  name: 'users.create',
  summary: 'Registers a user in a zone',
  effect: 'admin',
  input: nameInput,
  output: userShape,
  run: ({ identities, caller }, { zone, name }) => identities.createUser(caller, zone, name),
});

export const usersList = operation({
  name: 'users.list',
  summary: 'The users of a zone by name, a page at a time',
  effect: 'read',
  input: pageInput,
  output: z.array(userShape),
  run: async ({ identities, caller }, { zone, after, limit }) => [
    ...(await identities.users(caller, zone, { after, limit })),
  ],
});

export const usersDelete = operation({
  name: 'users.delete',
  summary: 'Removes a user, with all that was granted to it',
  effect: 'admin',
  input: nameInput,
  output: z.object({}),
  async run({ identities, caller }, { zone, name }) {
    await identities.deleteUser(caller, zone, name);
    return {};
  },
});

export const agentsRegister = operation({
  name: 'agents.register',
  summary: 'Registers an agent, which acts for the user that owns it',
  effect: 'admin',
  input: nameInput.extend({ owner: registeredShape, ceiling: z.string().min(1).max(254).optional() }),
  output: agentShape,
  run: ({ identities, caller }, { zone, ...agent }) => identities.registerAgent(caller, zone, agent),
});

export const agentsList = operation({
  name: 'agents.list',
  summary: 'The agents of a zone by name, a page at a time',
  effect: 'read',
  input: pageInput,
  output: z.array(agentShape),
  run: async ({ identities, caller }, { zone, after, limit }) => [
    ...(await identities.agents(caller, zone, { after, limit })),
  ],
});

export const agentsDelete = operation({
  name: 'agents.delete',
  summary: 'Removes an agent, with all that was granted to it',
  effect: 'admin',
  input: nameInput,
  output: z.object({}),
  async run({ identities, caller }, { zone, name }) {
    await identities.deleteAgent(caller, zone, name);
    return {};
  },
});

export const groupsCreate = operation({
  name: 'groups.create',
  summary: 'Makes a group, without members',
  effect: 'admin',
  input: nameInput,
  output: groupShape,
  run: ({ identities, caller }, { zone, name }) => identities.createGroup(caller, zone, name),
});

export const groupsList = operation({
  name: 'groups.list',
  summary: 'The groups of a zone by name, a page at a time',
  effect: 'read',
  input: pageInput,
  output: z.array(groupShape),
  run: async ({ identities, caller }, { zone, after, limit }) => [
    ...(await identities.groups(caller, zone, { after, limit })),
  ],
});

export const groupsDelete = operation({
  name: 'groups.delete',
  summary: 'Removes a group, its memberships and all that was granted to it',
  effect: 'admin',
  input: nameInput,
  output: z.object({}),
  async run({ identities, caller }, { zone, name }) {
    await identities.deleteGroup(caller, zone, name);
    return {};
  },
});

export const groupsAddMember = operation({
  name: 'groups.addMember',
  summary: 'Adds users, agents and the members of other groups to a group',
  effect: 'write',
  input: memberInput,
  output: revisionShape,
  run: ({ identities, caller }, input) => identities.addMembers(caller, input),
});

export const groupsRemoveMember = operation({
  name: 'groups.removeMember',
  summary: 'Takes users, agents and groups out of a group',
  effect: 'write',
  input: memberInput,
  output: revisionShape,
  run: ({ identities, caller }, input) => identities.removeMembers(caller, input),
});

export const groupsMembers = operation({
  name: 'groups.members',
  summary: 'The direct members and administrators of a group',
  effect: 'read',
  input: z.object({ zone: zoneShape, group: registeredShape }),
  output: z.array(z.object({ subject: z.string(), relation: z.string() })),
  run: async ({ identities, caller }, { zone, group }) => [
    ...(await identities.members(caller, zone, group)),
  ],
});

export const zonesCreate = operation({
  name: 'zones.create',
  summary: 'Makes a zone: users, agents, groups and tuples of its own',
  effect: 'admin',
  input: z.object({ name: registeredShape }),
  output: zoneView,
  run: ({ identities, caller }, { name }) => identities.createZone(caller, name),
});

export const zonesList = operation({
  name: 'zones.list',
  summary: 'The zones by name, a page at a time',
  effect: 'read',
  input: pageInput.omit({ zone: true }),
  output: z.array(zoneView),
  run: async ({ identities, caller }, { after, limit }) => [
    ...(await identities.zones(caller, { after, limit })),
  ],
});

export const zonesDelete = operation({
  name: 'zones.delete',
  summary: 'Removes a zone that has no users, agents and groups any more',
  effect: 'admin',
  input: z.object({ name: registeredShape }),
  output: z.object({}),
  async run({ identities, caller }, { name }) {
    await identities.deleteZone(caller, name);
    return {};
  },
});
