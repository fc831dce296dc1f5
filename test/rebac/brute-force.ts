/** A second evaluator, as simple as can be: all answers for all subjects at once, repeated until nothing changes. */
import type { Model, Restriction, Rewrite, SubjectRef, Tuple } from '../../src/rebac/types.ts';

/** Ordered so that "or" is the greater and "and" the lesser: true beats unknown in a union, false beats it in an intersection. */
export type Answer = 0 | 1 | 2;
export const no: Answer = 0;
export const unknown: Answer = 1;
export const yes: Answer = 2;

/** What each relation of each object gives each subject; `holds` says what a tuple's condition gives. */
export class BruteForce {
  readonly #model: Model;
  readonly #tuples: readonly Tuple[];
  readonly #holds: (tuple: Tuple) => Answer;
  readonly #layers: readonly (readonly string[])[];
  readonly #answers = new Map<string, Answer>();

  /** `layers`: relations such that what is subtracted lies in an earlier layer. */
  constructor(
    model: Model,
    tuples: readonly Tuple[],
    layers: readonly (readonly string[])[],
    holds: (tuple: Tuple) => Answer,
  ) {
    this.#model = model;
    this.#tuples = tuples;
    this.#layers = layers;
    this.#holds = holds;
  }

  solve(objects: readonly string[], subject: SubjectRef): void {
    for (const layer of this.#layers) {
      for (let changed = true; changed; ) {
        changed = false;
        for (const object of objects) {
          for (const relation of layer) {
            const definition = this.#model.types.get(typeOf(object))?.get(relation);
            if (definition === undefined) continue;
            const answer = this.#rewrite(definition.rewrite, object, relation, subject);
            const key = keyOf(object, relation, subject);
            if ((this.#answers.get(key) ?? no) === answer) continue;
            this.#answers.set(key, answer);
            changed = true;
          }
        }
      }
    }
  }

  answer(object: string, relation: string, subject: SubjectRef): Answer {
    if (object === `${subject.type}:${subject.id}` && relation === subject.relation) return yes;
    return this.#answers.get(keyOf(object, relation, subject)) ?? no;
  }

  #rewrite(rewrite: Rewrite, object: string, relation: string, subject: SubjectRef): Answer {
    const part = (child: Rewrite): Answer => this.#rewrite(child, object, relation, subject);
    switch (rewrite.kind) {
      case 'this':
        return most(
          this.#at(object, relation).map((tuple) =>
            least([this.#holds(tuple), this.#covers(tuple.subject, subject)]),
          ),
        );
      case 'computed':
        return this.answer(object, rewrite.relation, subject);
      case 'from':
        return most(
          this.#at(object, rewrite.tupleset)
            .filter((tuple) => tuple.subject.relation === undefined && tuple.subject.id !== '*')
            .map((tuple) =>
              least([this.#holds(tuple), this.answer(nameOf(tuple.subject), rewrite.relation, subject)]),
            ),
        );
      case 'union':
        return most(rewrite.of.map(part));
      case 'intersection':
        return least(rewrite.of.map(part));
      case 'exclusion':
        return least([part(rewrite.base), (2 - part(rewrite.subtract)) as Answer]);
    }
  }

  #at(object: string, relation: string): Tuple[] {
    const restrictions = this.#model.types.get(typeOf(object))?.get(relation)?.restrictions ?? [];
    return this.#tuples.filter(
      (tuple) =>
        nameOf(tuple.object) === object &&
        tuple.relation === relation &&
        restrictions.some((by) => allows(by, tuple)),
    );
  }

  #covers(given: SubjectRef, asked: SubjectRef): Answer {
    if (given.type === asked.type && given.id === asked.id && given.relation === asked.relation) return yes;
    if (given.relation !== undefined) return this.answer(nameOf(given), given.relation, asked);
    return given.id === '*' && given.type === asked.type && asked.relation === undefined ? yes : no;
  }
}

function allows(by: Restriction, { subject, condition }: Tuple): boolean {
  const text = (given: Restriction): string =>
    JSON.stringify([given.type, given.relation, given.wildcard ?? false, given.condition]);
  return (
    text(by) ===
    text({
      type: subject.type,
      ...(subject.relation !== undefined && { relation: subject.relation }),
      wildcard: subject.id === '*',
      ...(condition && { condition: condition.name }),
    })
  );
}

function most(answers: readonly Answer[]): Answer {
  return Math.max(no, ...answers) as Answer;
}

function least(answers: readonly Answer[]): Answer {
  return Math.min(yes, ...answers) as Answer;
}

function nameOf(object: { type: string; id: string }): string {
  return `${object.type}:${object.id}`;
}

function typeOf(object: string): string {
  return object.slice(0, object.indexOf(':'));
}

function keyOf(object: string, relation: string, subject: SubjectRef): string {
  return `${object}#${relation}@${subject.type}:${subject.id}#${subject.relation ?? ''}`;
}
