/** What the engine refuses, with OpenFGA's numbers where it has one. */
import { FsError } from '../base/errors.ts';

/** 2000 invalid input or a condition that cannot be evaluated, 2002 too complex, 2021 unknown type, 2022 unknown relation, 2027 invalid contextual tuple. */
export type RebacCode = 2000 | 2002 | 2021 | 2022 | 2027;

/** An expected refusal: EINVAL for the edges, `number` for who speaks OpenFGA. */
export class RebacError extends FsError {
  readonly number: RebacCode;

  constructor(number: RebacCode, detail: string, options?: ErrorOptions) {
    super('EINVAL', detail, options);
    this.number = number;
  }
}
