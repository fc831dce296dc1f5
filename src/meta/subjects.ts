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
  /** Names that are nobody's for now. */
  readonly #ended = new Set<string>();

  static async load(kv: KvReader): Promise<Subjects> {
    const subjects = new Subjects();
    for await (const [key, bytes] of records(kv, subjectPrefix)) {
      const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
      const number = readSubjectNumber(key);
      subjects.#names[number] = name;
      if (name !== '') subjects.#numbers.set(name, number);
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
    return this.#ended.has(name) ? 0 : this.#numbers.get(name);
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

  /** What the subject made is nobody's from here on, and so is what it still makes. Returns its number, whose record is to be emptied. */
  end(name: string): number | undefined {
    this.#ended.add(name);
    const number = this.#numbers.get(name);
    if (number !== undefined) this.#names[number] = '';
    return number;
  }

  /** The record is empty. */
  emptied(name: string): void {
    this.#numbers.delete(name);
  }

  /** Whose is what the subject makes now? */
  makerOf(name: string): string {
    return this.#ended.has(name) ? '' : name;
  }

  /** Somebody has the name again, and begins with a number of its own. */
  begin(name: string): void {
    this.#ended.delete(name);
  }

  /** A transaction that recorded the subject is applied. */
  recorded(name: string): void {
    const number = this.#given.get(name);
    if (number === undefined) return;
    this.#given.delete(name);
    this.#numbers.set(name, number);
  }
}
