/** What every TupleReader promises. `open` gives a reader that holds exactly these tuples. */
import { describe, expect, it } from 'vitest';
import type { Awaitable } from '../../src/base/awaitable.ts';
import { parseObject, parseSubject } from '../../src/rebac/refs.ts';
import type { Tuple, TupleReader } from '../../src/rebac/types.ts';

export type OpenReader = (tuples: readonly Tuple[]) => Awaitable<TupleReader>;

/** `file:1 viewer user:ada`. */
export function tuple(text: string, more: Pick<Tuple, 'condition' | 'expires'> = {}): Tuple {
  const [object = '', relation = '', subject = ''] = text.split(' ');
  return { object: parseObject(object), relation, subject: parseSubject(subject), ...more };
}

/** Tuples as sorted text: their order is nobody's promise. */
export function texts(tuples: readonly Tuple[]): string[] {
  return tuples.map(textOf).sort();
}

export function textOf({ object, relation, subject }: Tuple): string {
  const userset = subject.relation === undefined ? '' : `#${subject.relation}`;
  return `${object.type}:${object.id} ${relation} ${subject.type}:${subject.id}${userset}`;
}

const expires = 1_900_000_000_000;
const condition = { name: 'in_office', context: { network: '10.0.0.0/8', hours: [9, 17] } };

const few = [
  'file:1 viewer user:ada',
  'file:1 viewer user:bob',
  'file:1 viewer user:*',
  'file:1 viewer group:eng#member',
  'file:1 viewer group:eng#admin',
  'file:1 viewer group:eng',
  'file:1 view group:eng#member',
  'file:1 owner user:ada',
  'file:12 viewer user:ada',
  'folder:1 viewer user:ada',
  'folder:1 viewer agent:ada',
  'fil:e1 viewer user:ada',
].map((text) => tuple(text.replace('fil:e1', 'fil:1')));

export function describeTupleReader(name: string, open: OpenReader): void {
  describe(`${name} keeps the contract of TupleReader`, () => {
    it('finds the tuple with exactly this subject, and no other (PERM-1)', async () => {
      const reader = await open(few);
      for (const one of few) expect(await reader.get(one)).toEqual(one);
      for (const absent of ['file:1 owner user:bob', 'file:2 viewer user:ada', 'file:1 viewer user:Ada']) {
        expect(await reader.get(tuple(absent))).toBeUndefined();
      }
      expect(await reader.get(tuple('file:1 owner user:*'))).toBeUndefined();
      expect(await reader.get(tuple('file:1 view group:eng'))).toBeUndefined();
    });

    it('lists usersets and wildcards apart from single subjects (PERM-1)', async () => {
      const reader = await open(few);
      const object = { type: 'file', id: '1' };
      expect(texts(await reader.usersets(object, 'viewer'))).toEqual([
        'file:1 viewer group:eng#admin',
        'file:1 viewer group:eng#member',
        'file:1 viewer user:*',
      ]);
      expect(await reader.usersets(object, 'owner')).toEqual([]);
      expect(await reader.usersets({ type: 'file', id: '12' }, 'viewer')).toEqual([]);
    });

    it('lists all tuples of one relation of one object (PERM-1)', async () => {
      const reader = await open(few);
      const object = { type: 'file', id: '1' };
      expect(texts(await reader.subjects(object, 'viewer'))).toEqual(
        texts(few.filter((one) => textOf(one).startsWith('file:1 viewer '))),
      );
      expect(texts(await reader.subjects(object, 'view'))).toEqual(['file:1 view group:eng#member']);
      expect(await reader.subjects({ type: 'file', id: '3' }, 'viewer')).toEqual([]);
    });

    it('lists the objects of exactly this subject, of one type or of all (PERM-8)', async () => {
      const reader = await open(few);
      const ada = { type: 'user', id: 'ada' };
      expect(texts(await reader.objects(ada))).toEqual(
        texts(few.filter((one) => textOf(one).endsWith(' user:ada'))),
      );
      expect(texts(await reader.objects(ada, 'folder'))).toEqual(['folder:1 viewer user:ada']);
      expect(texts(await reader.objects(ada, 'fil'))).toEqual(['fil:1 viewer user:ada']);
      expect(texts(await reader.objects({ type: 'group', id: 'eng' }))).toEqual(['file:1 viewer group:eng']);
      expect(texts(await reader.objects({ type: 'group', id: 'eng', relation: 'member' }))).toEqual([
        'file:1 view group:eng#member',
        'file:1 viewer group:eng#member',
      ]);
      expect(texts(await reader.objects({ type: 'user', id: '*' }))).toEqual(['file:1 viewer user:*']);
    });

    it('lists all tuples on objects of a type (PERM-8)', async () => {
      const reader = await open(few);
      expect(texts(await reader.ofType('folder'))).toEqual([
        'folder:1 viewer agent:ada',
        'folder:1 viewer user:ada',
      ]);
      expect(await reader.ofType('file')).toHaveLength(9);
      expect(await reader.ofType('fi')).toEqual([]);
    });

    it('gives back conditions and expiry, also of what has expired (PERM-8)', async () => {
      const tuples = [
        tuple('file:1 viewer user:ada', { condition, expires }),
        tuple('file:1 viewer user:bob', { expires: 1 }),
        tuple('file:1 viewer user:*', { condition }),
      ];
      const reader = await open(tuples);
      for (const one of tuples) expect(await reader.get(one)).toEqual(one);
      const listed = await reader.subjects({ type: 'file', id: '1' }, 'viewer');
      expect(listed).toEqual(expect.arrayContaining(tuples));
      expect(await reader.objects({ type: 'user', id: 'ada' })).toEqual([tuples[0]]);
      expect(await reader.usersets({ type: 'file', id: '1' }, 'viewer')).toEqual([tuples[2]]);
      expect(await reader.ofType('file')).toHaveLength(3);
    });

    it('takes ids byte for byte (PERM-1)', async () => {
      const ids = [
        'a',
        'A',
        'é',
        'e\u0301',
        'a ',
        'a\0',
        '\0',
        ':',
        '#',
        'a:b',
        'a#b',
        '@',
        '\xff',
        '\u{1f600}',
        '/x/../y',
      ];
      const tuples = ids.map(
        (id): Tuple => ({
          object: { type: 'file', id },
          relation: 'viewer',
          subject: { type: 'user', id },
        }),
      );
      const reader = await open(tuples);
      for (const one of tuples) {
        expect(await reader.get(one)).toEqual(one);
        expect(await reader.subjects(one.object, 'viewer')).toEqual([one]);
        expect(await reader.objects(one.subject)).toEqual([one]);
      }
      expect(await reader.ofType('file')).toHaveLength(ids.length);
    });
  });
}
