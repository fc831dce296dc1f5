/** Sums up a vitest JSON report in one line: count.js REPORT MORE_FAILURES. Exits with 1 when anything failed or nothing ran. */
import { readFileSync } from 'node:fs';

const [report = '', more = '0'] = process.argv.slice(2);
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  const read = JSON.parse(readFileSync(report, 'utf8'));
  // A file that does not load has no tests: it counts as one failure.
  const broken = read.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  counts = {
    passed: read.numPassedTests,
    failed: read.numFailedTests + broken.length,
    skipped: read.numPendingTests + read.numTodoTests,
  };
} catch (error) {
  console.error(`the test run left no report: ${error.message}`);
}
const failed = counts.failed + Number(more);
console.log(`${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped`);
process.exit(failed > 0 || counts.passed === 0 ? 1 : 0);
