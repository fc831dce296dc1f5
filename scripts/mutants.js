/**
 * Proves that the suites can fail: each mutant is one small fault put into a copy of the tree, and its suite must notice.
 * Usage: node scripts/mutants.js [text the mutant's file or suite contains]
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `find` must occur exactly once in `file`. */
export const mutants = [
  // The writer lock never taken.
  {
    file: 'src/kv/writers.ts',
    find: 'if (!this.#busy) return this.#begin(fn);',
    replace: 'if (fn !== undefined) return this.#begin(fn);',
    suite: 'test/kv/memory-kv.test.ts',
  },
  // A transaction that ends may still be written into.
  {
    file: 'src/kv/transaction.ts',
    find: 'this.#ended = true;',
    replace: 'this.#ended = false;',
    suite: 'test/kv/memory-kv.test.ts',
  },
  // What a transaction deleted shows in its scans.
  {
    file: 'src/kv/transaction.ts',
    find: 'for (const change of this.#changes) if (',
    replace: 'for (const change of this.#changes) if (change[1] !== null && ',
    suite: 'test/kv/memory-kv.test.ts',
  },
  // `to` belongs to the range.
  {
    file: 'src/kv/memtable.ts',
    find: 'step.value[0] < to;',
    replace: 'step.value[0] <= to;',
    suite: 'test/kv/memory-kv.test.ts',
  },
  // An older layer wins.
  {
    file: 'src/kv/merge.ts',
    find: 'return reverse ? a > b : a < b;',
    replace: 'return reverse ? a >= b : a <= b;',
    suite: 'test/kv/level-kv-contract.test.ts',
  },
  // A deletion in memory does not hide what LevelDB holds.
  {
    file: 'src/kv/layers.ts',
    find: 'keepDeleted: beneath',
    replace: 'keepDeleted: false',
    suite: 'test/kv/level-kv-checkpoint.test.ts',
  },
  // The frozen memtable is forgotten before LevelDB has it.
  {
    file: 'src/kv/checkpoints.ts',
    find: 'await sync();\n',
    replace: 'layers.thaw();\n    await sync();\n',
    suite: 'test/kv/level-kv-model.test.ts',
  },
  // LevelDB learns of things before they are durable.
  {
    file: 'src/kv/checkpoints.ts',
    find: 'await sync();\n',
    replace: '',
    suite: 'test/kv/level-kv-checkpoint.test.ts',
  },
  // The journal goes before LevelDB has everything.
  {
    file: 'src/kv/checkpoints.ts',
    find: 'await sync();\n',
    replace: 'await sync();\n    await journal.drop();\n',
    suite: 'test/kv/level-kv-checkpoint.test.ts',
  },
  // Memory grows without bound while a checkpoint is slow.
  {
    file: 'src/kv/checkpoints.ts',
    find: 'return this.#size() < 2 * this.#options.limit',
    replace: 'return this.#size() < Infinity * this.#options.limit',
    suite: 'test/kv/level-kv-checkpoint.test.ts',
  },
  // What LevelDB may hold is not told after a checkpoint.
  {
    file: 'src/kv/level-table.ts',
    find: 'this.#zones.addAll(zones);',
    replace: '',
    suite: 'test/kv/level-kv-checkpoint.test.ts',
  },
  // Damage is not looked at.
  {
    file: 'src/kv/record.ts',
    find: 'if (crc32(bytes.subarray(start + 8, end)) !== bytes.readUInt32LE(start + 4)) return undefined;',
    replace: 'void crc32;',
    suite: 'test/kv/journal-damage.test.ts',
  },
  // Damage in the middle passes for a torn end.
  {
    file: 'src/kv/replay.ts',
    find: 'if (record.boot === boot || record.durable > end) return true;',
    replace: 'if (record.durable > end) return true;',
    suite: 'test/kv/journal-damage.test.ts',
  },
  // A power cut that tore the journal keeps the store from opening.
  {
    file: 'src/kv/replay.ts',
    find: 'if (record.boot === boot || record.durable > end) return true;',
    replace: 'if (record.end > 0 || boot === end) return true;',
    suite: 'test/kv/journal-damage.test.ts',
  },
  // A later file is replayed although the one before it lost its end.
  {
    file: 'src/kv/replay.ts',
    find: 'const follows = name.start === end;',
    replace: 'const follows = name.start >= end;',
    suite: 'test/kv/journal-damage.test.ts',
  },
  // A write that failed half way leaves its bytes.
  {
    file: 'src/kv/journal-file.ts',
    find: 'ftruncateSync(this.#fd, this.#length);',
    replace: 'void ftruncateSync;',
    suite: 'test/fault/full-disk.test.ts',
  },
  // No way out of a full disk.
  {
    file: 'src/kv/reserve.ts',
    find: 'if (this.#held === 0) return false;',
    replace: 'if (this.#held >= 0) return false;',
    suite: 'test/fault/full-disk.test.ts',
  },
  // Memory is changed before the journal took the transaction.
  {
    file: 'src/kv/level-kv.ts',
    find: 'this.#parts.journal.append(changes);\n    this.#parts.layers.active.apply(changes);',
    replace: 'this.#parts.layers.active.apply(changes);\n    this.#parts.journal.append(changes);',
    suite: 'test/fault/full-disk.test.ts',
  },
  // A caller of sync is given a round that had begun before its call.
  {
    file: 'src/kv/rounds.ts',
    find: 'const before = ',
    replace: 'if (this.#current !== undefined) return this.#current;\n    const before = ',
    suite: 'test/kv/level-kv-reopen.test.ts',
  },
  // Everybody may say who has what.
  {
    file: 'src/app/authority.ts',
    find: 'if (await this.governs(caller, zone, object)) return;',
    replace: "if (zone !== '') return;",
    suite: 'test/edge/rebac-operations.test.ts',
  },
  // Everybody may mount as anybody.
  {
    file: 'src/app/authority.ts',
    find: 'if (this.speaksFor(caller, zone, reference) && caller.zone === zone) continue;',
    replace: "if (subject !== '') continue;",
    suite: 'test/edge/identity-operations.test.ts',
  },
  // A tuple on a file of another zone is stored.
  {
    file: 'src/app/permissions.ts',
    find: 'if (home === zone.name) return;',
    replace: "if (home !== '') return;",
    suite: 'test/edge/rebac-operations.test.ts',
  },
  // Numbers that no file has yet may be granted.
  {
    file: 'src/app/permissions.ts',
    find: 'if ((await this.#options.tree.lineage(node)) === undefined)',
    replace: 'if (node < 0)',
    suite: 'test/edge/rebac-operations.test.ts',
  },
  // What was granted to a name waits for the next who gets it.
  {
    file: 'src/app/identities.ts',
    find: 'await own.deleteObject({ type: entity.kind, id: entity.name });',
    replace: '',
    suite: 'test/edge/identity-operations.test.ts',
  },
  // An agent may do what its ceiling keeps it from.
  {
    file: 'src/app/questions.ts',
    find: 'return engine.check({ ...question, contextualTuples });',
    replace: 'return true || contextualTuples;',
    suite: 'test/edge/rebac-operations.test.ts',
  },
  // A model that mounts cannot ask is taken.
  {
    file: 'src/app/zones.ts',
    find: 'if (missing.length === 0) return model;',
    replace: 'if (missing.length >= 0) return model;',
    suite: 'test/edge/rebac-model.test.ts',
  },
];

const root = fileURLToPath(new URL('..', import.meta.url));

/** A copy of what the suites need. */
function copyTree() {
  const copy = mkdtempSync(join(tmpdir(), 'nexus-mutants-'));
  for (const part of ['src', 'test', 'scripts', 'package.json', 'tsconfig.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Does the suite pass in this tree? */
function passes(tree, suite) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--config', 'test/vitest.config.ts', '--bail=1', suite],
    {
      cwd: tree,
      stdio: 'ignore',
      timeout: 600_000,
    },
  );
  return status === 0;
}

/** Puts the fault in, runs, takes it out again: was it noticed? */
function noticed(tree, { file, find, replace, suite }) {
  const path = join(tree, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(find).length !== 2) throw new Error(`${file} does not contain this exactly once: ${find}`);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    return !passes(tree, suite);
  } finally {
    writeFileSync(path, source);
  }
}

function main(filter = '') {
  const chosen = mutants.filter(({ file, suite }) => `${file} ${suite}`.includes(filter));
  const tree = copyTree();
  try {
    for (const suite of new Set(chosen.map((mutant) => mutant.suite))) {
      if (!passes(tree, suite)) throw new Error(`${suite} fails without any mutant`);
    }
    let survivors = 0;
    for (const mutant of chosen) {
      const caught = noticed(tree, mutant);
      if (!caught) survivors++;
      console.log(
        `${caught ? 'noticed ' : 'SURVIVED'} ${mutant.file}: ${mutant.replace.trim() || 'deleted'} (${mutant.suite})`,
      );
    }
    console.log(`${chosen.length - survivors} of ${chosen.length} mutants noticed`);
    process.exitCode = survivors === 0 ? 0 : 1;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv[2]);
