/** The hashing thread as JavaScript, compiled from the sources as they are now: Node cannot load TypeScript into a worker. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll } from 'vitest';

const sources = fileURLToPath(new URL('../../src', import.meta.url));
// Below the checkout, so that packages are found.
const cache = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));

let directory: string | undefined;

export function compiledWorker(): URL {
  mkdirSync(cache, { recursive: true });
  directory ??= mkdtempSync(join(cache, 'nexus-worker-'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const waiting = ['cas/seal-worker.ts'];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const { outputText } = ts.transpileModule(readFileSync(join(sources, file), 'utf8'), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const target = join(directory, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
    for (const [, path = ''] of outputText.matchAll(/from ["'](\.[^"']+)\.js["']/g)) {
      waiting.push(join(dirname(file), `${path}.ts`));
    }
  }
  return pathToFileURL(join(directory, 'cas/seal-worker.js'));
}

afterAll(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
});
