/** The suite every FileSystem passes, whatever is stacked: one instance, a directory of its own for each case. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { FileSystem, NodeId } from '../../src/fs/types.ts';
import { attributeCases } from './filesystem/attributes.ts';
import type { Case, Feature } from './filesystem/case.ts';
import { Bench } from './filesystem/case.ts';
import { copyCases } from './filesystem/copies.ts';
import { directoryCases } from './filesystem/directories.ts';
import { errorCases } from './filesystem/errors.ts';
import { handleCases } from './filesystem/handles.ts';
import { lineageCases } from './filesystem/lineages.ts';
import { linkCases } from './filesystem/links.ts';
import { renameCases } from './filesystem/renames.ts';
import { spaceCases } from './filesystem/space.ts';
import { timeCases } from './filesystem/times.ts';
import { truncateCases } from './filesystem/truncate.ts';
import { versionCases } from './filesystem/versions.ts';
import { writeCases } from './filesystem/writes.ts';
import { xattrCases } from './filesystem/xattrs.ts';

export interface FileSystemSubject extends AsyncDisposable {
  readonly fs: FileSystem;
  /** An existing directory in which everything may be done; the root unless the stack has something above it. */
  readonly directory: NodeId;
}

export interface FileSystemTraits {
  /** What this FileSystem does not have, and why: its cases are shown as skipped with the reason. */
  readonly lacks?: Partial<Record<Feature, string>>;
}

const groups: Readonly<Record<string, readonly Case[]>> = {
  names: directoryCases,
  links: linkCases,
  lineage: lineageCases,
  renames: renameCases,
  attributes: attributeCases,
  times: timeCases,
  handles: handleCases,
  writes: writeCases,
  truncation: truncateCases,
  space: spaceCases,
  copies: copyCases,
  'extended attributes': xattrCases,
  versions: versionCases,
  errors: errorCases,
};

export function describeFileSystem(
  name: string,
  open: () => Promise<FileSystemSubject>,
  traits: FileSystemTraits = {},
): void {
  describe(`FileSystem: ${name}`, () => {
    let subject: FileSystemSubject | undefined;
    let count = 0;

    beforeAll(async () => {
      subject = await open();
    });
    afterAll(async () => {
      await subject?.[Symbol.asyncDispose]();
    });

    for (const [group, cases] of Object.entries(groups)) {
      describe(group, () => {
        for (const { title, needs, run } of cases) {
          const reason = needs === undefined ? undefined : traits.lacks?.[needs];
          it.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (${reason})`, async () => {
            if (subject === undefined) throw new Error('the file system did not open');
            count++;
            await run(await Bench.make(subject.fs, subject.directory, `case-${String(count)}`));
          });
        }
      });
    }
  });
}
