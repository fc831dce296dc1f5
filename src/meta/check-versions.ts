/** The chain of versions of one file: every number from 1 to the newest. */
import { S_IFMT, S_IFREG } from '../fs/types.ts';
import type { KvReader } from '../kv/types.ts';
import { id6, readVersionNumber, versionKey } from './keys.ts';
import type { Inode, ProblemKind } from './types.ts';
import type { Update } from './update.ts';
import { encodeVersion } from './version-codec.ts';

const PAGE = 1_000;

/** Says what is wrong; `repaired` where that is not what was asked. */
export type Report = (kind: ProblemKind, detail: string, repaired?: boolean) => void;

interface Chain {
  readonly newest: number;
  readonly missing: readonly number[];
}

/** Reports a file's missing version records and a newest version the inode does not speak of. */
export async function findVersionProblems(reader: KvReader, inode: Inode, report: Report): Promise<Chain> {
  if ((inode.mode & S_IFMT) !== S_IFREG) return { newest: 0, missing: [] };
  const chain = await readChain(reader, inode);
  if (chain.newest > inode.version) {
    report(
      'version-newest',
      `version ${inode.version} is given as the newest, but ${chain.newest} is recorded`,
    );
  }
  for (const number of chain.missing) {
    const isNewest = number === inode.version;
    const detail = `the record of version ${number} is missing`;
    if (isNewest) report('version-gap', detail);
    else report('version-gap', `${detail}, its content is lost`, false);
  }
  return chain;
}

/** Mends what can be: the newest version is what the inode holds, older ones are lost with their records. */
export function repairVersions(u: Update, inode: Inode, { newest, missing }: Chain): void {
  if (newest > inode.version) u.put(inode, { ...inode, version: newest });
  else if (missing.includes(inode.version)) {
    const { version: number, size, content, mtime, ctime: time } = inode;
    const record = { number, size, content, mtime, time, author: 'system:check', revision: u.revision };
    u.tx.put(versionKey(inode.ino, number), encodeVersion(record));
  }
}

async function readChain(reader: KvReader, { ino, version }: Inode): Promise<Chain> {
  const missing: number[] = [];
  let newest = 0;
  for (let full = true; full; ) {
    const page = await reader.scan({
      from: versionKey(ino, newest + 1),
      to: 'v' + id6(ino + 1),
      limit: PAGE,
    });
    for (const [key] of page) {
      const number = readVersionNumber(key);
      while (++newest < number) missing.push(newest);
    }
    full = page.length === PAGE;
  }
  while (++newest <= version) missing.push(newest);
  return { newest: newest - 1, missing };
}
