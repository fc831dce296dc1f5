/** Random models, tuples and trees for comparing masks with the engine. */
import fc from 'fast-check';
import { parseModel } from '../../src/rebac/model.ts';

const names = ['owner', 'a', 'b', 'c', 'can_read', 'can_write', 'can_own'] as const;

/** Names stand for numbers until it is known which relations they may be: `@7` on the same node, `^7` above, `!7` what bits cannot follow. */
const leaf = fc.oneof(
  { weight: 5, arbitrary: fc.nat(60).map((at) => `@${at}`) },
  { weight: 4, arbitrary: fc.nat(60).map((at) => `^${at}`) },
  { weight: 1, arbitrary: fc.constant('admin from zone') },
  { weight: 1, arbitrary: fc.nat(60).map((at) => `!${at}`) },
);

const expression = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom('or', 'or', 'and', 'but not'), tie('any'), tie('any'))
      .map(([operator, left, right]) => `(${left} ${operator} ${right})`),
  ),
})).any;

const restriction = fc.constantFrom(
  'user',
  'user:*',
  'group#member',
  'user with small',
  'group#member with small',
  'file#a',
);

const relation = fc
  .tuple(
    fc.option(fc.uniqueArray(restriction, { minLength: 2, maxLength: 5 }), { freq: 5 }),
    fc.option(fc.tuple(fc.constantFrom('or', 'or', 'or', 'and', 'but not'), expression), { freq: 3 }),
    expression,
  )
  .map(([direct, more, alone]) => {
    if (direct === null) return alone.replace(/^\((.*)\)$/, '$1');
    const own = `[${direct.join(', ')}]`;
    return more === null ? own : `${own} ${more[0]} ${more[1]}`;
  });

/** How far a model goes: all that compiles; conditions too; everything, relations that follow from each other included. */
type Reach = 'plain' | 'conditions' | 'everything';

function rendered(text: string, i: number, reach: Reach): string {
  const all = names.length;
  const named = text
    .replaceAll(/@(\d+)/g, (_, at: string) => {
      const below = reach === 'everything' ? all : i;
      return below === 0 ? 'owner from parent' : (names[Number(at) % below] ?? 'owner');
    })
    .replaceAll(/\^(\d+)/g, (_, at: string) => `${names[Number(at) % all] ?? 'owner'} from parent`)
    .replaceAll(/!(\d+)/g, (_, at: string) =>
      reach === 'everything' ? 'member from space' : `${names[Number(at) % all] ?? 'owner'} from parent`,
    );
  if (reach === 'everything') return named;
  const dropped =
    reach === 'plain' ? /(?:, )?\b(?:(?:user|group#member) with small|file#a)/g : /(?:, )?\bfile#a/g;
  return named.replaceAll(dropped, '').replace('[, ', '[').replace('[]', '[user]');
}

const groupMember = fc.constantFrom(
  '[user, group#member]',
  '[user, user:*, group#member] or admin',
  '[user, group#member] but not banned',
  '[user, user with small, group#member]',
  '[user, group#member] and admin',
  '[user] or member from part',
);

/** Models that parse: what is not valid is drawn again. */
export const models = fc
  .tuple(
    fc.array(relation, { minLength: names.length, maxLength: names.length }),
    groupMember,
    groupMember,
    fc.constantFrom<Reach>('plain', 'plain', 'conditions', 'everything'),
  )
  .map(
    ([relations, member, lead, reach]) => `model
  schema 1.1
type user
type agent
type group
  relations
    define part: [group]
    define admin: [user, group#member]
    define banned: [user, group#member]
    define member: ${reach === 'plain' ? member.replace(', user with small', '') : member}
type space
  relations
    define member: [user, group#member]
type zone
  relations
    define part: [zone]
    define banned: [user]
    define member: ${lead.replaceAll('group', 'zone').replaceAll('admin', 'banned').replace(', user with small', '')}
    define admin: [user, group#member] or member
type file
  relations
    define parent: [file]
    define zone: [zone]
    define space: [space]
${names.map((name, i) => `    define ${name}: ${rendered(relations[i] ?? '[user]', i, reach)}`).join('\n')}
condition small(x: int) {
  x < 5
}
`,
  )
  .filter((dsl) => {
    try {
      parseModel(dsl);
      return true;
    } catch {
      return false;
    }
  });

/** Text of a tuple, and the number its condition is given, if it has one. */
export interface RandomTuple {
  readonly text: string;
  readonly condition: number | undefined;
}

const users = fc.constantFrom('user:ada', 'user:ada', 'user:bob', 'user:*');
const groups = fc.constantFrom('group:1', 'group:2');
const usersets = groups.map((group) => `${group}#member`);

/** 1 to 4 are directories, 5 and 6 files. */
export const nodes = [1, 2, 3, 4, 5, 6] as const;
const file = fc.constantFrom(...nodes).map((node) => `file:${node}`);

const tupleText = fc.oneof(
  {
    weight: 10,
    arbitrary: fc
      .tuple(
        file,
        fc.constantFrom('owner', 'a', 'b', 'c', 'can_read', 'can_write', 'can_own'),
        fc.oneof(users, usersets),
      )
      .map(([object, name, subject]) => `${object}#${name}@${subject}`),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(file, file).map(([object, other]) => `${object}#b@${other}#a`),
  },
  { weight: 1, arbitrary: file.map((object) => `${object}#space@space:s`) },
  { weight: 1, arbitrary: fc.oneof(users, usersets).map((subject) => `space:s#member@${subject}`) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(groups, fc.constantFrom('member', 'member', 'admin', 'banned'), fc.oneof(users, usersets))
      .map(([object, name, subject]) => `${object}#${name}@${subject}`),
  },
  { weight: 1, arbitrary: fc.tuple(groups, groups).map(([object, other]) => `${object}#part@${other}`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('admin', 'member', 'banned'), fc.oneof(users, usersets))
      .map(([name, subject]) => `zone:default#${name}@${subject}`),
  },
);

export const tuples = fc.record({
  text: tupleText,
  condition: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(1, 9) },
  ),
});

const agents = fc.constantFrom('agent:bot', 'agent:low', 'agent:*');

/** Tuples of the model that is shipped. */
export const shippedTuples = fc.record({
  text: fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .tuple(
          file,
          fc.constantFrom('viewer', 'viewer', 'editor', 'owner', 'blocked'),
          fc.oneof(users, agents, usersets),
        )
        .map(([object, name, subject]) => `${object}#${name}@${subject}`),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          groups,
          fc.constantFrom('member', 'admin'),
          fc.oneof(fc.constantFrom('user:ada', 'user:bob', 'agent:bot', 'agent:low'), usersets),
        )
        .map(([object, name, subject]) => `${object}#${name}@${subject}`),
    },
  ),
  condition: fc.constant(undefined),
});

export type Edit =
  | { readonly kind: 'write' | 'delete'; readonly tuple: RandomTuple }
  /** A directory or file goes below another directory. */
  | { readonly kind: 'move'; readonly node: number; readonly to: number }
  /** A file gets another name. */
  | { readonly kind: 'link'; readonly node: number; readonly to: number }
  /** Answers are asked for here, so that there is something to be remembered. */
  | { readonly kind: 'ask' };

export function editsOf(given: fc.Arbitrary<RandomTuple>): fc.Arbitrary<readonly Edit[]> {
  // What is taken away is mostly what was given before.
  return fc.array(edit(given), { maxLength: 24 }).map((all) => {
    const written: RandomTuple[] = [];
    return all.map((each) => {
      if (each.kind === 'write') written.push(each.tuple);
      const last = written.at(-(each.kind === 'delete' ? 1 + (each.tuple.text.length % 3) : 1));
      return each.kind === 'delete' && last ? { kind: 'delete' as const, tuple: last } : each;
    });
  });
}

const edit = (given: fc.Arbitrary<RandomTuple>): fc.Arbitrary<Edit> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('write' as const), tuple: given }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), tuple: given }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('move' as const, 'link' as const),
        node: fc.constantFrom(...nodes),
        to: fc.constantFrom(...nodes),
      }),
    },
    { weight: 4, arbitrary: fc.constant({ kind: 'ask' as const }) },
  );
