/** Random models, tuples and subjects for comparing evaluators. */
import fc from 'fast-check';
import type { Model, Relation, Restriction, Rewrite, SubjectRef, Tuple } from '../../src/rebac/types.ts';

/** Few of everything, so that what happens meets: cycles through intersections are rare enough as it is. */
export const types = ['doc', 'group'] as const;
/** Relations by layer: a layer subtracts only what lies in earlier ones. */
export const layers = [['parent', 'a', 'b', 'c'], ['d', 'e'], ['f']] as const;
const relations = layers.flat();
const ids = ['1', '2'];

export const objects = types.flatMap((type) => ids.map((id) => `${type}:${id}`));

export const subjects: SubjectRef[] = [
  { type: 'user', id: 'x' },
  { type: 'user', id: 'y' },
  { type: 'user', id: '*' },
  { type: 'group', id: '1', relation: 'a' },
  { type: 'doc', id: '2', relation: 'c' },
];

const layerOf = (relation: string): number =>
  layers.findIndex((layer) => (layer as readonly string[]).includes(relation));

/** Relations of one's own layer and below, or of those below only. */
function upTo(layer: number): string[] {
  return relations.filter((relation) => relation !== 'parent' && layerOf(relation) <= layer);
}

const self: Rewrite = { kind: 'this' };

function rewrite(layer: number, depth: number): fc.Arbitrary<Rewrite> {
  const computed = fc
    .constantFrom(...upTo(layer))
    .map((relation): Rewrite => ({ kind: 'computed', relation }));
  const from = fc
    .constantFrom(...upTo(layer))
    .map((relation): Rewrite => ({ kind: 'from', tupleset: 'parent', relation }));
  const leaf = fc.oneof(fc.constant(self), computed, from);
  if (depth === 0) return leaf;
  const child = rewrite(layer, depth - 1);
  const many = fc
    .tuple(
      fc.constantFrom('union' as const, 'intersection' as const),
      fc.array(child, { minLength: 2, maxLength: 3 }),
    )
    .map(([kind, of]): Rewrite => ({ kind, of }));
  if (layer === 0) return fc.oneof({ weight: 1, arbitrary: leaf }, { weight: 3, arbitrary: many });
  const exclusion = fc
    .tuple(child, subtracted(layer - 1))
    .map(([base, subtract]): Rewrite => ({ kind: 'exclusion', base, subtract }));
  return fc.oneof(leaf, many, exclusion);
}

/** Without tuples of its own: those belong to the relation's layer. */
function subtracted(layer: number): fc.Arbitrary<Rewrite> {
  const relation = fc.constantFrom(...upTo(layer));
  return fc.oneof(
    relation.map((name): Rewrite => ({ kind: 'computed', relation: name })),
    relation.map((name): Rewrite => ({ kind: 'from', tupleset: 'parent', relation: name })),
  );
}

function restrictions(layer: number): fc.Arbitrary<Restriction[]> {
  const condition = fc.option(fc.constant('when'), { nil: undefined });
  const subject = fc.oneof(
    fc.constant<Restriction>({ type: 'user' }),
    fc.constant<Restriction>({ type: 'user', wildcard: true }),
    fc
      .tuple(fc.constantFrom(...types), fc.constantFrom(...upTo(layer)))
      .map(([type, relation]): Restriction => ({ type, relation })),
  );
  const one = fc
    .tuple(subject, condition)
    .map(([by, name]): Restriction => (name === undefined ? by : { ...by, condition: name }));
  return fc.array(one, { minLength: 1, maxLength: 4 });
}

function relation(layer: number): fc.Arbitrary<Relation> {
  return fc
    .tuple(rewrite(layer, 2), restrictions(layer))
    .map(([definition, allowed]) => ({ rewrite: definition, restrictions: allowed }));
}

const parent: Relation = {
  rewrite: self,
  restrictions: [{ type: 'doc' }, { type: 'group' }, { type: 'group', condition: 'when' }],
};

function typeModel(): fc.Arbitrary<ReadonlyMap<string, Relation>> {
  const defined = relations.filter((name) => name !== 'parent');
  return fc
    .tuple(...defined.map((name) => relation(layerOf(name))))
    .map(
      (made) =>
        new Map([
          ['parent', parent],
          ...made.map((one, at): [string, Relation] => [defined[at] as string, one]),
        ]),
    );
}

const models: fc.Arbitrary<Model> = fc.tuple(typeModel(), typeModel()).map(([doc, group]) => ({
  types: new Map<string, ReadonlyMap<string, Relation>>([
    ['user', new Map()],
    ['doc', doc],
    ['group', group],
  ]),
  conditions: new Map([['when', { parameters: new Map([['flag', 'bool']]), expression: 'flag' }]]),
}));

const anySubject: fc.Arbitrary<SubjectRef> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('x', 'y', '*').map((id) => ({ type: 'user', id })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...types), fc.constantFrom(...ids))
      .map(([type, id]) => ({ type, id })),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...types), fc.constantFrom(...ids), fc.constantFrom(...upTo(2)))
      .map(([type, id, name]) => ({ type, id, relation: name })),
  },
);

const context = fc.constantFrom(undefined, { flag: true }, { flag: true }, { flag: false }, {});

/** Some tuples that the model does not allow: they must not count. */
const stray: fc.Arbitrary<Tuple> = fc
  .tuple(
    fc.constantFrom(...types),
    fc.constantFrom(...ids),
    fc.constantFrom(...relations),
    anySubject,
    context,
  )
  .map(([type, id, name, subject, given]) => ({
    object: { type, id },
    relation: name,
    subject,
    ...(given && { condition: { name: 'when', context: given } }),
  }));

function allowed(model: Model): fc.Arbitrary<Tuple> {
  const places = types.flatMap((type) => relations.map((name) => ({ type, name })));
  return fc
    .tuple(fc.constantFrom(...places), fc.nat(), fc.constantFrom(...ids), fc.constantFrom(...ids), context)
    .map(([{ type, name }, choice, id, other, given]) => {
      const by = (model.types.get(type)?.get(name)?.restrictions ?? []) as readonly [
        Restriction,
        ...Restriction[],
      ];
      const { relation: userset, wildcard, condition, type: of } = by[choice % by.length] ?? by[0];
      const subject = { type: of, id: wildcard ? '*' : of === 'user' ? (other === '1' ? 'x' : 'y') : other };
      return {
        object: { type, id },
        relation: name,
        subject: userset === undefined ? subject : { ...subject, relation: userset },
        ...(condition !== undefined && { condition: { name: condition, context: given ?? {} } }),
      };
    });
}

/** A model, and tuples of which at most a few say the same. */
export const worlds: fc.Arbitrary<{ model: Model; tuples: Tuple[] }> = models.chain((model) =>
  fc
    .array(fc.oneof({ weight: 9, arbitrary: allowed(model) }, { weight: 1, arbitrary: stray }), {
      minLength: 5,
      maxLength: 70,
    })
    .map((tuples) => ({ model, tuples })),
);
