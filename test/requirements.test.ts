/** No promise without a test that cites it, and no citation of what nobody promised. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { promises } from './requirements.ts';

const here = new URL('.', import.meta.url).pathname;
const cited = new Set(
  readdirSync(here, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.startsWith('requirements'))
    .flatMap((path) => readFileSync(join(here, path), 'utf8').match(/\b[A-Z]{2,4}-\d+(?=[,)])/g) ?? []),
);

it.each(Object.entries(promises))('%s: %s', (id) => {
  expect(cited).toContain(id);
});

it('only promises are cited', () => {
  expect([...cited].filter((id) => !Object.hasOwn(promises, id))).toEqual([]);
});
