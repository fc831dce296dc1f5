/** The POSIX suite on real mounts: two of one tree, with passthrough and without (FS-2, FS-3, FS-11). */
import { afterAll, describe } from 'vitest';
import { mountNexus, whyNoMounts, type MountedNexus } from '../mount/harness.ts';
import { shell } from '../programs/shell.ts';
import { describePosix, type Exclusion } from './describe.ts';

/** Cases that a mount does not pass, each with its reason; SEMANTICS.md tells the same to users. */
const exclusions: Exclusion[] = [];

for (const passthrough of [true, false]) {
  describe.skipIf(whyNoMounts() !== undefined)(
    `mounted ${passthrough ? 'with' : 'without'} passthrough`,
    () => {
      let mounting: Promise<MountedNexus> | undefined;
      /** A directory of its own on one of the two mounts; both are made when the first is asked for. */
      const directory = async (mount: number): Promise<string> => {
        mounting ??= mountNexus({ passthrough, mounts: 2 });
        const { dirs } = await mounting;
        await shell('/', `mkdir -p -m 755 ${dirs[0]}/workspace/posix`);
        return `${dirs[mount]}/workspace/posix`;
      };
      describePosix(
        'posix',
        () => directory(0),
        () => directory(1),
        exclusions,
      );
      afterAll(async () => {
        await (await mounting)?.[Symbol.asyncDispose]();
      });
    },
  );
}
