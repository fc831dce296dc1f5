/** Who made what, by number: the many inodes of one subject share its name, which is stored once. */
import type { KvReader, KvTransaction } from '../kv/types.ts';
import { readSubjectNumber, subjectKey, subjectPrefix } from './keys.ts';
import { records } from './records.ts';

/** Number 0 is nobody, and has the empty name. */
export class Subjects {
  readonly #names: string[] = [''];
  /** The numbers that the store has a record of. */
  readonly #numbers = new Map<string, number>([['', 0]]);
  /** Numbers given by transactions that are not applied, and perhaps never will be. */
  readonly #given = new Map<string, number>();

  static async load(kv: KvReader): Promise<Subjects> {
    const subjects = new Subjects();
    for await (const [key, bytes] of records(kv, subjectPrefix)) {
      const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
      const number = readSubjectNumber(key);
      subjects.#names[number] = name;
      subjects.#numbers.set(name, number);
    }
    return subjects;
  }

  get size(): number {
    return this.#numbers.size - 1;
  }

  has(number: number): boolean {
    return this.#names[number] !== undefined;
  }

  /** Nobody for a number that was never given. */
  nameOf(number: number): string {
    return this.#names[number] ?? '';
  }

  /** Undefined until `recorded`. */
  numberOf(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** A number for a new subject, the same for every transaction that asks before one of them is applied. */
  record(tx: KvTransaction, name: string): number {
    let number = this.#given.get(name);
    if (number === undefined) {
      number = this.#names.push(name) - 1;
      this.#given.set(name, number);
    }
    tx.put(subjectKey(number), Buffer.from(name));
    return number;
  }

  /** A transaction that recorded the subject is applied. */
  recorded(name: string): void {
    const number = this.#given.get(name);
    if (number === undefined) return;
    this.#given.delete(name);
    this.#numbers.set(name, number);
  }
}
