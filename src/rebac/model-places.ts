/** Where the types, relations and conditions of a model's text are, for messages. */

export class Places {
  readonly #lines = new Map<string, number>();
  /** Types that are there twice: the parser leaves that to us. */
  readonly twice: string | undefined;

  constructor(dsl: string) {
    let type = '';
    let twice: string | undefined;
    for (const [index, line] of dsl.split('\n').entries()) {
      const [, what, name] = /^\s*(?:extend\s+)?(type|define|condition)\s+([\w-]+)/.exec(line) ?? [];
      if (what === undefined || name === undefined) continue;
      if (what === 'type') {
        if (this.#lines.has(name)) twice ??= name;
        type = name;
      }
      const key = what === 'type' ? name : what === 'define' ? `${type}#${name}` : `condition ${name}`;
      this.#lines.set(key, index + 1);
    }
    this.twice = twice;
  }

  /** `line 7: file#viewer`, or just the name where the line is not known. The name of a condition is `condition NAME`. */
  of(name: string): string {
    const line = this.#lines.get(name);
    return line === undefined ? name : `line ${line}: ${name}`;
  }
}
