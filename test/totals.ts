import { appendFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * The last line of a run, for programs that read it: "120 passed, 0 failed". A file that can't even be loaded counts as
 * one failed test, and so does each check that npm test ran before (types, lint ...). With LETTERLOG_TEST_TOTALS, the line goes to that file too.
 */
export default class Totals implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandled: ReadonlyArray<unknown>): void {
    let passed = 0;
    let failed = unhandled.length + Number(process.env['LETTERLOG_TEST_FAILED_CHECKS'] ?? 0);
    for (const module of modules) {
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        if (state === 'failed') failed += 1;
      }
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
    }
    const line = `${passed} passed, ${failed} failed`;
    const file = process.env['LETTERLOG_TEST_TOTALS'];
    if (file) appendFileSync(file, `${line}\n`);
    // After the other reporters' last words.
    process.once('exit', () => process.stdout.write(`\n${line}\n`));
  }
}
