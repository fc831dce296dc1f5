/** Operations on permissions: who has which relation to what. */
import { z } from 'zod';
import { namedShape, relationShape, zoneShape } from './names.ts';
import { operation } from './operation.ts';
import type { ExpandedView } from './permissions.ts';

const revision = z.number().int().min(0);
const atLeast = { zone: zoneShape, minRevision: revision.optional() };

const conditionShape = z.object({
  name: z.string().min(1).max(254),
  context: z.record(z.string(), z.unknown()).default({}),
});

const tupleInput = { subject: namedShape, relation: relationShape, object: namedShape };

/** A moment, as milliseconds since 1970 or as ISO 8601 says it. */
const momentShape = z
  .union([z.number().int(), z.string()])
  .refine((moment) => !isNaN(new Date(moment).getTime()), {
    message: 'a time looks like 2030-01-31T12:00:00Z',
  });

const grantInput = {
  ...tupleInput,
  expires: momentShape.optional(),
  condition: conditionShape.optional(),
};

const asked = {
  context: z.record(z.string(), z.unknown()).optional(),
  contextualTuples: z.array(z.object(grantInput)).max(100).optional(),
};

const tupleShape = z.object({
  subject: z.string(),
  relation: z.string(),
  object: z.string(),
  path: z.string().optional(),
  expires: z.string().optional(),
  condition: conditionShape.optional(),
});

const answerShape = z.object({ allowed: z.boolean(), revision });

export const rebacGrant = operation({
  name: 'rebac.grant',
  summary: 'Gives a subject a relation to an object',
  effect: 'write',
  input: z.object({ zone: zoneShape, ...grantInput }),
  output: z.object({ revision, tuple: tupleShape, note: z.string().optional() }),
  run: ({ permissions, caller }, input) => permissions.grant(caller, input),
});

export const rebacRevoke = operation({
  name: 'rebac.revoke',
  summary: 'Takes a relation away again; when it answers, no mount acts on it any more',
  effect: 'write',
  input: z.object({ zone: zoneShape, ...tupleInput }),
  output: z.object({ revision, tuple: tupleShape, removed: z.boolean() }),
  run: ({ permissions, caller }, input) => permissions.revoke(caller, input),
});

const question = { ...tupleInput, ...asked };

export const rebacCheck = operation({
  name: 'rebac.check',
  summary: 'Has a subject this relation to this object, however it came by it',
  effect: 'read',
  input: z.object({ ...atLeast, ...question }),
  output: answerShape,
  run: ({ permissions, caller }, input) => permissions.check(caller, input),
});

export const rebacBatchCheck = operation({
  name: 'rebac.batchCheck',
  summary: 'Many checks at once, each answered by itself',
  effect: 'read',
  input: z.object({ ...atLeast, checks: z.array(z.object(question)).max(1000) }),
  output: z.object({ allowed: z.array(z.boolean()) }),
  async run({ permissions, caller, signal }, { checks, ...rest }) {
    const allowed: boolean[] = [];
    for (const each of checks) {
      signal.throwIfAborted();
      allowed.push((await permissions.check(caller, { ...rest, ...each })).allowed);
    }
    return { allowed };
  },
});

export const rebacList = operation({
  name: 'rebac.list',
  summary: 'The stored tuples, all or those of a subject, a relation, an object; a page at a time',
  effect: 'read',
  input: z.object({
    ...atLeast,
    subject: namedShape.optional(),
    relation: relationShape.optional(),
    object: namedShape.optional(),
    after: z.string().optional(),
    limit: z.number().int().min(1).max(10_000).default(1000),
  }),
  output: z.object({ tuples: z.array(tupleShape), revision, next: z.string().optional() }),
  run: ({ permissions, caller }, input) => permissions.list(caller, input),
});

const expandedShape: z.ZodType<ExpandedView> = z.lazy(() =>
  z.object({
    name: z.string(),
    path: z.string().optional(),
    kind: z.string(),
    subjects: z.array(z.string()).optional(),
    parts: z.array(expandedShape).optional(),
  }),
);

export const rebacExpand = operation({
  name: 'rebac.expand',
  summary: 'Who has a relation to an object, as the tree of rules and subjects behind it',
  effect: 'read',
  input: z.object({ ...atLeast, object: namedShape, relation: relationShape }),
  output: expandedShape,
  run: ({ permissions, caller }, input) => permissions.expand(caller, input),
});

export const rebacExplain = operation({
  name: 'rebac.explain',
  summary: 'Why a subject has a relation to an object: the chain of tuples and rules that decides',
  effect: 'read',
  input: z.object({ ...atLeast, ...question }),
  output: z.object({ allowed: z.boolean(), steps: z.array(z.string()).readonly() }),
  run: ({ permissions, caller }, input) => permissions.explain(caller, input),
});

export const rebacListObjects = operation({
  name: 'rebac.listObjects',
  summary: 'The objects of a type to which a subject has a relation',
  effect: 'read',
  input: z.object({
    ...atLeast,
    ...asked,
    type: relationShape,
    relation: relationShape,
    subject: namedShape,
  }),
  output: z.object({
    objects: z.array(z.object({ object: z.string(), path: z.string().optional() })),
    revision,
  }),
  run: ({ permissions, caller }, input) => permissions.listObjects(caller, input),
});

export const rebacListUsers = operation({
  name: 'rebac.listUsers',
  summary: 'The subjects of a type that have a relation to an object',
  effect: 'read',
  input: z.object({ ...atLeast, ...asked, object: namedShape, relation: relationShape, type: relationShape }),
  output: z.object({ subjects: z.array(z.string()), revision }),
  run: ({ permissions, caller }, input) => permissions.listUsers(caller, input),
});

export const rebacWatch = operation({
  name: 'rebac.watch',
  summary: 'Changes of tuples after a revision; with wait it answers when there is one',
  effect: 'read',
  input: z.object({
    zone: zoneShape,
    after: revision.default(0),
    limit: z.number().int().min(1).max(1000).default(100),
    wait: z.boolean().default(false),
  }),
  output: z.object({
    changes: z.array(z.object({ revision, kind: z.enum(['write', 'delete']), tuple: tupleShape })),
    revision,
  }),
  run: ({ permissions, caller }, input) => permissions.changes(caller, input),
});

const modelText = z
  .string()
  .min(1)
  .max(512 * 1024);

export const rebacModelShow = operation({
  name: 'rebac.modelShow',
  summary: 'The model of a zone: types, relations, and how they follow from each other',
  effect: 'read',
  input: z.object({ zone: zoneShape }),
  output: z.object({ revision, dsl: z.string(), shipped: z.boolean() }),
  run: ({ permissions, caller }, { zone }) => permissions.model(caller, zone),
});

export const rebacModelSet = operation({
  name: 'rebac.modelSet',
  summary: 'Replaces the model of a zone, from the next check on',
  effect: 'admin',
  input: z.object({ zone: zoneShape, dsl: modelText }),
  output: z.object({ revision }),
  run: ({ permissions, caller }, { zone, dsl }) => permissions.setModel(caller, zone, dsl),
});

export const rebacModelTest = operation({
  name: 'rebac.modelTest',
  summary: 'Says what another model would change, and changes nothing',
  effect: 'read',
  input: z.object({ zone: zoneShape, dsl: modelText }),
  output: z.object({
    added: z.array(z.string()).readonly(),
    removed: z.array(z.string()).readonly(),
    changed: z.array(z.string()).readonly(),
    tuples: z.array(tupleShape).readonly(),
    gains: z.array(z.string()).readonly(),
    losses: z.array(z.string()).readonly(),
    more: z.boolean(),
  }),
  run: ({ permissions, caller }, { zone, dsl }) => permissions.testModel(caller, zone, dsl),
});
