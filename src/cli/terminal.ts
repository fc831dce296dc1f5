/** What commands print: results on standard output, everything else on standard error. */
import type { Progress } from '../api/protocol.ts';

/** Writes and waits until it is taken; a reader that went away (`nexus cat … | head`) ends the command quietly. */
export function print(text: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve();
      else if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0);
      else reject(error);
    });
  });
}

export function printJson(value: unknown): Promise<void> {
  return print(`${JSON.stringify(value, null, 2)}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Sizes for people: 1.5 KiB. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** Columns, each as wide as its widest cell; those named in `right` are aligned to the right. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  return rows
    .map((row) => {
      const cells = row.map((cell, i) => {
        const width = widths[i] ?? 0;
        return right.includes(i) ? cell.padStart(width) : cell.padEnd(width);
      });
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

/** One line that is written over while long work goes on; nothing where standard error is no terminal. */
export class ProgressLine implements Disposable {
  #shown = false;

  readonly show = (progress: Progress): void => {
    if (!process.stderr.isTTY) return;
    const { step, done, total } = progress;
    const of =
      total === undefined || total === 0 ? '' : ` of ${total} (${Math.floor((100 * done) / total)} %)`;
    process.stderr.write(`\r\x1b[K${step}: ${done}${of}`);
    this.#shown = true;
  };

  [Symbol.dispose](): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
  }
}
