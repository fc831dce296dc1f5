/** The model a new zone starts with. */

/** What files and memories have in common: rights come from the object, its parents and its zone; `blocked` takes them away again. */
const node = (type: string): string => `
type ${type}
  relations
    define parent: [${type}]
    define zone: [zone]
    define blocked: [user, user:*, agent, agent:*, group#member] or blocked from parent
    define owner: [user, agent, group#member] or owner from parent or admin from zone
    define editor: [user, agent, group#member] or owner or editor from parent
    define viewer: [user, user:*, agent, agent:*, group#member] or editor or viewer from parent
    define can_read: viewer but not blocked
    define can_write: editor but not blocked
    define can_execute: owner but not blocked
    define can_own: owner but not blocked
`;

export const defaultModel = `model
  schema 1.1

type user

type agent
  relations
    define owner: [user]

type group
  relations
    define admin: [user, agent, group#member]
    define member: [user, agent, group#member] or admin

type zone
  relations
    define admin: [user, agent, group#member]
    define member: [user, agent, group#member] or admin
${node('file')}${node('memory')}`;
